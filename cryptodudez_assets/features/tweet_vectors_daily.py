"""The view `tweet_vectors_daily`: what an author's day is about, as the mean of its tweets' vectors."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, day_of, end_of
from cryptodudez_assets.features.declaration import FeatureView, Frames, Input
from cryptodudez_assets.features.exact import quotient, total
from cryptodudez_assets.features.vector_contract import VectorContract

VECTORS = "features.tweet_vectors"


class TweetVectorsDailyFeatures(VectorContract):
    """Mean vector of each author's tweets per UTC day, known when the day ends.

    Only days with tweets have rows. Tweets of which no word is left count with their vector of zeros. What words say against each
    other may cancel: a mean is shorter the less the day's tweets have in common.
    """

    author: str = pa.Field(description="User name of the author.")
    n_tweets: pl.Int64 = pa.Field(description="Tweets of the day.", ge=1, metadata={"unit": "tweets"})


def transform(frames: Frames) -> pl.LazyFrame:
    """Vectors to their daily means."""
    tweets, day = frames[VECTORS].with_columns(day_of("event_ts")), ["author", "event_ts"]
    days = tweets.group_by(day).agg(n_tweets=pl.len())
    listed = tweets.select(*day, "dimensions", "values").explode("dimensions", "values").drop_nulls()
    sums = listed.group_by(*day, "dimensions").agg(total("values")).join(days, on=day)
    means = sums.select(*day, "dimensions", values=quotient(pl.col("values"), pl.col("n_tweets")))
    ordered = means.filter(pl.col("values") != 0).sort(*day, "dimensions").group_by(day, maintain_order=True)
    rows = days.join(ordered.agg("dimensions", "values"), on=day, how="left")
    rows = rows.with_columns(pl.col("dimensions", "values").fill_null([]), known_ts=end_of("event_ts"))
    return as_contract(rows, TweetVectorsDailyFeatures, ["author"])


VIEW = FeatureView(
    name="tweet_vectors_daily",
    contract=TweetVectorsDailyFeatures,
    owner="team:quant-research",
    key=["author"],
    inputs=[Input(VECTORS, ["author", "dimensions", "values"])],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=7),
    tags={"domain": "social"},
)
