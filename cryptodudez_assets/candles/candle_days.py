"""`market.candle_days`: daily candles in USDT as days of coins."""

from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.candle_days import CandleDays
from cryptodudez_assets.derived import Derived, Frames, Input

REVISIONS = "market.candle_revisions"
VENUE, INTERVAL, MONEY = "binance", "1d", "USDT"


def candle_days(frames: Frames) -> pl.LazyFrame:
    """The first value of each daily candle of a coin in USDT. Of a day that is told with several beginnings, the first of them tells it."""
    of_a_day = (pl.col("venue") == VENUE) & (pl.col("interval") == INTERVAL) & pl.col("symbol").str.ends_with(MONEY)
    rows = (
        frames[REVISIONS]
        .filter(of_a_day, revision=0)
        .with_columns(
            coin=pl.col("symbol").str.strip_suffix(MONEY),
            pair=pl.col("symbol"),
            event_ts=pl.col("open_time").dt.truncate("1d") + pl.duration(days=1, seconds=-1),
            volume=pl.when(pl.col("quote_volume") > 0).then("quote_volume"),
        )
    )
    schema = polars_schema(CandleDays)
    rows = rows.filter(pl.col("coin") != "", pl.col("close") > 0).sort("pair", "open_time")
    whole = rows.unique(["pair", "event_ts"], keep="first", maintain_order=True)
    return whole.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


DERIVED = Derived(
    "market.candle_days",
    CandleDays,
    owner="team:market-data",
    key=["coin", "event_ts"],
    inputs=[
        Input(
            REVISIONS,
            ["venue", "symbol", "interval", "high", "low", "close", "quote_volume", "revision", "known_ts"],
            time="open_time",
            reaches=timedelta(0),
        )
    ],
    transform=candle_days,
    time="event_ts",
)
