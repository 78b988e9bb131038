"""By SQL over another toy, a change reaching everything."""

import pandera.polars as pa

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Derived, Input, Parquet


class CoinShares(Contract):
    """How many of all candles are of a coin."""

    symbol: str = pa.Field(description="Ticker of the coin.")
    share: float = pa.Field(description="Its part of all candles.", gt=0, le=1)


DERIVED = Derived(
    "toys.coin_shares",
    CoinShares,
    owner="team:tests",
    key=["symbol"],
    inputs=[Input("toys.coin_totals", ["symbol", "days"], reaches="all")],
    sql="coin_shares.sql",
    exports=[Parquet(folder="shares")],
)
