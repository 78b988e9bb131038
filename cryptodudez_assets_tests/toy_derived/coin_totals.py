"""By Polars, a change reaching the rows of its keys."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Derived, Frames, Input


class CoinTotals(Contract):
    """What is known of a coin in all."""

    symbol: str = pa.Field(description="Ticker of the coin.")
    days: pl.Int64 = pa.Field(description="Days with a candle.", gt=0)
    highest: float = pa.Field(description="The highest price of all time.", nullable=True, metadata={"unit": "USD"})


def totals(frames: Frames) -> pl.LazyFrame:
    """Candles to a row a coin."""
    rows = frames["market.crypto_prices"].group_by("symbol")
    return rows.agg(days=pl.col("high").len().cast(pl.Int64), highest=pl.col("high").max())


DERIVED = Derived(
    "toys.coin_totals",
    CoinTotals,
    owner="team:tests",
    key=["symbol"],
    inputs=[Input("market.crypto_prices", ["symbol", "high"])],
    transform=totals,
)
