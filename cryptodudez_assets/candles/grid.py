"""Where candles should be: those that lack between the first and the last of a series, as numbers of a grid. Pure functions."""

from datetime import UTC, datetime, timedelta

import polars as pl

from cryptodudez_assets.venues.binance.protocol import INTERVALS

MILLISECOND = timedelta(milliseconds=1)
STEPS = {name: one.step // MILLISECOND for name, one in INTERVALS.items() if one.step}
ANCHORS = {
    name: (one.anchor - datetime(1970, 1, 1, tzinfo=UTC)) // MILLISECOND
    for name, one in INTERVALS.items()
    if one.step and one.anchor
}


def missing(candles: pl.LazyFrame, series: list[str], opened: str) -> pl.LazyFrame:
    """Of each series (`interval` among its columns), when those candles open and close that lack between its first and its last.

    Columns: those of `series`, `opened`, `close_time`. A candle off the grid stands for the one in whose time it begins.
    """
    at = pl.col(opened).dt.epoch("ms")
    is_month = pl.col("interval") == "1M"
    first = at.min().over(series)
    step = pl.col("interval").replace_strict(STEPS, default=1, return_dtype=pl.Int64)
    # Where Binance's candles of three days begin is not told: as the first one does.
    anchor = pl.coalesce(pl.col("interval").replace_strict(ANCHORS, default=None, return_dtype=pl.Int64), first)
    month = pl.col(opened).dt.year().cast(pl.Int64) * 12 + pl.col(opened).dt.month().cast(pl.Int64) - 1
    placed = candles.select(*series, opened, is_month=is_month, step=step, anchor=anchor, month=month, at=at)
    slot = pl.when("is_month").then("month").otherwise((pl.col("at") - pl.col("anchor")).floordiv(pl.col("step")))
    placed = placed.with_columns(slot=slot)
    expected = placed.group_by(series).agg(
        pl.col("is_month", "step", "anchor").first(),
        slot=pl.int_range(pl.col("slot").min(), pl.col("slot").max() + 1),
    )
    lacking = expected.explode("slot").join(placed, on=[*series, "slot"], how="anti")
    return lacking.select(
        *series, _opens(pl.col("slot")).alias(opened), (_opens(pl.col("slot") + 1) - MILLISECOND).alias("close_time")
    )


def _opens(slot: pl.Expr) -> pl.Expr:
    """When the candle of this number opens."""
    fixed = pl.from_epoch(pl.col("anchor") + slot * pl.col("step"), "ms").dt.cast_time_unit("us")
    months = pl.datetime(slot.floordiv(12).cast(pl.Int32), (slot % 12 + 1).cast(pl.Int8), 1, time_unit="us")
    return pl.when("is_month").then(months).otherwise(fixed).dt.replace_time_zone("UTC")
