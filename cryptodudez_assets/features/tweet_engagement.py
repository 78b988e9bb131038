"""The view `tweet_engagement`: how each tweet was received, as of each time at which somebody looked."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input

TABLE = "social.elon_tweet_observations"
AGE = " age"  # no column's name begins with a blank


class TweetEngagementFeatures(FeatureContract):
    """Likes, retweets and replies of each tweet.

    `event_ts` is when the tweet was written, `known_ts` when its counts could be known: where the archives do not say when
    they were scraped, when they landed, and nothing is known of a tweet's likes before. An observation is a version unless
    a newer one, of an archive that reaches further, was known already: as in the tweets' own table.
    """

    id: pl.Int64 = pa.Field(description="The tweet's snowflake.")
    likes: pl.Int64 = pa.Field(description="Likes at `known_ts`.", ge=0, metadata={"unit": "likes"})
    retweets: pl.Int64 = pa.Field(description="Retweets at `known_ts`.", ge=0, metadata={"unit": "retweets"})
    replies: pl.Int64 = pa.Field(description="Replies at `known_ts`.", ge=0, metadata={"unit": "replies"})


def observations(rows: pl.LazyFrame) -> pl.LazyFrame:
    """What stood of each tweet, one row for each time at which that changed, in that order.

    An older scrape that lands later changes nothing.
    """
    aged = rows.sort("as_of", "known_ts", "file_id", "file_row").with_row_index(AGE)
    ordered = aged.sort("id", "known_ts", AGE).unique(["id", "known_ts"], keep="last", maintain_order=True)
    return ordered.filter(pl.col(AGE) == pl.col(AGE).cum_max().over("id")).drop(AGE)


def transform(frames: Frames) -> pl.LazyFrame:
    """Observations to versions of features."""
    return as_contract(observations(frames[TABLE]), TweetEngagementFeatures, ["id"])


VIEW = FeatureView(
    name="tweet_engagement",
    contract=TweetEngagementFeatures,
    owner="team:quant-research",
    key=["id"],
    inputs=[Input(TABLE, ["id", "likes", "retweets", "replies", "as_of", "file_id", "file_row"])],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=36_500),  # a tweet does not go stale
    versions=True,
    tags={"domain": "social"},
)
