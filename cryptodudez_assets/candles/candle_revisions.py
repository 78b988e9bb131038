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
    # Answers say to the second when they were given: of two of one second nobody knows which was first, and one of them counts.
    told = told.unique([*CANDLE, "known_ts"], keep="last", maintain_order=True)
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in CANDLE)
    told = told.with_columns(begins=(pl.int_range(pl.len()) == 0) | begins)
    # Nearly all candles are told once, and windows of one row each would take most of the time.
    is_alone = pl.col("begins") & pl.col("begins").shift(-1, fill_value=True)
    told = told.with_columns(number=pl.col("begins").cum_sum(), is_alone=is_alone)
    once = told.filter("is_alone").with_columns(revision=pl.lit(0, pl.Int64))
    rows = pl.concat([once, _revised(told.filter(~pl.col("is_alone")))])
    known = pl.when(pl.col("revision") == 0).then(END).otherwise("known_ts")
    return rows.with_columns(venue=pl.lit("binance"), known_ts=known).select(polars_schema(CandleRevisions).names())


def _revised(told: pl.LazyFrame) -> pl.LazyFrame:
    """Of candles that were told several times, the tellings that say something new. What one does not say is as it was told before."""
    told = told.with_columns(pl.col(VALUES).forward_fill().over("number"))
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift().over("number")) for name in VALUES)
    new = told.filter(pl.col("begins") | is_new)
    return new.with_columns(revision=pl.int_range(pl.len()).over("number").cast(pl.Int64))


DERIVED = Derived(
    "market.candle_revisions",
    CandleRevisions,
    owner="team:market-data",
    key=["venue", *CANDLE, "revision"],
    inputs=[Input(OBSERVED, [*CANDLE, *VALUES, "is_final", "origin", "known_ts", "file_id", "file_row"])],
    transform=revisions,
    time="open_time",
)
