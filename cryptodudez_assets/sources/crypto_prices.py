"""Daily candles of cryptocurrencies, one CSV a coin."""

import polars as pl

from cryptodudez_assets.contracts.crypto_prices import CryptoPrices
from cryptodudez_assets.sources.common import recorded
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source

close_of_day = pl.col("Date").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False)

SOURCE = Source(
    name="crypto_prices",
    description="Archives of daily cryptocurrency candles, one CSV for each coin.",
    owner="team:market-data",
    table="market.crypto_prices",
    contract=CryptoPrices,
    layouts=[
        Layout(
            name="coin_csv",
            columns={
                "Name": pl.String,
                "Symbol": pl.String,
                "Date": pl.String,
                "High": pl.Float64,
                "Low": pl.Float64,
                "Open": pl.Float64,
                "Close": pl.Float64,
                "Volume": pl.Float64,
                "Marketcap": pl.Float64,
            },
            ignored=["SNo"],
            canonical={
                "symbol": pl.col("Symbol"),
                "name": pl.col("Name"),
                "open": pl.col("Open"),
                "high": pl.col("High"),
                "low": pl.col("Low"),
                "close": pl.col("Close"),
                "volume": recorded("Volume"),
                "market_cap": recorded("Marketcap"),
                "event_ts": close_of_day,
                "known_ts": close_of_day,
            },
        )
    ],
    key=["symbol", "event_ts"],
    newest_by=BY_LANDING,
    sort_by=["symbol", "event_ts"],
)
