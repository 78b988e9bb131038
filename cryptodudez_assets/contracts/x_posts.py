"""Contract of `social.x_posts` and `social.x_post_observations`: the same columns, other rows."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import Contract, TableContract, personal_of
from cryptodudez_assets.contracts.elon_tweets import FIRST_SNOWFLAKE, SNOWFLAKE_EPOCH_MS, SNOWFLAKE_TICK, written

POST = "post"
"""The kind of identity that a post's number is: by it posts are removed."""


class XPosts(TableContract):
    """Posts as X's API (version 2) tells them, one row per post: the newest observation of its counts.

    What a post says is known since it was written (`event_ts`), its counts and its author's followers since X told them
    (`known_ts`). What was not asked for, such as users, is null.
    """

    id: pl.Int64 = pa.Field(description="The post's snowflake.", gt=0, metadata={"known": "event_ts", "personal": POST})
    conversation_id: pl.Int64 = written("First post of the conversation.", gt=0, nullable=True)
    author_id: pl.Int64 = written("Number of the author's account.", gt=0, nullable=True)
    author: str = pa.Field(description="User name of the author at `known_ts`.", nullable=True)
    followers: pl.Int64 = pa.Field(
        description="Followers of the author at `known_ts`.", ge=0, nullable=True, metadata={"unit": "followers"}
    )
    text: str = written("Raw text.")
    language: str = written("Language as the platform guessed it.", nullable=True)
    likes: pl.Int64 = pa.Field(description="Likes at `known_ts`.", ge=0, nullable=True, metadata={"unit": "likes"})
    retweets: pl.Int64 = pa.Field(
        description="Retweets at `known_ts`.", ge=0, nullable=True, metadata={"unit": "retweets"}
    )
    replies: pl.Int64 = pa.Field(
        description="Replies at `known_ts`.", ge=0, nullable=True, metadata={"unit": "replies"}
    )
    quotes: pl.Int64 = pa.Field(description="Quotes at `known_ts`.", ge=0, nullable=True, metadata={"unit": "quotes"})
    is_retweet: pl.Boolean = written("Whether it repeats another post.")
    is_reply: pl.Boolean = written("Whether it answers another post.")

    @pa.dataframe_check(name="time_contradicts_id")
    def time_agrees_with_id(cls, data: PolarsData) -> pl.LazyFrame:
        """A snowflake holds its time: more than a minute apart, one of them was misread."""
        created = pl.from_epoch(
            pl.col("id") // SNOWFLAKE_TICK + SNOWFLAKE_EPOCH_MS, time_unit="ms"
        ).dt.replace_time_zone("UTC")
        agrees = (pl.col("event_ts") - created).abs() <= pl.duration(minutes=1)
        return data.lazyframe.select((pl.col("id") < FIRST_SNOWFLAKE) | agrees)


def posts_in(contract: type[Contract]) -> list[str]:
    """The columns that tell a post's id, by which posts are removed."""
    return [name for name, kind in personal_of(contract).items() if kind == POST]
