"""Where something out of the ordinary happens in a table of times: gaps, missing values, large moves.

A table holds a series of rows for each of its keys; only what follows each other within a series is compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from cryptodudez_assets.features.declaration import FeatureView

LARGEST = 3
# A text column tells series apart if each of its values has so many rows in the mean.
ROWS_PER_SERIES = 5
# A step in time is a gap if it is so much longer than the usual one.
LONGER = 1.5

Times = np.ndarray[tuple[int], np.dtype[np.int64]]
"""In microseconds since 1970."""
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]


def times(values: pl.Series) -> Times:
    """The distinct times, sorted."""
    return values.unique().sort().to_physical().to_numpy()


@dataclass(frozen=True)
class Part:
    """Rows of one table, sorted by series and time: since when each is known, and whether it follows another of its series."""

    rows: pl.DataFrame
    known: Times
    time: Times
    follows: np.ndarray[tuple[int], np.dtype[np.bool_]]
    values: list[str]

    def gaps(self) -> list[int]:
        """When rows after a gap became known, those after the longest first."""
        steps = np.where(self.follows, np.diff(self.time, prepend=0), 0)
        if not self.follows.any():
            return []
        long = np.flatnonzero(steps > LONGER * np.median(steps[self.follows]))
        return [int(self.known[row]) for row in long[np.argsort(-steps[long], kind="stable")]]

    def nulls(self) -> Iterator[tuple[list[int], list[int]]]:
        """For each column with nulls, when the last row of each run of nulls became known: of those amid values, and of those
        that a series begins with."""
        for name in self.values:
            is_null = self.rows[name].is_null().to_numpy()
            if not is_null.any() or is_null.all():
                continue
            ends = np.flatnonzero(is_null[:-1] & ~is_null[1:] & self.follows[1:])
            starts = np.flatnonzero(is_null & ~(np.roll(is_null, 1) & self.follows))
            start = starts[np.searchsorted(starts, ends, side="right") - 1]
            amid = self.follows[start]
            yield [int(time) for time in self.known[ends[amid]]], [int(time) for time in self.known[ends[~amid]]]

    def largest_moves(self) -> Iterator[list[int]]:
        """For each column of numbers, when the rows with its largest rises since the row before became known, and falls."""
        for moves in self._moves():
            yield self._known_of_largest(moves)
            yield self._known_of_largest(-moves)

    def moves_together(self) -> list[list[int]]:
        """When rows became known in which all columns rose much, and fell much."""
        ranks = [ranks / max(1, ranks.max()) for ranks in map(_ranks, self._moves()) if len(ranks)]
        mean = np.mean(ranks, axis=0) if ranks else None
        return [] if mean is None else [self._known_of_largest(mean), self._known_of_largest(-mean)]

    def extremes(self) -> Iterator[list[int]]:
        """For each column of numbers, when the rows farthest from its median became known."""
        for values in self._numbers():
            if np.isfinite(values).any():
                yield self._known_of_largest(np.nan_to_num(np.abs(values - np.nanmedian(values)), nan=-1.0))

    def _moves(self) -> Iterator[Numbers]:
        """Of each column of numbers, the change since the row before as a share of both; 0 where there is none."""
        for values in self._numbers():
            before = np.roll(values, 1)
            with np.errstate(invalid="ignore", divide="ignore"):
                moves = (values - before) / (np.abs(values) + np.abs(before))
            yield np.where(self.follows, np.nan_to_num(moves, nan=0.0), 0.0)

    def _numbers(self) -> Iterator[Numbers]:
        for name in self.values:
            if self.rows[name].dtype.is_numeric():
                yield self.rows[name].cast(pl.Float64).to_numpy()

    def _known_of_largest(self, values: Numbers, n: int = LARGEST) -> list[int]:
        return [int(self.known[row]) for row in np.argsort(-values, kind="stable")[:n]]


def _ranks(values: Numbers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.unique(values, return_inverse=True)[1]


def in_series(view: FeatureView, rows: pl.DataFrame, known: str, time: str) -> Part:
    """Rows of a view or of its input, by the view's key where they have it, else by texts that repeat."""
    series = [name for name in view.key if name in rows.columns] or [
        name
        for name, dtype in rows.schema.items()
        if dtype == pl.String and rows[name].n_unique() * ROWS_PER_SERIES <= len(rows)
    ]
    if series and rows.select(series).n_unique() * 2 > len(rows):  # a row each: then they follow each other in time
        series = []
    ordered = rows.sort([*series, time, known])
    same = [pl.col(name).eq_missing(pl.col(name).shift()) for name in series]
    follows = ordered.select(pl.all_horizontal(pl.int_range(pl.len()) > 0, *same)).to_series().to_numpy()
    values = [name for name in rows.columns if name not in {*series, known, time}]
    at = [ordered[name].to_physical().to_numpy() for name in (known, time)]
    return Part(ordered, at[0], at[1], follows, values)
