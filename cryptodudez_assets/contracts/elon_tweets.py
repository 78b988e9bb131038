"""Contract of `social.elon_tweets` and `social.elon_tweet_observations`: the same columns, other rows."""

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract, UtcTime

# Twitter's ids have held their creation time since November 2010; smaller ones were plain counters.
FIRST_SNOWFLAKE = 30_000_000_000
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
SNOWFLAKE_TICK = 1 << 22


def agrees_with_id() -> pl.Expr:
    """Whether `event_ts` is within a minute of what a snowflake `id` says; an id that says nothing agrees with any time."""
    created = pl.from_epoch(pl.col("id") // SNOWFLAKE_TICK + SNOWFLAKE_EPOCH_MS, time_unit="ms").dt.replace_time_zone(
        "UTC"
    )
    agrees = (pl.col("event_ts") - created).abs() <= pl.duration(minutes=1)
    return (pl.col("id") < FIRST_SNOWFLAKE) | agrees


def written(description: str, **rules: Any) -> Any:
    """A column that is known when the tweet is written."""
    return pa.Field(description=description, metadata={"known": "event_ts"}, **rules)


class ElonTweets(TableContract):
    """Tweets of Elon Musk, one row per tweet: the newest observation of its engagement.

    A tweet has two lives: what it says is known since it was written (`event_ts`), its counts since somebody looked. The
    archives do not say when they were scraped, so that counts are known since their file landed here (`known_ts`): never too
    early, and for old archives much too late. Which of two scrapes is newer is told by how far each reaches (`as_of`).
    """

    id: pl.Int64 = pa.Field(
        description="The tweet's snowflake.", gt=0, metadata={"known": "event_ts", "personal": "post"}
    )
    conversation_id: pl.Int64 = written("First tweet of the conversation.", gt=0)
    author: str = written("User name of the author.", str_length={"min_value": 1})
    text: str = written("Raw text.")
    language: str = written("Language as the platform guessed it.", nullable=True)
    likes: pl.Int64 = pa.Field(description="Likes at `known_ts`.", ge=0, metadata={"unit": "likes"})
    retweets: pl.Int64 = pa.Field(description="Retweets at `known_ts`.", ge=0, metadata={"unit": "retweets"})
    replies: pl.Int64 = pa.Field(description="Replies at `known_ts`.", ge=0, metadata={"unit": "replies"})
    is_reply: pl.Boolean = written("Whether it answers somebody else's tweet.")
    link: str = written("Where it can be read.", nullable=True)
    as_of: UtcTime = pa.Field(
        description="How far its file reaches: the time of the newest tweet in it, before which it was not scraped.",
        metadata={"unit": "UTC"},
    )

    @pa.dataframe_check(name="time_contradicts_id")
    def time_agrees_with_id(cls, data: PolarsData) -> pl.LazyFrame:
        """A snowflake holds its time: more than a minute apart, the row's time zone was misread."""
        return data.lazyframe.select(agrees_with_id())
