"""The view `term_frequency_daily`: how often an author's tweets speak of each of the configured terms."""

from collections.abc import Sequence
from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, day_of, end_of
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.mentions import contains, contains_word, lowered
from cryptodudez_assets.features.prices import ratio
from cryptodudez_assets.features.silent_days import CALENDAR, SILENCE, silent_days
from cryptodudez_assets.features.terms import TERMS

TWEETS = "social.elon_tweets"
DAY = ["author", "event_ts"]


class TermFrequencyDailyFeatures(FeatureContract):
    """How often each author's tweets of a UTC day speak of each configured term.

    Every day with tweets has a row for every term, also where the count is 0; so has a day without tweets, up to 30 days behind
    the author's last one, if coins were traded on it. Terms are searched in the raw text, in any case, also inside of words
    (`eth` is in `method`: see the columns `…_as_word`).
    """

    author: str = pa.Field(description="User name of the author.")
    term: str = pa.Field(description="The term, in lower case.")
    n_tweets: pl.Int64 = pa.Field(description="Tweets of the day that contain the term.", metadata={"unit": "tweets"})
    n_tweets_without_mentions: pl.Int64 = pa.Field(
        description="Those that contain it once @mentions are removed.", metadata={"unit": "tweets"}
    )
    n_tweets_as_word: pl.Int64 = pa.Field(
        description="Those that contain it as a whole word (@mentions included).", metadata={"unit": "tweets"}
    )
    n_tweets_all: pl.Int64 = pa.Field(description="All tweets of the day.", ge=0, metadata={"unit": "tweets"})
    frequency: float = ratio("Share of the day's tweets that contain it.")
    frequency_without_mentions: float = ratio("Share of the day's tweets that contain it once @mentions are removed.")
    frequency_as_word: float = ratio("Share of the day's tweets that contain it as a whole word.")
    n_tweets_7d: pl.Int64 = pa.Field(
        description="Tweets that contain it, of the 7 days that end with this one.", metadata={"unit": "tweets"}
    )
    frequency_7d: float = ratio("Share of all tweets of these 7 days that contain it.")


def counts(tweets: pl.LazyFrame, by: Sequence[str], terms: Sequence[str]) -> pl.LazyFrame:
    """Per day (and author) and term, the number of tweets that contain it in each sense, and of all tweets."""
    texts = tweets.with_columns(*lowered("text"), event_ts=day_of("event_ts"))
    found = [
        expression.sum().cast(pl.Int64).alias(f"{sense} {term}")
        for term in terms
        for sense, expression in _senses(term).items()
    ]
    days = texts.group_by(by).agg(*found, n_tweets_all=pl.len().cast(pl.Int64))
    return pl.concat(_of_term(days, by, term) for term in terms)


def _of_term(days: pl.LazyFrame, by: Sequence[str], term: str) -> pl.LazyFrame:
    found = (pl.col(f"{sense} {term}").alias(sense) for sense in _senses(term))
    return days.select(*by, "n_tweets_all", *found, term=pl.lit(term))


def _senses(term: str) -> dict[str, pl.Expr]:
    return {
        "n_tweets": contains("raw", term),
        "n_tweets_without_mentions": contains("without_mentions", term),
        "n_tweets_as_word": contains_word("raw", term),
    }


def transform(frames: Frames) -> pl.LazyFrame:
    """Texts to frequencies."""
    rows = counts(frames[TWEETS], DAY, TERMS)
    zeros = ("n_tweets_all", *_senses(""))
    silent = silent_days(rows, frames[CALENDAR.table], ["author", "term"])
    silent = silent.with_columns(pl.lit(0, pl.Int64).alias(name) for name in zeros)
    rows = pl.concat([rows, silent], how="diagonal").sort("author", "term", "event_ts")
    senses = [sense.removeprefix("n_tweets") for sense in _senses("")]
    found, everything = (
        pl.col(name).rolling_sum_by("event_ts", "7d").over("author", "term") for name in ("n_tweets", "n_tweets_all")
    )
    rows = rows.with_columns(
        *(quotient(pl.col(f"n_tweets{one}"), pl.col("n_tweets_all")).alias(f"frequency{one}") for one in senses),
        n_tweets_7d=found,
        frequency_7d=quotient(found, everything),
        known_ts=end_of("event_ts"),
    )
    return as_contract(rows, TermFrequencyDailyFeatures, ["author", "term"])


VIEW = FeatureView(
    name="term_frequency_daily",
    contract=TermFrequencyDailyFeatures,
    owner="team:quant-research",
    key=["author", "term"],
    inputs=[Input(TWEETS, ["author", "text"], known="event_ts"), CALENDAR],
    transform=transform,
    window=SILENCE,
    ttl=timedelta(days=7),
    tags={"domain": "social"},
)
