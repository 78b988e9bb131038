"""The table `social.tweets_user`: who wrote posts."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.derived import Derived, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_POSTS
from cryptodudez_assets.posts_and_candles.splitting import Timed, as_read, each_once, listed

POSTS = "social.posts"
COLUMNS = ["id", "user", "followers_count", "event_ts"]


class TweetsUser(Timed):
    """Who wrote posts, one row per distinct post: an author has as many rows as posts, each with the followers of its time."""

    id: pl.Int64 = pa.Field(description="The post's id.", metadata={"personal": "post"})
    user: str = pa.Field(description="User name of the author; null where the source tells none.", nullable=True)
    followers_count: pl.Int64 = pa.Field(
        description="Followers of the author when the post was last observed; null where not told.",
        nullable=True,
        metadata={"unit": "users"},
    )


DERIVED = Derived(
    "social.tweets_user",
    TweetsUser,
    owner="team:social-data",
    key=["id"],
    inputs=[Input(POSTS, COLUMNS)],
    transform=as_read,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TweetsUser))],
    checks=[each_once("social.tweets_user", POSTS)],
    quality=OF_POSTS,
    tags={"domain": "social"},
)
