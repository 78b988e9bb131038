"""Contract of `market.stock_prices`."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract


class StockPrices(TableContract):
    """Daily candles of US stocks, one row per ticker and trading day.

    `event_ts` is the regular close, 16:00 in New York; on the few half days that is later than the truth, never earlier.
    """

    symbol: str = pa.Field(
        description="Ticker; `NAN` and `TRUE` are real ones.", str_length={"min_value": 1, "max_value": 20}
    )
    date: pl.Date = pa.Field(description="Trading day in New York.")
    open: float = pa.Field(description="First price of the day.", gt=0, metadata={"unit": "USD"})
    high: float = pa.Field(description="Highest price of the day.", gt=0, metadata={"unit": "USD"})
    low: float = pa.Field(description="Lowest price of the day.", gt=0, metadata={"unit": "USD"})
    close: float = pa.Field(description="Last price of the day.", gt=0, metadata={"unit": "USD"})
    close_adjusted: float = pa.Field(description="Close adjusted for splits and dividends.", metadata={"unit": "USD"})
    volume: pl.Int64 = pa.Field(description="Shares traded.", ge=0, metadata={"unit": "shares"})
    split_coefficient: float = pa.Field(
        description="Shares after the day's split for one before; 1 on other days.", gt=0
    )

    @pa.dataframe_check(name="high_below_low")
    def high_not_below_low(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle's high is at least its low."""
        return data.lazyframe.select(pl.col("high") >= pl.col("low"))

    @pa.dataframe_check(name="negative_adjusted_close", raise_warning=True)
    def adjusted_close_positive(cls, data: PolarsData) -> pl.LazyFrame:
        """Adjusting for large dividends can push early prices below zero: odd, but what the vendor says."""
        return data.lazyframe.select(pl.col("close_adjusted") > 0)
