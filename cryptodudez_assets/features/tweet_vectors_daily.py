"""The view `tweet_vectors_daily`: what an author's day is about, as the mean of its tweets' vectors."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, day_of, end_of
from cryptodudez_assets.features.declaration import FeatureView, Frames, Input
from cryptodudez_assets.features.exact import mean
from cryptodudez_assets.features.text import COMPONENTS
from cryptodudez_assets.features.vector_contract import VectorContract

VECTORS = "features.tweet_vectors"


class TweetVectorsDailyFeatures(VectorContract):
    """Mean vector of each author's tweets per UTC day, known when the day ends.

    Only days with tweets have rows. Tweets of which no word is left count with their vector of zeros.
    """

    author: str = pa.Field(description="User name of the author.")
    n_tweets: pl.Int64 = pa.Field(description="Tweets of the day.", ge=1, metadata={"unit": "tweets"})


def transform(frames: Frames) -> pl.LazyFrame:
    """Vectors to their daily means."""
    days = frames[VECTORS].group_by("author", day_of("event_ts"))
    rows = days.agg(*(mean(pl.col(name)).alias(name) for name in COMPONENTS), n_tweets=pl.len())
    return as_contract(rows.with_columns(known_ts=end_of("event_ts")), TweetVectorsDailyFeatures, ["author"])


VIEW = FeatureView(
    name="tweet_vectors_daily",
    contract=TweetVectorsDailyFeatures,
    owner="team:quant-research",
    key=["author"],
    inputs=[Input(VECTORS, ["author", *COMPONENTS])],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=7),
    tags={"domain": "social"},
)
