"""Daily candles of US stocks, all tickers in one CSV."""

import polars as pl

from cryptodudez_assets.contracts.stock_prices import StockPrices
from cryptodudez_assets.sources.common import regular_close_of
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source

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
