"""Contract of `market.crypto_prices`."""

from datetime import time

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract

CLOSE = time(23, 59, 59)


class CryptoPrices(TableContract):
    """Daily candles of cryptocurrencies, one row per coin and UTC day.

    `event_ts` is the close of the candle, the UTC day's last second (23:59:59); a candle is known when it closes. A row of
    another time is set aside: it is the candle of an hour, or of a day elsewhere, and midnight would not tell of which day.
    """

    symbol: str = pa.Field(description="Ticker of the coin.", str_length={"min_value": 1, "max_value": 20})
    name: str = pa.Field(description="Name of the coin.", str_length={"min_value": 1})
    open: float = pa.Field(description="First price of the day.", ge=0, metadata={"unit": "USD"})
    high: float = pa.Field(description="Highest price of the day.", ge=0, metadata={"unit": "USD"})
    low: float = pa.Field(description="Lowest price of the day.", ge=0, metadata={"unit": "USD"})
    close: float = pa.Field(description="Last price of the day.", gt=0, metadata={"unit": "USD"})
    volume: float = pa.Field(
        description="Traded in 24 hours; null where it was not recorded.", nullable=True, gt=0, metadata={"unit": "USD"}
    )
    market_cap: float = pa.Field(
        description="Price times circulating supply; null where it was not recorded.",
        nullable=True,
        gt=0,
        metadata={"unit": "USD"},
    )

    @pa.check("event_ts", name="close_of_the_utc_day", error=f"close_of_the_utc_day({CLOSE})")
    def at_the_close(cls, data: PolarsData) -> pl.LazyFrame:
        """With the key, this makes one row per coin and UTC day."""
        return data.lazyframe.select(pl.col(data.key).dt.time() == CLOSE)

    @pa.dataframe_check(name="high_below_low")
    def high_not_below_low(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle's high is at least its low."""
        return data.lazyframe.select(pl.col("high") >= pl.col("low"))

    @pa.dataframe_check(name="outside_range", raise_warning=True)
    def open_and_close_in_range(cls, data: PolarsData) -> pl.LazyFrame:
        """Open and close lie between low and high; vendors' roundings break this, so it only warns."""
        low, high = pl.col("low") * (1 - 1e-9), pl.col("high") * (1 + 1e-9)
        return data.lazyframe.select(pl.col("open").is_between(low, high) & pl.col("close").is_between(low, high))
