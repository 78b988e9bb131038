"""By SQL, with days and a CSV."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Csv, Daily, Derived, Input


class CoinDays(Contract):
    """How the market of all coins did on a day."""

    day: pl.Date = pa.Field(description="UTC day.")
    coins: pl.Int64 = pa.Field(description="Coins with a candle.", gt=0)
    volume: float = pa.Field(description="Volume of them all.", ge=0, metadata={"unit": "USD"})


DERIVED = Derived(
    "toys.coin_days",
    CoinDays,
    owner="team:tests",
    key=["day"],
    inputs=[Input("market.crypto_prices", ["symbol", "volume", "event_ts"], reaches=timedelta(0))],
    sql="coin_days.sql",
    partitions=Daily("day"),
    exports=[Csv()],
)
