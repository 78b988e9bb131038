"""The view `tweet_engagement`: how each tweet was received, as of each time at which somebody looked."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input

TABLE = "social.elon_tweet_observations"


class TweetEngagementFeatures(FeatureContract):
    """Likes, retweets and replies of each tweet.

    `event_ts` is when the tweet was written, `known_ts` when its counts were observed. Every observation is a version;
    of two at the same time the one whose file and row sort last counts, as in the tweets' own table.
    """

    id: pl.Int64 = pa.Field(description="The tweet's snowflake.")
    likes: pl.Int64 = pa.Field(description="Likes at `known_ts`.", ge=0, metadata={"unit": "likes"})
    retweets: pl.Int64 = pa.Field(description="Retweets at `known_ts`.", ge=0, metadata={"unit": "retweets"})
    replies: pl.Int64 = pa.Field(description="Replies at `known_ts`.", ge=0, metadata={"unit": "replies"})


def observations(rows: pl.LazyFrame) -> pl.LazyFrame:
    """One row per tweet and time of observation, in that order."""
    ordered = rows.sort("id", "known_ts", "file_id", "file_row")
    return ordered.unique(["id", "known_ts"], keep="last", maintain_order=True)


def transform(frames: Frames) -> pl.LazyFrame:
    """Observations to versions of features."""
    return as_contract(observations(frames[TABLE]), TweetEngagementFeatures, ["id"])


VIEW = FeatureView(
    name="tweet_engagement",
    contract=TweetEngagementFeatures,
    owner="team:quant-research",
    key=["id"],
    inputs=[Input(TABLE, ["id", "likes", "retweets", "replies", "file_id", "file_row"])],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=36_500),  # a tweet does not go stale
    versions=True,
    tags={"domain": "social"},
)
