"""The view `tweet_sentiment`: how each English tweet sounds, by a lexicon."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.lexicon import scores

TWEETS = "social.elon_tweets"
SHARES = {"negative": "neg", "neutral": "neu", "positive": "pos"}
"""Features by what VADER calls them."""
SCORES = pl.Struct(dict.fromkeys([*SHARES.values(), "compound"], pl.Float64))


class TweetSentimentFeatures(FeatureContract):
    """Sentiment of each English tweet by the lexicon and rules of VADER, known when it was written.

    A lexicon knows words, not irony, and was made for social media in general, not for markets. Tweets in other
    languages are null.
    """

    id: pl.Int64 = pa.Field(description="The tweet's snowflake.")
    negative: float = pa.Field(description="Share of negative words.", nullable=True, ge=0, le=1)
    neutral: float = pa.Field(description="Share of neutral words.", nullable=True, ge=0, le=1)
    positive: float = pa.Field(description="Share of positive words.", nullable=True, ge=0, le=1)
    compound: float = pa.Field(description="All together, from -1 to 1.", nullable=True, ge=-1, le=1)


def transform(frames: Frames) -> pl.LazyFrame:
    """Texts to scores."""
    is_english = pl.col("language") == "en"
    scored = pl.when(is_english).then(pl.col("text")).map_elements(scores, return_dtype=SCORES)
    rows = frames[TWEETS].with_columns(known_ts=pl.col("event_ts"), scores=scored)
    shares = [pl.col("scores").struct.field(short).alias(name) for name, short in SHARES.items()]
    rows = rows.with_columns(*shares, pl.col("scores").struct.field("compound"))
    return as_contract(rows, TweetSentimentFeatures, ["id"])


VIEW = FeatureView(
    name="tweet_sentiment",
    contract=TweetSentimentFeatures,
    owner="team:quant-research",
    key=["id"],
    inputs=[Input(TWEETS, ["id", "text", "language"], known="event_ts")],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=36_500),  # a tweet does not go stale
    tags={"domain": "social"},
)
