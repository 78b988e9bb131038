"""The view `tweet_vectors`: what each tweet says, as words and as numbers."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureView, Frames, Input
from cryptodudez_assets.features.text import with_vectors
from cryptodudez_assets.features.vector_contract import VectorContract

TWEETS = "social.elon_tweets"


class TweetVectorsFeatures(VectorContract):
    """Cleaned text and vector of each tweet, known when it was written.

    Words, and the first five letters of longer ones, are counted in dimensions that their hashes choose, with a sign; the
    vector has unit length, and is zero where no word is left. Only what is not zero is listed. Nothing is fitted. Stop words
    are those of the tweet's language, or English ones.
    """

    id: pl.Int64 = pa.Field(description="The tweet's snowflake.")
    author: str = pa.Field(description="User name of the author.")
    clean_text: str = pa.Field(
        description="Words in lower case; no links, mentions, entities, emojis, digits, punctuation or stop words."
    )
    n_tokens: pl.Int64 = pa.Field(description="Words in it.", ge=0, metadata={"unit": "words"})


def transform(frames: Frames) -> pl.LazyFrame:
    """Texts to vectors."""
    rows = with_vectors(frames[TWEETS]).with_columns(known_ts=pl.col("event_ts"))
    return as_contract(rows, TweetVectorsFeatures, ["id"])


VIEW = FeatureView(
    name="tweet_vectors",
    contract=TweetVectorsFeatures,
    owner="team:quant-research",
    key=["id"],
    inputs=[Input(TWEETS, ["id", "author", "text", "language"], known="event_ts")],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(days=36_500),  # a tweet does not go stale
    tags={"domain": "social"},
)
