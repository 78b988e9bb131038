"""A source of JSON documents as somebody would add it: one file like this one in `cryptodudez_assets/sources/`, and nothing else."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source

opened = pl.from_epoch(pl.col("open_time"), "ms").dt.replace_time_zone("UTC")


class Candles(TableContract):
    """Candles of an exchange, one row for each pair and hour."""

    pair: str = pa.Field(description="Pair, as the answer says it.", str_length={"min_value": 1})
    open: str = pa.Field(description="First price, with its digits.")
    close: float = pa.Field(description="Last price.", gt=0, metadata={"unit": "USD"})


SOURCE = Source(
    name="candles",
    description="Candles as an exchange answers: lists by position, beside them the pair.",
    owner="team:market-data",
    table="market.candles",
    contract=Candles,
    layouts=[
        Layout(
            name="answer",
            columns={"open_time": pl.Int64, "open": pl.String, "close": pl.Float64, "$.result.pair": pl.String},
            names=["open_time", "open", "close", "trades"],
            rows="$.result.candles",
            canonical={
                "pair": pl.col("$.result.pair"),
                "open": pl.col("open"),
                "close": pl.col("close"),
                "event_ts": opened,
                "known_ts": opened + pl.duration(hours=1),
            },
        )
    ],
    key=["pair", "event_ts"],
    newest_by=BY_LANDING,
)
