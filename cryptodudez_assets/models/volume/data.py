"""What the volume model sees: rows with all that is needed, split by time, a sample, and all rows counted into cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from sklearn.model_selection import train_test_split

from cryptodudez_assets.declared_models.volume import FEATURES, WINDOW, VolumeOptions
from cryptodudez_assets.models.dataset import Float32s, Floats

AVERAGE, PRICE = FEATURES
STEPS_PER_E = 4
"""Cells of a feature while it grows by a factor of e: a feature is known to an eighth, which trees on finer cells did not beat."""
RATIO_STEP = 0.05
RANDOM_TEST_SHARE = 0.2


class TooFewRows(ValueError):
    """There are not enough rows, or days, to learn from and test with."""


@dataclass(frozen=True)
class Split:
    """Three parts in order of time: learned from, chosen on (`choose_from`), tested on (`test_from`, to `last_day`)."""

    first_day: date
    choose_from: date
    test_from: date
    last_day: date
    rows: int
    rows_before_test: int


@dataclass(frozen=True)
class Rows:
    """Rows in memory: features (rows x 2) and the volume that was."""

    features: Float32s
    volume: Floats

    def __len__(self) -> int:
        return len(self.volume)


def usable(rows: pl.LazyFrame, also: Sequence[str] = ()) -> pl.LazyFrame:
    """The rows of which volume and both features are known; at the start of a symbol they are not. `also`: columns beside these."""
    known = [pl.col(name).cast(pl.Float64) for name in ("volume", AVERAGE, PRICE)]
    return rows.select("symbol", pl.col("date").cast(pl.Date), *known, *also).filter(
        pl.all_horizontal(one.is_finite() for one in known), pl.col("volume") >= 0, pl.col(AVERAGE) >= 0
    )


def split_of(rows: pl.LazyFrame, options: VolumeOptions) -> Split:
    """Where the parts begin, so that a day lies in one of them only. Raises `TooFewRows`."""
    days = rows.group_by("date").agg(rows=pl.len()).sort("date").collect(engine="streaming")
    total = int(days["rows"].sum())
    if total < options.min_rows:
        raise TooFewRows(
            f"{total} rows with both features, but {options.min_rows} are needed. Land more days or symbols."
        )
    before = days.select("date", share=(pl.col("rows").cum_sum() - pl.col("rows")) / total)
    bounds = (options.train_share, options.train_share + options.choose_share)
    choose, test = (before.filter(pl.col("share") >= bound)["date"] for bound in bounds)
    if choose.is_empty() or test.is_empty() or choose[0] == test[0]:
        raise TooFewRows(
            f"{total} rows of only {len(days)} days: they cannot be split into three parts by time. Land more days."
        )
    before_test = int(days.filter(pl.col("date") < test[0])["rows"].sum())
    return Split(days["date"][0], choose[0], test[0], days["date"][-1], total, before_test)


def in_memory(rows: pl.LazyFrame) -> Rows:
    """12 to 16 bytes a row: for a part of the rows. They keep no order."""
    found = rows.select(*(pl.col(name).cast(pl.Float32) for name in FEATURES), "volume").collect(engine="streaming")
    return Rows(found.select(FEATURES).to_numpy(order="c"), found["volume"].to_numpy())


def sample(rows: pl.LazyFrame, total: int, options: VolumeOptions) -> pl.DataFrame:
    """About `options.sample_rows` of `total` rows, in order: the same ones wherever they lie in the table."""
    drawn = rows.filter(is_drawn(total, options.sample_rows, options.seed))
    return drawn.sort("symbol", "date").collect(engine="streaming")


def is_drawn(total: int, wanted: int, seed: int) -> pl.Expr:
    """Whether a row is among about `wanted` of `total`."""
    return pl.struct("symbol", "date").hash(seed) % max(1, total // wanted) == 0


def random_split(rows: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The brief's split: four fifths of the rows to learn from, drawn at random from all days, and the others."""
    learned, tested = train_test_split(np.arange(len(rows)), test_size=RANDOM_TEST_SHARE, random_state=seed)
    return rows[learned], rows[tested]


def without_today(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The same rows with the mean of the 29 rows before the day, and no price (0): what could be known before the day.

    Their median price cannot be had from a row alone. For windows of `WINDOW` rows only.
    """
    # Shares are whole: rounded, nothing of the day is left.
    before = (WINDOW * pl.col(AVERAGE) - pl.col("volume")).round() / (WINDOW - 1)
    return rows.with_columns(before.clip(lower_bound=0).alias(AVERAGE), pl.lit(0.0).alias(PRICE))


@dataclass(frozen=True)
class Cells:
    """All rows, counted into cells of average, price and volume / average: however many rows, a hundred thousand cells or so.

    `features` and `ratio` are those in the middle of the cell; `rows` is how many there are in it.
    """

    features: Floats
    ratio: Floats
    rows: Floats

    def __len__(self) -> int:
        return len(self.rows)


def cells_of(rows: pl.LazyFrame) -> Cells:
    """Count rows into cells. A symbol that was not traded in all of the window has no ratio, and no say."""
    # No day is more than 30 times an average of 30 rows that it is in. Of other averages it may be: that would make cells
    # without end, and does not move a median.
    ratio = (pl.col("volume") / pl.col(AVERAGE)).clip(upper_bound=WINDOW)
    counted = (
        rows.filter(pl.col(AVERAGE) > 0)
        .group_by(
            *((_logarithm(name) * STEPS_PER_E).round().cast(pl.Int32).alias(name) for name in FEATURES),
            (ratio / RATIO_STEP).round().cast(pl.Int32).alias("ratio"),
        )
        .agg(rows=pl.len())
        .sort(*FEATURES, "ratio")
        .collect(engine="streaming")
    )
    steps = counted.select(FEATURES).to_numpy(order="c") / STEPS_PER_E
    features = np.sign(steps) * np.expm1(np.abs(steps))
    return Cells(features, counted["ratio"].to_numpy() * RATIO_STEP, counted["rows"].to_numpy().astype(np.float64))


def _logarithm(name: str) -> pl.Expr:
    """Of 1 more than the amount; with its sign, because some vendors' adjustments make a price negative."""
    return pl.col(name).sign() * pl.col(name).abs().log1p()
