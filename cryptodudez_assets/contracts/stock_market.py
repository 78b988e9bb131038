"""Contract of `market.stock_market`."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract

# How far a price may lie outside of high and low. The vendor's unfinished last day is often off by a little.
TOLERANCE = 0.001


HIGHEST = pl.max_horizontal("open", "low", "close")
LOWEST = pl.min_horizontal("open", "high", "close")


class StockMarket(TableContract):
    """Daily candles of stocks and ETFs, one row per symbol and trading day, each symbol from a file of its own.

    `event_ts` is the regular close, 16:00 in New York; on the few half days that is later than the truth, never earlier.
    A day without prices is not recorded: its row is set aside. So is a candle with a price of zero, or with one that lies more
    than 0.1 % above its high or below its low. Volume 0 is what the vendor says.
    """

    symbol: str = pa.Field(
        description="Symbol, as the file is named; `NAN`, `TRUE` and `ON` are real ones.",
        str_length={"min_value": 1, "max_value": 20},
    )
    security_name: str = pa.Field(
        description="Name as `market.stock_symbols` has it now; null where that has no row.", nullable=True
    )
    kind: str = pa.Field(description="stock or etf.", isin=["stock", "etf"])
    date: pl.Date = pa.Field(description="Trading day in New York.")
    open: float = pa.Field(
        description="First price of the day; null where it was not recorded.",
        nullable=True,
        gt=0,
        metadata={"unit": "USD"},
    )
    high: float = pa.Field(description="Highest price of the day.", gt=0, metadata={"unit": "USD"})
    low: float = pa.Field(description="Lowest price of the day.", gt=0, metadata={"unit": "USD"})
    close: float = pa.Field(description="Last price of the day, adjusted for splits.", gt=0, metadata={"unit": "USD"})
    adj_close: float = pa.Field(description="Close adjusted for splits and dividends.", metadata={"unit": "USD"})
    volume: pl.Int64 = pa.Field(description="Shares traded.", ge=0, metadata={"unit": "shares"})

    @pa.dataframe_check(name="high_too_low")
    def nothing_above_high(cls, data: PolarsData) -> pl.LazyFrame:
        """No price lies above the high, but for the tolerance."""
        return data.lazyframe.select(pl.col("high") * (1 + TOLERANCE) >= HIGHEST)

    @pa.dataframe_check(name="low_too_high")
    def nothing_below_low(cls, data: PolarsData) -> pl.LazyFrame:
        """No price lies below the low, but for the tolerance."""
        return data.lazyframe.select(pl.col("low") <= LOWEST * (1 + TOLERANCE))

    @pa.dataframe_check(name="slightly_outside_high_and_low", raise_warning=True)
    def exact(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle that the tolerance lets pass."""
        return data.lazyframe.select((pl.col("high") >= HIGHEST) & (pl.col("low") <= LOWEST))

    @pa.dataframe_check(name="adjusted_close_not_positive", raise_warning=True)
    def adjusted_close_positive(cls, data: PolarsData) -> pl.LazyFrame:
        """Adjusting for large dividends can push early prices below zero: odd, but what the vendor says."""
        return data.lazyframe.select(pl.col("adj_close") > 0)

    @pa.dataframe_check(name="not_in_the_index", raise_warning=True)
    def named(cls, data: PolarsData) -> pl.LazyFrame:
        """The index knows the symbol."""
        return data.lazyframe.select(pl.col("security_name").is_not_null())


AS_IN_FILES = {
    "Symbol": "symbol",
    "Security Name": "security_name",
    "Date": "date",
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
}
"""Candles as people exchange them in files: their columns, and the table's."""
