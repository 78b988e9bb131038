"""The table `social.mood_daily`: how the posts of each source sound, day by day."""

from datetime import date, timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Daily, Derived, Frames, Input
from cryptodudez_assets.features.exact import mean
from cryptodudez_assets.features.lexicon import scores

POSTS = "social.posts"


class MoodDaily(Contract):
    """How the posts of a source sound on a UTC day, by the lexicon of VADER, from -1 to 1. Only days with posts have rows.

    Texts in English, or of a language that nobody told, are scored; one without a word of the lexicon scores 0. A retweet is
    somebody else's text once more, so that it does not count for `mood`. What a text says is known since it was written: a day's
    mood is known when the day is over.
    """

    source: str = pa.Field(description="The source that the posts are of.")
    date: pl.Date = pa.Field(description="UTC day.")
    n_posts: pl.Int64 = pa.Field(description="Posts of the day.", ge=1, metadata={"unit": "posts"})
    n_retweets: pl.Int64 = pa.Field(description="Retweets among them.", ge=0, metadata={"unit": "posts"})
    n_scored: pl.Int64 = pa.Field(description="Posts that are no retweets and were scored.", ge=0)
    mood: float = pa.Field(description="Mean score of these; null without any.", nullable=True, ge=-1, le=1)
    mood_with_retweets: float = pa.Field(
        description="Mean score of all that were scored; null without any.", nullable=True, ge=-1, le=1
    )


def transform(frames: Frames) -> pl.LazyFrame:
    """Texts to a score a day."""
    is_english = pl.col("language").fill_null("en") == "en"
    compound = pl.col("text").map_elements(_compound, return_dtype=pl.Float64, skip_nulls=True)
    rows = frames[POSTS].with_columns(date=pl.col("event_ts").dt.date(), score=pl.when(is_english).then("text"))
    # The same text, as of a retweet, is scored once.
    texts = rows.select(pl.col("score").alias("text")).drop_nulls().unique().with_columns(compound=compound)
    scored = rows.drop("text").rename({"score": "text"}).join(texts, on="text", how="left")
    own = pl.when(~pl.col("is_retweet")).then("compound")
    return scored.group_by("source", "date").agg(
        n_posts=pl.len().cast(pl.Int64),
        n_retweets=pl.col("is_retweet").sum().cast(pl.Int64),
        n_scored=own.count().cast(pl.Int64),
        mood=mean(own),
        mood_with_retweets=mean(pl.col("compound")),
    )


def _compound(text: str) -> float:
    return scores(text)["compound"]


DERIVED = Derived(
    "social.mood_daily",
    MoodDaily,
    owner="team:quant-research",
    key=["source", "date"],
    inputs=[Input(POSTS, ["text", "language", "is_retweet", "source"], reaches=timedelta(0))],
    transform=transform,
    partitions=Daily("date", start=date(2010, 1, 1)),
    tags={"domain": "social"},
)
