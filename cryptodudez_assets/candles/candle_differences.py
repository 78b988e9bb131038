"""`market.candle_differences`: what archives of Binance tell otherwise than its API."""

import polars as pl

from cryptodudez_assets.contracts.base import EXACT, polars_schema
from cryptodudez_assets.contracts.candles import VALUES, CandleDifferences
from cryptodudez_assets.derived import Derived, Frames, Input

API, ARCHIVES = "market.binance_klines", "market.binance_archives"
CANDLE = ["symbol", "interval", "open_time"]
NUMBERS = [name for name in VALUES if name != "close_time"]


def differences(frames: Frames) -> pl.LazyFrame:
    """Candles that both tell to numbers that differ."""

    def numbers(table: str, teller: str) -> pl.LazyFrame:
        final = frames[table].filter("is_final").with_columns(pl.col(NUMBERS).cast(EXACT))
        return final.unpivot(NUMBERS, index=CANDLE, variable_name="column", value_name=teller)

    both = numbers(API, "api").join(numbers(ARCHIVES, "archive"), on=[*CANDLE, "column"], nulls_equal=True)
    return both.filter(pl.col("api").ne_missing(pl.col("archive"))).select(polars_schema(CandleDifferences).names())


DERIVED = Derived(
    "market.candle_differences",
    CandleDifferences,
    owner="team:market-data",
    key=[*CANDLE, "column"],
    inputs=[Input(table, [*CANDLE, *NUMBERS, "is_final"]) for table in (API, ARCHIVES)],
    transform=differences,
    time="open_time",
)
