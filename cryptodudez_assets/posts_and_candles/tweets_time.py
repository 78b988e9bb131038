"""The table `social.tweets_time`: when posts were written."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.derived import Derived, Frames, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_POSTS
from cryptodudez_assets.posts_and_candles.splitting import Calendar, calendar, each_once, listed, one_in_each_sister

POSTS = "social.posts"


class TweetsTime(Calendar):
    """When posts were written, one row per distinct post, with the calendar of that time."""

    id: pl.Int64 = pa.Field(description="The post's id.", metadata={"personal": "post"})
    datetime: UtcTime = pa.Field(description="When it was written (UTC).", metadata={"unit": "UTC"})


def transform(frames: Frames) -> pl.LazyFrame:
    """The times of the posts."""
    return frames[POSTS].select("id", "event_ts", datetime=pl.col("event_ts"), **calendar("event_ts"))


DERIVED = Derived(
    "social.tweets_time",
    TweetsTime,
    owner="team:social-data",
    key=["id"],
    inputs=[Input(POSTS, ["id", "event_ts"])],
    transform=transform,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TweetsTime))],
    checks=[
        each_once("social.tweets_time", POSTS),
        one_in_each_sister("social.tweets_time", ["social.tweets_content", "social.tweets_user"]),
    ],
    quality=OF_POSTS,
    tags={"domain": "social"},
)
