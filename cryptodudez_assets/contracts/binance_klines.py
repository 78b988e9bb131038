"""Contracts of `market.binance_klines` and `market.binance_archives`, and the columns that every table of candles has."""

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import OF_THE_OBSERVER, Exact, TableContract, UtcTime

ORIGINS = ("api", "stream", "archive", "file")
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")


def price(description: str, *, nullable: bool = False) -> Any:
    """A price in the pair's second currency."""
    return pa.Field(description=description, nullable=nullable, ge=0, metadata={"unit": "quote"})


def amount(description: str, unit: str) -> Any:
    """An amount; null where whoever recorded the candle did not keep it."""
    return pa.Field(description=description, nullable=True, ge=0, metadata={"unit": unit})


class BinanceKlines(TableContract):
    """Candles of Binance as they were told last, one row per symbol, interval and time at which the candle opens.

    `event_ts` is its close, `known_ts` when the venue told it, by its own clock, or when the file landed that somebody kept. A candle
    that was still open then has `is_final` false.
    """

    symbol: str = pa.Field(description="Pair as the venue names it.", str_length={"min_value": 1, "max_value": 50})
    interval: str = pa.Field(description="How long the candle is; 1m is a minute, 1M a month.", isin=list(INTERVALS))
    open_time: UtcTime = pa.Field(description="When the candle begins.", metadata={"unit": "UTC"})
    close_time: UtcTime = pa.Field(description="The last millisecond that belongs to it.", metadata={"unit": "UTC"})
    open: Exact = price("First price.")
    high: Exact = price("Highest price.")
    low: Exact = price("Lowest price.")
    close: Exact = price("Last price.")
    volume: Exact = amount("Traded.", "base")
    quote_volume: Exact = amount("Traded, at the prices of the trades.", "quote")
    n_trades: pl.Int64 = amount("Trades.", "trades")
    taker_buy_base: Exact = amount("Bought by those who took an offer.", "base")
    taker_buy_quote: Exact = amount("The same, at the prices of the trades.", "quote")
    is_final: pl.Boolean = pa.Field(
        description="The candle was over, and a grace of 5 seconds, when it was told.", metadata=OF_THE_OBSERVER
    )
    origin: str = pa.Field(
        description="Who told it: the API, the socket or an archive of the venue, or a file of somebody else.",
        isin=list(ORIGINS),
        metadata=OF_THE_OBSERVER,
    )

    @pa.dataframe_check(name="high_below_low")
    def high_not_below_low(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle's high is at least its low, and open and close lie between them."""
        low, high = pl.col("low"), pl.col("high")
        return data.lazyframe.select(pl.col("open").is_between(low, high) & pl.col("close").is_between(low, high))

    @pa.dataframe_check(name="closes_before_it_opens")
    def closes_later(cls, data: PolarsData) -> pl.LazyFrame:
        """A candle closes after it opens."""
        return data.lazyframe.select(pl.col("close_time") > pl.col("open_time"))

    @pa.dataframe_check(name="off_grid", raise_warning=True)
    def on_the_grid(cls, data: PolarsData) -> pl.LazyFrame:
        """Candles begin at whole multiples of their interval; one that does not is what was told, so it stays."""
        return data.lazyframe.select(is_on_grid(pl.col("open_time"), pl.col("interval")))


class BinanceArchives(BinanceKlines):
    """Candles of Binance as its archives tell them, one row per symbol, interval and time at which the candle opens.

    `event_ts` is its close, `known_ts` when the archive landed. What they tell otherwise than the API is in
    `market.candle_differences`.
    """


def is_on_grid(opened: pl.Expr, interval: pl.Expr) -> pl.Expr:
    """Whether a candle of this interval may begin then. Of candles of three days it is told only that they begin at midnight."""
    on_grid = pl.lit(value=False)
    for name in INTERVALS:
        every = {"1M": "1mo", "3d": "1d"}.get(name, name)
        on_grid = pl.when(interval == name).then(opened.dt.truncate(every) == opened).otherwise(on_grid)
    return on_grid
