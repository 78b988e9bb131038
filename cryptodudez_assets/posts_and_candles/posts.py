"""The table `social.posts`: posts of all sources that hold some, one row per post."""

from collections.abc import Mapping

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime, polars_schema
from cryptodudez_assets.contracts.bitcoin_tweets import BitcoinTweets
from cryptodudez_assets.contracts.elon_tweets import ElonTweets
from cryptodudez_assets.contracts.x_posts import XPosts
from cryptodudez_assets.derived import Derived, Frames, Input
from cryptodudez_assets.posts_and_candles.quality import OF_POSTS

BITCOIN, ELON, X = "social.bitcoin_tweets", "social.elon_tweets", "social.x_posts"
UNKNOWN = pl.lit(None)


class Posts(Contract):
    """Posts of all sources, one row per post: of a post that several sources hold, what was observed last.

    What a post says is known since it was written (`event_ts`), its counts only since `known_ts`.
    """

    id: pl.Int64 = pa.Field(description="The post's id on Twitter or X.", gt=0, metadata={"personal": "post"})
    event_ts: UtcTime = pa.Field(description="When it was written (UTC).", metadata={"unit": "UTC"})
    known_ts: UtcTime = pa.Field(description="When its counts could be known (UTC).", metadata={"unit": "UTC"})
    user: str = pa.Field(description="User name of the author; null where the source tells none.", nullable=True)
    text: str = pa.Field(description="Raw text.")
    language: str = pa.Field(description="Language as the platform guessed it; null where not told.", nullable=True)
    is_retweet: pl.Boolean = pa.Field(description="Whether it repeats somebody else's post.")
    favorite_count: pl.Int64 = pa.Field(
        description="Likes at `known_ts`.", nullable=True, ge=0, metadata={"unit": "likes"}
    )
    retweet_count: pl.Int64 = pa.Field(
        description="Retweets at `known_ts`.", nullable=True, ge=0, metadata={"unit": "retweets"}
    )
    followers_count: pl.Int64 = pa.Field(
        description="Followers of the author at `known_ts`; null where the source does not tell.",
        nullable=True,
        ge=0,
        metadata={"unit": "users"},
    )
    source: str = pa.Field(description="The source that it is of.")


SAME = {name: pl.col(name) for name in ("id", "event_ts", "known_ts", "text")}
PARTS: Mapping[str, Mapping[str, pl.Expr]] = {
    BITCOIN: {
        **SAME,
        **{name: pl.col(name) for name in ("user", "is_retweet", "favorite_count", "retweet_count", "followers_count")},
        "language": UNKNOWN,
        "seen": pl.col("as_of"),
    },
    ELON: {
        **SAME,
        "user": pl.col("author"),
        "is_retweet": pl.col("text").str.starts_with("RT @"),
        "favorite_count": pl.col("likes"),
        "retweet_count": pl.col("retweets"),
        "followers_count": UNKNOWN,
        "language": pl.col("language"),
        "seen": pl.col("as_of"),
    },
    X: {
        **SAME,
        "user": pl.col("author"),
        "is_retweet": pl.col("is_retweet"),
        "favorite_count": pl.col("likes"),
        "retweet_count": pl.col("retweets"),
        "followers_count": pl.col("followers"),
        "language": pl.col("language"),
        "seen": pl.col("known_ts"),
    },
}
"""What each table with posts has of the contract's columns, and when its file saw a post at the earliest (`seen`)."""


def transform(frames: Frames) -> pl.LazyFrame:
    """The posts of all sources; of one id the observation that was seen last."""
    schema = polars_schema(Posts)
    parts = [
        frames[name]
        .with_columns(source=pl.lit(name.partition(".")[2]))
        .select(
            *(columns.get(column, pl.col(column)).cast(dtype).alias(column) for column, dtype in schema.items()),
            columns["seen"].alias("seen"),
        )
        for name, columns in PARTS.items()
    ]
    newest_last = pl.concat(parts).sort("id", "seen", "source")
    return newest_last.unique("id", keep="last", maintain_order=True).drop("seen")


CONTRACTS: Mapping[str, type[Contract]] = {BITCOIN: BitcoinTweets, ELON: ElonTweets, X: XPosts}


def _read(name: str) -> Input:
    columns = {root for expression in PARTS[name].values() for root in expression.meta.root_names()}
    return Input(name, sorted(columns), absent=CONTRACTS[name])


DERIVED = Derived(
    "social.posts",
    Posts,
    owner="team:social-data",
    key=["id"],
    inputs=[_read(name) for name in PARTS],
    transform=transform,
    time="event_ts",
    quality=OF_POSTS,
    tags={"domain": "social"},
)
