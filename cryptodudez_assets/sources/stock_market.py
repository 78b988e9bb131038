"""Daily candles of stocks and ETFs, one CSV a symbol, in two folders."""

import polars as pl

from cryptodudez_assets.contracts.stock_market import StockMarket
from cryptodudez_assets.sources.common import recorded, regular_close_of
from cryptodudez_assets.sources.declaration import BY_REACH, Layout, Lookup, Source


def names(index: pl.LazyFrame) -> pl.LazyFrame:
    """The name of each symbol as files have it: the index's own, or as Nasdaq writes it."""
    own = index.select("symbol", "security_name")
    nasdaq = index.select(pl.col("nasdaq_symbol").alias("symbol"), "security_name").drop_nulls("symbol")
    return pl.concat(
        [own, nasdaq.unique("symbol", keep="first", maintain_order=True).join(own, on="symbol", how="anti")]
    )


SOURCE = Source(
    name="stock_market",
    description="Archives of daily candles, one CSV a symbol: stocks/*.csv and etfs/*.csv, beside the index of symbols. "
    "As a zip, or as folders.",
    owner="team:market-data",
    table="market.stock_market",
    contract=StockMarket,
    lookup=Lookup("security_name", by="symbol", table="market.stock_symbols", values=names),
    layouts=[
        Layout(
            name="symbol_csv",
            path=r"(?<![^/])(?P<folder>stocks|etfs)/(?P<symbol>[^/]+)\.csv(\.gz)?$",
            columns={
                "Date": pl.Date,
                **dict.fromkeys(("Open", "High", "Low", "Close", "Adj Close", "Volume"), pl.Float64),
            },
            canonical={
                "symbol": pl.col("symbol"),
                "kind": pl.col("folder").replace_strict({"stocks": "stock", "etfs": "etf"}),
                "date": pl.col("Date"),
                "open": recorded("Open"),
                "high": pl.col("High"),
                "low": pl.col("Low"),
                "close": pl.col("Close"),
                "adj_close": pl.col("Adj Close"),
                "volume": pl.col("Volume"),
                "event_ts": regular_close_of(pl.col("Date")),
                "known_ts": regular_close_of(pl.col("Date")),
            },
        )
    ],
    key=["symbol", "date"],
    newest_by=BY_REACH,
    partition_by=None,  # 60 years of a few megabytes each; by symbol, a file holds whole histories
    sort_by=["symbol", "date"],
)
