"""A source of JSON lines as somebody would add it: one file like this one in `cryptodudez_assets/sources/`, and nothing else."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source


class Posts(TableContract):
    """Posts of a network, one row each."""

    post_id: str = pa.Field(description="Identity, of more digits than a number holds.", str_length={"min_value": 1})
    text: str = pa.Field(description="What it says; may be empty.")
    author: str = pa.Field(description="Who wrote it.", nullable=True)
    followers: pl.Int64 = pa.Field(description="How many follow the author.", ge=0, nullable=True)
    price: str = pa.Field(description="A price, with the digits that it was written with.", nullable=True)
    score: float = pa.Field(description="How well it is liked.", nullable=True)
    place: str = pa.Field(description="Where it was written, as JSON.", nullable=True)
    extra: str = pa.Field(description="Fields that the layout does not know, as JSON.", nullable=True)


SOURCE = Source(
    name="posts",
    description="Posts as a network streams them, one a line.",
    owner="team:social",
    table="social.posts",
    contract=Posts,
    layouts=[
        Layout(
            name="post_lines",
            columns={
                **{"id": pl.String, "at": pl.String, "text": pl.String, "price": pl.String, "score": pl.Float64},
                **{"user.name": pl.String, "user.followers": pl.Int64, "place": pl.String},
            },
            optional=["score", "place"],
            canonical={
                "post_id": pl.col("id"),
                **{name: pl.col(name) for name in ("text", "price", "score", "place")},
                "author": pl.col("user.name"),
                "followers": pl.col("user.followers"),
                "event_ts": pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC", strict=False),
            },
        )
    ],
    key=["post_id"],
    newest_by=BY_LANDING,
)
