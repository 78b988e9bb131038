"""Posts as X's API (version 2) answers them: pages of timelines and searches, each beside the users that it refers to."""

import polars as pl

from cryptodudez_assets.contracts.x_posts import XPosts
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source

STAMP = "%Y%m%dT%H%M%SZ"
USERS = "$.includes.users"
OPTIONAL = [
    *("author_id", "conversation_id", "lang", "in_reply_to_user_id", "referenced_tweets", USERS),
    *(f"public_metrics.{name}_count" for name in ("like", "retweet", "reply", "quote")),
]
"""X leaves out what was not asked for, and what is null."""
IGNORED = [
    *("edit_history_tweet_ids", "entities", "public_metrics", "attachments", "source", "possibly_sensitive", "geo"),
    *("context_annotations", "withheld", "$.includes", "$.meta", "$.errors"),
]


def of_author(field: str) -> pl.Expr:
    """A field of the post's author, as the page tells it beside its posts."""
    return pl.col(USERS).str.json_path_match(pl.format("$[?(@.id=='{}')]." + field, "author_id"))


def refers(kind: str) -> pl.Expr:
    """Whether the post refers to another one in this way."""
    return pl.col("referenced_tweets").str.contains(f'"{kind}"', literal=True).fill_null(False)


SOURCE = Source(
    name="x_posts",
    description="Answers of X's API: posts of users and of searches, with how they were received when X was asked.",
    owner="team:social-data",
    table="social.x_posts",
    observations="social.x_post_observations",
    contract=XPosts,
    layouts=[
        Layout(
            name="v2",
            format="json",
            rows="$.data",
            # An answer that the platform fetched says in its name when it was given; others are known since they landed.
            path=r"(?P<told>(\d{8}T\d{6}Z(?=(_\d{8}T\d{6}Z){3}))?)[^/]*$",
            columns={
                "id": pl.Int64,
                "text": pl.String,
                "created_at": pl.String,
                "author_id": pl.Int64,
                "conversation_id": pl.Int64,
                "lang": pl.String,
                "in_reply_to_user_id": pl.String,
                "referenced_tweets": pl.String,
                "public_metrics.like_count": pl.Int64,
                "public_metrics.retweet_count": pl.Int64,
                "public_metrics.reply_count": pl.Int64,
                "public_metrics.quote_count": pl.Int64,
                USERS: pl.String,
            },
            optional=OPTIONAL,
            ignored=IGNORED,
            canonical={
                "id": pl.col("id"),
                "conversation_id": pl.col("conversation_id"),
                "author_id": pl.col("author_id"),
                "author": of_author("username"),
                "followers": of_author("public_metrics.followers_count").cast(pl.Int64),
                "text": pl.col("text"),
                "language": pl.col("lang"),
                "likes": pl.col("public_metrics.like_count"),
                "retweets": pl.col("public_metrics.retweet_count"),
                "replies": pl.col("public_metrics.reply_count"),
                "quotes": pl.col("public_metrics.quote_count"),
                "is_retweet": refers("retweeted"),
                "is_reply": refers("replied_to"),
                "event_ts": pl.col("created_at").str.to_datetime(
                    "%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC", strict=False
                ),
                "known_ts": pl.coalesce(
                    pl.col("told").str.to_datetime(STAMP, time_unit="us", time_zone="UTC", strict=False),
                    pl.col(CATALOGUED),
                ),
            },
        ),
    ],
    key=["id"],
    newest_by="known_ts",
    sort_by=["event_ts"],
)
