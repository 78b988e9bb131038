"""`market.candle_revisions`: every value that a final candle was told with, and when that could be known."""

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.candles import VALUES, CandleRevisions
from cryptodudez_assets.derived import Derived, Frames, Input

OBSERVED = "market.binance_kline_observations"
CANDLE = ["symbol", "interval", "open_time"]
END = pl.col("close_time") + pl.duration(milliseconds=1)


def revisions(frames: Frames) -> pl.LazyFrame:
    """Observations to those that told something new."""
    told = frames[OBSERVED].filter("is_final").sort(*CANDLE, "known_ts", "file_id", "file_row")
    # What an observation does not tell is as it was told before.
    told = told.with_columns(pl.col(VALUES).forward_fill().over(CANDLE))
    number = pl.int_range(pl.len()).over(CANDLE)
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift().over(CANDLE)) for name in VALUES)
    new = told.filter((number == 0) | is_new).with_columns(revision=number.cast(pl.Int64), venue=pl.lit("binance"))
    return new.with_columns(known_ts=pl.when(pl.col("revision") == 0).then(END).otherwise("known_ts")).select(
        polars_schema(CandleRevisions).names()
    )


DERIVED = Derived(
    "market.candle_revisions",
    CandleRevisions,
    owner="team:market-data",
    key=["venue", *CANDLE, "revision"],
    inputs=[Input(OBSERVED, [*CANDLE, *VALUES, "is_final", "origin", "known_ts", "file_id", "file_row"])],
    transform=revisions,
    time="open_time",
)
