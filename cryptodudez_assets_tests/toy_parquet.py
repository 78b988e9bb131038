"""A source of Parquet files as somebody would add it: one file like this one in `cryptodudez_assets/sources/`, and nothing else."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import Layout, Source


class Quotes(TableContract):
    """Best prices of a book, one row per second."""

    book: str = pa.Field(description="Market.", str_length={"min_value": 1})
    bid: float = pa.Field(description="Best price bid.", gt=0)
    size: str = pa.Field(description="Amount bid, with all its digits.")
    venue: str = pa.Field(description="Where it was seen.", nullable=True)
    n_orders: pl.Int64 = pa.Field(description="Orders at the price.", nullable=True)
    extra: str = pa.Field(description="Columns that the layout does not know, as JSON.", nullable=True)


SOURCE = Source(
    name="quotes",
    description="Recorded best prices.",
    owner="team:market-data",
    table="market.quotes",
    contract=Quotes,
    layouts=[
        Layout(
            name="recorder",
            columns={
                "at": pl.String,
                "book": pl.String,
                "bid": pl.Float64,
                "size": pl.String,
                "venue.name": pl.String,
                "n": pl.Int64,
            },
            optional=["venue.name"],
            canonical={
                "book": pl.col("book"),
                "bid": pl.col("bid"),
                "size": pl.col("size"),
                "venue": pl.col("venue.name"),
                "n_orders": pl.col("n"),
                "event_ts": pl.col("at").str.to_datetime(
                    "%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC", strict=False
                ),
            },
        )
    ],
    key=["book", "event_ts"],
)
