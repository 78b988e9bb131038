"""Index of stocks and ETFs, in the archive of their candles."""

import polars as pl

from cryptodudez_assets.contracts.stock_symbols import StockSymbols
from cryptodudez_assets.sources.declaration import BY_LANDING, CATALOGUED, Layout, Source
from cryptodudez_assets.sources.text import identifier


def text(column: str) -> pl.Expr:
    """Without outer blanks, null where nothing is left."""
    return identifier(pl.col(column))


def flag(column: str) -> pl.Expr:
    """Y or N as a truth value, null where it is neither."""
    return text(column).replace_strict({"Y": True, "N": False}, default=None, return_dtype=pl.Boolean)


SOURCE = Source(
    name="stock_symbols",
    description="The index in the archives of stocks and ETFs: names, exchanges, flags.",
    owner="team:market-data",
    table="market.stock_symbols",
    contract=StockSymbols,
    shares_raw_with="stock_market",
    layouts=[
        Layout(
            name="symbols_valid_meta",
            columns={
                **dict.fromkeys(("Symbol", "Security Name", "Listing Exchange", "Market Category", "ETF"), pl.String),
                "Round Lot Size": pl.Float64,
                **dict.fromkeys(
                    ("Test Issue", "Financial Status", "CQS Symbol", "NASDAQ Symbol", "NextShares"), pl.String
                ),
            },
            ignored=["Nasdaq Traded"],
            canonical={
                "symbol": text("Symbol"),
                "nasdaq_symbol": text("NASDAQ Symbol"),
                "cqs_symbol": text("CQS Symbol"),
                "security_name": text("Security Name"),
                "is_etf": flag("ETF"),
                "is_test_issue": flag("Test Issue"),
                "is_nextshares": flag("NextShares"),
                "listing_exchange": text("Listing Exchange"),
                "market_category": text("Market Category"),
                "financial_status": text("Financial Status"),
                "round_lot_size": pl.col("Round Lot Size"),
                "event_ts": pl.col(CATALOGUED),
                "known_ts": pl.col(CATALOGUED),
            },
        )
    ],
    key=["symbol"],
    newest_by=BY_LANDING,
    sort_by=["symbol"],
)
