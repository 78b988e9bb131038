"""The coins that the markets' view has by name, and returns of a coin side by side with those of days before."""

from collections.abc import Iterator

import polars as pl

MAIN_COINS = ("ETH", "BTC", "DOGE", "LTC", "XRP")
DAYS_OF = MAIN_COINS[0]
"""The coin whose days the markets' view has a row for."""
LAGS = (1, 2, 3)


def returns_of(coins: pl.LazyFrame, symbol: str) -> Iterator[pl.LazyFrame]:
    """A coin's returns and lagged returns by day, as columns that begin with its name."""
    own, name = coins.filter(symbol=symbol), symbol.lower()
    yield own.select("event_ts", pl.col("log_return_1d", "log_return_7d").name.prefix(f"{name}_"))
    for lag in LAGS:
        later = pl.col("event_ts").dt.offset_by(f"{lag}d")
        yield own.select(later, pl.col("log_return_1d").alias(f"{name}_log_return_1d_lag_{lag}"))
