"""By SQL over another toy's days, with days of its own that begin later."""

from datetime import date, timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Daily, Derived, Input


class CoinRuns(Contract):
    """How the market did on a day and the day before it."""

    day: pl.Date = pa.Field(description="UTC day.")
    candles: pl.Int64 = pa.Field(description="Candles of both days.", gt=0)


DERIVED = Derived(
    "toys.coin_runs",
    CoinRuns,
    owner="team:tests",
    key=["day"],
    inputs=[Input("toys.coin_days", ["day", "coins"], time="day", reaches=timedelta(days=1))],
    sql="coin_runs.sql",
    partitions=Daily("day", start=date(2020, 6, 1)),
)
