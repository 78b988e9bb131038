"""Contract of `social.elon_tweets` and `social.elon_tweet_observations`: the same columns, other rows."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract

# Twitter's ids have held their creation time since November 2010; smaller ones were plain counters.
FIRST_SNOWFLAKE = 30_000_000_000
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
SNOWFLAKE_TICK = 1 << 22


class ElonTweets(TableContract):
    """Tweets of Elon Musk, one row per tweet: the newest observation of its engagement.

    `event_ts` is when it was written, `known_ts` when the engagement counts could be known. The archives do not say when
    they were scraped: a file cannot be older than its newest tweet, so that tweet's time is its `known_ts`.
    """

    id: pl.Int64 = pa.Field(description="The tweet's snowflake.", gt=0)
    conversation_id: pl.Int64 = pa.Field(description="First tweet of the conversation.", gt=0)
    author: str = pa.Field(description="User name of the author.", str_length={"min_value": 1})
    text: str = pa.Field(description="Raw text.")
    language: str = pa.Field(description="Language as the platform guessed it.", nullable=True)
    likes: pl.Int64 = pa.Field(description="Likes at `known_ts`.", ge=0, metadata={"unit": "likes"})
    retweets: pl.Int64 = pa.Field(description="Retweets at `known_ts`.", ge=0, metadata={"unit": "retweets"})
    replies: pl.Int64 = pa.Field(description="Replies at `known_ts`.", ge=0, metadata={"unit": "replies"})
    is_reply: pl.Boolean = pa.Field(description="Whether it answers somebody else's tweet.")
    link: str = pa.Field(description="Where it can be read.", nullable=True)

    @pa.dataframe_check(name="time_contradicts_id")
    def time_agrees_with_id(cls, data: PolarsData) -> pl.LazyFrame:
        """A snowflake holds its time: more than a minute apart, the row's time zone was misread."""
        created = pl.from_epoch(
            pl.col("id") // SNOWFLAKE_TICK + SNOWFLAKE_EPOCH_MS, time_unit="ms"
        ).dt.replace_time_zone("UTC")
        agrees = (pl.col("event_ts") - created).abs() <= pl.duration(minutes=1)
        return data.lazyframe.select((pl.col("id") < FIRST_SNOWFLAKE) | agrees)
