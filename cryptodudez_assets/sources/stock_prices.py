"""Daily candles of US stocks, all tickers in one CSV."""

from datetime import date, time
from functools import cache

import polars as pl

from cryptodudez_assets.contracts.stock_prices import StockPrices
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source

UTC_TIME = pl.Datetime("us", "UTC")


def regular_close_of(day: pl.Expr) -> pl.Expr:
    """When trading ends on that day, in UTC."""
    return day.map_batches(_closes, return_dtype=UTC_TIME, is_elementwise=True)


def _closes(days: pl.Series) -> pl.Series:
    """Looked up rather than computed: candles are many, their days few, and time zones cost more than all else in a row."""
    first, closes = _known_closes()
    at = days.to_physical() - first
    known = at.is_between(0, len(closes) - 1).all()
    return closes.gather(at) if known else _computed_closes(days)


@cache
def _known_closes() -> tuple[int, pl.Series]:
    """Those of two centuries, and the number of the first day."""
    days = pl.date_range(date(1900, 1, 1), date(2099, 12, 31), eager=True)
    return days.to_physical()[0], _computed_closes(days)


def _computed_closes(days: pl.Series) -> pl.Series:
    in_new_york = days.dt.combine(time(16)).dt.replace_time_zone("America/New_York")
    return in_new_york.dt.convert_time_zone("UTC").cast(UTC_TIME)


trading_day = pl.col("date").str.to_date("%Y-%m-%d", strict=False)
regular_close = regular_close_of(trading_day)

SOURCE = Source(
    name="stock_prices",
    description="Archives of daily stock candles, all tickers in one CSV.",
    owner="team:market-data",
    table="market.stock_prices",
    contract=StockPrices,
    layouts=[
        Layout(
            name="all_tickers_csv",
            columns={
                "symbol": pl.String,
                "date": pl.String,
                "open": pl.Float64,
                "high": pl.Float64,
                "low": pl.Float64,
                "close": pl.Float64,
                "close_adjusted": pl.Float64,
                "volume": pl.Int64,
                "split_coefficient": pl.Float64,
            },
            ignored=[""],
            canonical={
                **{name: pl.col(name) for name in ("symbol", "open", "high", "low", "close", "close_adjusted")},
                **{name: pl.col(name) for name in ("volume", "split_coefficient")},
                "date": trading_day,
                "event_ts": regular_close,
                "known_ts": regular_close,
            },
        )
    ],
    key=["symbol", "date"],
    newest_by=BY_LANDING,
    sort_by=["symbol", "event_ts"],
)
