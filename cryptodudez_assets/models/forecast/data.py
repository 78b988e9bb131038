"""What a forecast sees: each day's volume beside what was known at the close before it, and how much of that is held."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, ForecastOptions
from cryptodudez_assets.models.dataset import Float32s
from cryptodudez_assets.models.volume.data import Cells, Rows, Split, is_drawn, usable

PORTION_ROWS = 1_000_000
MOST_TIMES = 30.0
"""A day of more than so many times its month counts as that in learning: a single one would move all the others."""


@dataclass(frozen=True)
class Days:
    """Days to learn from (drawn from those before the test, `choose_from` of them at the end), and all days of the test."""

    learned: pl.DataFrame
    tested: pl.DataFrame


def known_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row with `KNOWN_BEFORE` as of the symbol's row before, instead of its own. Rows are in order of symbol and date."""
    is_next = pl.col("symbol") == pl.col("symbol").shift(1)
    return rows.with_columns(
        pl.when(is_next).then(pl.col(name).shift(1)).cast(pl.Float32).alias(name) for name in KNOWN_BEFORE
    )


def days_of(rows: pl.LazyFrame, split: Split, options: ForecastOptions) -> Days:
    """The days of all symbols, read some symbols at a time."""
    learned, tested = [], []
    is_before = pl.col("date") < split.test_from
    for portion in _portions(rows):
        days = usable(known_before(portion).lazy(), KNOWN_BEFORE).collect()
        learned.append(days.filter(is_before, is_drawn(split.rows_before_test, options.learn_rows, options.seed)))
        tested.append(days.filter(~is_before))
    return Days(pl.concat(learned), pl.concat(tested))


def as_rows(days: pl.DataFrame) -> Rows:
    """As arrays."""
    return Rows(_features(days), days["volume"].to_numpy())


def as_cells(days: pl.DataFrame) -> Cells:
    """To learn from, each day by itself. A symbol that was not traded for a month has no ratio, and no say."""
    features = _features(days).astype(np.float64)
    volume, scale = days["volume"].to_numpy(), features[:, 0]
    is_traded = scale > 0
    ratio = np.minimum(volume[is_traded] / scale[is_traded], MOST_TIMES)
    return Cells(features[is_traded], ratio, np.ones(len(ratio)))


def _features(days: pl.DataFrame) -> Float32s:
    return days.select(KNOWN_BEFORE).to_numpy(order="c")


def _portions(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    sizes = rows.group_by("symbol").len().sort("symbol").collect(engine="streaming")
    numbered = sizes.with_columns(part=(pl.col("len").cum_sum() - pl.col("len")) // PORTION_ROWS)
    for part in numbered.partition_by("part", maintain_order=True):
        some = rows.filter(pl.col("symbol").is_between(pl.lit(part["symbol"][0]), pl.lit(part["symbol"][-1])))
        yield some.sort("symbol", "date").collect(engine="streaming")
