"""Contract of `social.bitcoin_tweets` and `social.bitcoin_tweet_observations`: the same columns, other rows."""

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract, UtcTime
from cryptodudez_assets.contracts.elon_tweets import agrees_with_id, written


def counted(description: str, unit: str) -> Any:
    """A number as it stood when the post was written down; null where that was not done."""
    return pa.Field(description=description, ge=0, nullable=True, metadata={"unit": unit})


class BitcoinTweets(TableContract):
    """Posts about Bitcoin as a search of Twitter's first API gave them, one row per post: the newest observation of its counts.

    What a post says is known since it was written, its counts since its file landed here: the archives do not say when they
    were collected. A retweet repeats somebody else's text (`is_retweet`).
    """

    id: pl.Int64 = pa.Field(
        description="The post's snowflake.", gt=0, metadata={"known": "event_ts", "personal": "post"}
    )
    text: str = written("Raw text; of a retweet cut off by the API.")
    user: str = written("User name of the author.", str_length={"min_value": 1})
    favorite_count: pl.Int64 = counted("Likes at `known_ts`.", "likes")
    retweet_count: pl.Int64 = counted("Retweets at `known_ts`, of a retweet those of the original.", "retweets")
    followers_count: pl.Int64 = counted("Followers of the author at `known_ts`.", "users")
    is_retweet: pl.Boolean = written("Whether it repeats somebody else's post: its text begins with `RT @`.")
    as_of: UtcTime = pa.Field(
        description="How far its file reaches: the time of the newest post in it, before which it was not collected.",
        metadata={"unit": "UTC"},
    )
    extra: str = pa.Field(description="Fields that the layout does not know, as JSON.", nullable=True)

    @pa.dataframe_check(name="time_contradicts_id", raise_warning=True)
    def time_agrees_with_id(cls, data: PolarsData) -> pl.LazyFrame:
        """A snowflake holds its time; the row states its zone, so that where the two differ the id may be the wrong one."""
        return data.lazyframe.select(agrees_with_id())
