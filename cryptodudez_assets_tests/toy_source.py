"""A source as somebody would add it: one file like this one in `cryptodudez_assets/sources/`, and nothing else."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import Layout, Source


class GasPrices(TableContract):
    """Price of gas, one row per block."""

    block: pl.Int64 = pa.Field(description="Number of the block.", gt=0)
    gwei: float = pa.Field(description="Median price of gas in the block.", ge=0, metadata={"unit": "gwei"})
    extra: str = pa.Field(description="Columns that the layout does not know, as JSON.", nullable=True)


SOURCE = Source(
    name="gas_prices",
    description="Gas prices as an explorer exports them.",
    owner="team:market-data",
    table="market.gas_prices",
    contract=GasPrices,
    layouts=[
        Layout(
            name="explorer_csv",
            columns={"Block": pl.Int64, "Time": pl.String, "Gwei": pl.Float64},
            canonical={
                "block": pl.col("Block"),
                "gwei": pl.col("Gwei"),
                "event_ts": pl.col("Time").str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC", strict=False),
            },
        )
    ],
    key=["block"],
)
