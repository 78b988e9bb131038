"""The table `social.tweets_content`: what posts say, and how that was received."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.derived import Derived, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_POSTS
from cryptodudez_assets.posts_and_candles.splitting import Timed, as_read, each_once, listed

POSTS = "social.posts"
COLUMNS = ["id", "text", "favorite_count", "retweet_count", "event_ts"]


class TweetsContent(Timed):
    """What posts say and how that was received, one row per distinct post.

    `id` finds its author in `social.tweets_user` and its time in `social.tweets_time`.
    """

    id: pl.Int64 = pa.Field(description="The post's id.", metadata={"personal": "post"})
    text: str = pa.Field(description="Raw text.")
    favorite_count: pl.Int64 = pa.Field(
        description="Likes when it was last observed; null where not told.", nullable=True, metadata={"unit": "likes"}
    )
    retweet_count: pl.Int64 = pa.Field(
        description="Retweets when it was last observed; null where not told.",
        nullable=True,
        metadata={"unit": "retweets"},
    )


DERIVED = Derived(
    "social.tweets_content",
    TweetsContent,
    owner="team:social-data",
    key=["id"],
    inputs=[Input(POSTS, COLUMNS)],
    transform=as_read,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TweetsContent))],
    checks=[each_once("social.tweets_content", POSTS)],
    quality=OF_POSTS,
    tags={"domain": "social"},
)
