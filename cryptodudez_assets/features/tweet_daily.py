"""The view `tweet_daily`: how much an author tweets in a day, and how that is received."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, day_of, end_of
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.silent_days import CALENDAR, SILENCE, silent_days
from cryptodudez_assets.features.tweet_engagement import observations

TWEETS, OBSERVATIONS = "social.elon_tweets", "social.elon_tweet_observations"
DAY = ["author", "event_ts"]


def engagement(description: str, unit: str) -> pl.Int64:
    """A column that is null until a tweet of the day was observed."""
    field: pl.Int64 = pa.Field(description=description, nullable=True, ge=0, metadata={"unit": unit})
    return field


class TweetDailyFeatures(FeatureContract):
    """Tweets of each author per UTC day: how many, when, and how they were received.

    A day without tweets has a row of zeros, up to 30 days behind the author's last tweet, if coins were traded on it. A row
    becomes known when its day ends, and in a new version whenever engagement of one of its tweets is observed after that.
    Engagement is that of the tweets observed by then, each as it was observed last; of a day with tweets it is null as long as
    there is none (`n_observed` is 0). Archives that do not say when they were scraped are observed when they land here: there
    are no likes in history before that.
    """

    author: str = pa.Field(description="User name of the author.")
    n_tweets: pl.Int64 = pa.Field(description="Tweets of the day.", ge=0, metadata={"unit": "tweets"})
    share_replies: float = pa.Field(
        description="Share of them that answer somebody else.", nullable=True, metadata={"unit": "ratio"}
    )
    n_active_hours: pl.Int64 = pa.Field(description="Distinct UTC hours with a tweet.", metadata={"unit": "hours"})
    first_hour: pl.Int64 = pa.Field(
        description="UTC hour of the first tweet.", nullable=True, metadata={"unit": "hour of day"}
    )
    last_hour: pl.Int64 = pa.Field(
        description="UTC hour of the last tweet.", nullable=True, metadata={"unit": "hour of day"}
    )
    n_observed: pl.Int64 = pa.Field(
        description="Tweets of the day whose engagement was observed by `known_ts`.", metadata={"unit": "tweets"}
    )
    likes: pl.Int64 = engagement("Likes of the observed tweets.", "likes")
    retweets: pl.Int64 = engagement("Retweets of the observed tweets.", "retweets")
    replies: pl.Int64 = engagement("Replies to the observed tweets.", "replies")
    likes_mean: float = pa.Field(
        description="Mean likes per observed tweet.", nullable=True, metadata={"unit": "likes"}
    )
    likes_median: float = pa.Field(
        description="Median likes per observed tweet.", nullable=True, metadata={"unit": "likes"}
    )
    likes_max: pl.Int64 = engagement("Most likes of an observed tweet.", "likes")


def activity(tweets: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """What is known of tweets without looking at their reception, per day (and author)."""
    hour = pl.col("event_ts").dt.hour()
    dated = tweets.with_columns(hour=hour, event_ts=day_of("event_ts"))
    return dated.group_by(by).agg(
        n_tweets=pl.len().cast(pl.Int64),
        share_replies=quotient(pl.col("is_reply").sum(), pl.len()),
        n_active_hours=pl.col("hour").n_unique(),
        first_hour=pl.col("hour").min(),
        last_hour=pl.col("hour").max(),
    )


def transform(frames: Frames) -> pl.LazyFrame:
    """Tweets and observations to versions of daily features."""
    days = activity(frames[TWEETS], DAY).with_columns(known_ts=end_of("event_ts"))
    tweets = frames[TWEETS].select("id", "author", day_of("event_ts"))
    seen = observations(frames[OBSERVATIONS]).drop("author", "event_ts").join(tweets, on="id")
    times = seen.select(*DAY, "known_ts").filter(pl.col("known_ts") > end_of("event_ts"))
    versions = pl.concat([days.select(*DAY, "known_ts"), times.unique()])
    rows = versions.join(_reception(versions, tweets, seen), on=[*DAY, "known_ts"]).join(days.drop("known_ts"), on=DAY)
    return as_contract(
        pl.concat([rows, _silence(days, frames)], how="diagonal_relaxed"), TweetDailyFeatures, ["author"]
    )


def _silence(days: pl.LazyFrame, frames: Frames) -> pl.LazyFrame:
    zeros = ("n_tweets", "n_active_hours", "n_observed", "likes", "retweets", "replies")
    silent = silent_days(days, frames[CALENDAR.table], ["author"])
    return silent.with_columns(*(pl.lit(0, pl.Int64).alias(name) for name in zeros), known_ts=end_of("event_ts"))


def _reception(versions: pl.LazyFrame, tweets: pl.LazyFrame, seen: pl.LazyFrame) -> pl.LazyFrame:
    """Per version of a day, the engagement of its tweets as it was observed last by then."""
    counts = seen.select("id", "known_ts", "likes", "retweets", "replies").sort("id", "known_ts")
    then = versions.join(tweets, on=DAY).sort("id", "known_ts")
    newest = then.join_asof(counts, on="known_ts", by="id", check_sortedness=False)
    likes, observed = pl.col("likes"), pl.col("likes").count()
    sums = [pl.when(observed > 0).then(pl.col(name).sum()).alias(name) for name in ("likes", "retweets", "replies")]
    return newest.group_by(*DAY, "known_ts").agg(
        *sums,
        n_observed=observed,
        # Sums of whole numbers are exact, in whatever order.
        likes_mean=quotient(likes.sum(), observed),
        likes_median=likes.median(),
        likes_max=likes.max(),
    )


VIEW = FeatureView(
    name="tweet_daily",
    contract=TweetDailyFeatures,
    owner="team:quant-research",
    key=["author"],
    inputs=[
        Input(TWEETS, ["id", "author", "is_reply"], known="event_ts"),
        Input(OBSERVATIONS, ["id", "author", "likes", "retweets", "replies", "as_of", "file_id", "file_row"]),
        CALENDAR,
    ],
    transform=transform,
    window=SILENCE,
    ttl=timedelta(days=7),
    versions=True,
    tags={"domain": "social"},
)
