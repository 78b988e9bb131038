"""Whether the newest whole day of a table is poor: far fewer rows than usual, or nulls where there are hardly any.

What is unusual is learned from the table's own past: counts so small, and shares of nulls so large, that at most so many of a
hundred days reach them. That part is the largest with which looks at the past days, each by those before it, would have called at
most 5 % of them poor; it begins below that, for the next looks are no past ones. Where the past is too short for a part of it, half
of the count that a tenth of it lies below, and double the largest share, stand for it. A table with hardly any past is not judged
by its counts; that it has nulls is told then. Knows numbers of days only; where they come from is up to the caller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FALSE_LOOKS = 0.05
LEVELS = (0.03, 0.02, 0.01, 0.005)
"""Parts of all days that may be called poor, for whatever reason."""
FAR_FEWER = 0.5
"""Of the usual count; what is above is no poor day, however rare."""
USUAL_DAYS = 28
"""The usual count is the median of so many days before."""
FEWEST_DAYS = 14
"""With fewer days before it none is judged by its count."""
PAST_DAYS = 400
A_TENTH = 0.1


@dataclass(frozen=True)
class DayJudged:
    """What was found of one day. `usual`, `limit`: rows; None where the past is too short. `nulls`: by column, of too many."""

    day: date | None
    rows: int = 0
    usual: float | None = None
    limit: float | None = None
    nulls: Mapping[str, int] = field(default_factory=dict)
    past_days: int = 0

    @property
    def has_few_rows(self) -> bool:
        """Whether it has far fewer rows than usual."""
        return self.limit is not None and self.rows < self.limit

    @property
    def is_poor(self) -> bool:
        """Whether people are to be told."""
        return self.has_few_rows or bool(self.nulls)

    def __str__(self) -> str:
        if self.day is None:
            return "no day is over yet"
        found = []
        if self.limit is not None and self.has_few_rows:
            found.append(f"{self.rows:,} rows, fewer than {self.limit:,.0f} (usual: {self.usual:,.0f})")
        found += [f"{n:,} of {self.rows:,} rows have no {name}" for name, n in self.nulls.items()]
        learned = f"judged by the {self.past_days} days before"
        if self.limit is None:
            learned = f"{self.past_days} days before it are too few to judge its {self.rows:,} rows"
        return f"{self.day}: {'; '.join(found) or 'nothing unusual'} ({learned})"


def judge_newest(days: pl.DataFrame, over: date, columns: Sequence[str]) -> DayJudged:
    """The newest day before `over` by those before it.

    `days`: a row for each day with rows: `day`, `rows`, and for each of `columns` the number of rows without it. Days between that
    have no row count as days with none.
    """
    past = _whole(days.filter(pl.col("day") < over), columns)
    return judge_last(past) if len(past) else DayJudged(None)


def judge_last(past: pl.DataFrame) -> DayJudged:
    """The last of consecutive days by all the others."""
    columns = [name for name in past.columns if name not in ("day", "rows")]
    past = past.tail(PAST_DAYS)
    rows = past["rows"].to_numpy().astype(np.float64)
    shares = {name: np.divide(past[name].to_numpy(), np.maximum(rows, 1)) for name in columns}
    usual, ratios = _ratios(rows)
    before = len(rows) - 1
    newest = past.row(-1, named=True)
    part = _calibrated(ratios[:before], {name: one[:before] for name, one in shares.items()})
    if part is None:
        return DayJudged(newest["day"], newest["rows"], past_days=before)
    nulls = {name: int(newest[name]) for name, one in shares.items() if one[-1] > _highest(one[:before], part)}
    limit = _lowest(ratios[:before], part)
    if limit is None or not np.isfinite(usual[-1]):
        return DayJudged(newest["day"], newest["rows"], nulls=nulls, past_days=before)
    return DayJudged(newest["day"], newest["rows"], float(usual[-1]), float(limit * usual[-1]), nulls, before)


def _whole(days: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Every day from the first to the last."""
    if days.is_empty():
        return days
    known = days.sort("day").upsample("day", every="1d")
    return known.select("day", pl.col("rows", *columns).fill_null(0))


def _ratios(rows: Floats) -> tuple[Floats, Floats]:
    """Of each day the median of those before it, and its count as a share of that; NaN where that cannot be told."""
    usual = np.full(len(rows), np.nan)
    for at in range(FEWEST_DAYS, len(rows)):
        usual[at] = np.median(rows[max(at - USUAL_DAYS, 0) : at])
    usual[usual == 0] = np.nan
    return usual, rows / usual


def _calibrated(ratios: Floats, shares: Mapping[str, Floats]) -> float | None:
    """The part of days that each criterion may call poor: the largest with which at most 5 % of looks at past days were false."""
    for level in LEVELS:
        looks = poor = 0
        part = level / (1 + len(shares))
        for at in range(FEWEST_DAYS, len(ratios)):
            limit = _lowest(ratios[:at], part)
            few = limit is not None and ratios[at] < limit
            nulls = any(one[at] > _highest(one[:at], part) for one in shares.values())
            looks, poor = looks + 1, poor + (few or nulls)
        if poor <= FALSE_LOOKS * looks:
            return part
    return None


def _lowest(ratios: Floats, part: float) -> float | None:
    """The share of the usual count below which at most this part of the days lies; None where they are too few to tell."""
    known = ratios[np.isfinite(ratios)]
    if len(known) < FEWEST_DAYS:
        return None
    rank = int(part * (len(known) + 1))
    if rank:
        return min(FAR_FEWER, _smallest(known, rank))
    return min(FAR_FEWER, _smallest(known, max(1, int(A_TENTH * (len(known) + 1)))) / 2)


def _smallest(values: Floats, rank: int) -> float:
    return float(np.partition(values, rank - 1)[rank - 1])


def _highest(shares: Floats, part: float) -> float:
    """The share of nulls above which at most this part of the days lies; 0 where they are too few to tell."""
    if len(shares) < FEWEST_DAYS:
        return 0.0
    rank = int(part * (len(shares) + 1))
    return -_smallest(-shares, rank) if rank else 2 * float(shares.max())
