"""Tweets of Elon Musk: yearly scrapes in two layouts with two time zones, each repeating the tweets of the years before."""

import polars as pl

from cryptodudez_assets.contracts.elon_tweets import ElonTweets
from cryptodudez_assets.sources.declaration import BY_REACH, Layout, Source


def utc(local_time: pl.Expr) -> pl.Expr:
    """The local time and its offset, as the row states them, in UTC."""
    return (local_time + pl.col("timezone")).str.to_datetime("%Y-%m-%d %H:%M:%S%z", time_unit="us", strict=False)


shared_columns: dict[str, type[pl.DataType]] = {
    "id": pl.Int64,
    "conversation_id": pl.Int64,
    "date": pl.String,
    "timezone": pl.String,
    "tweet": pl.String,
    "language": pl.String,
    "username": pl.String,
    "link": pl.String,
    "reply_to": pl.String,
}
shared_canonical = {
    "id": pl.col("id"),
    "conversation_id": pl.col("conversation_id"),
    "author": pl.col("username"),
    "text": pl.col("tweet"),
    "language": pl.col("language"),
    "is_reply": pl.col("reply_to") != "[]",
    "link": pl.col("link"),
}
shared_ignored = [
    "created_at",
    "place",
    "hashtags",
    "cashtags",
    "user_id",
    "name",
    "urls",
    "photos",
    "video",
    "thumbnail",
    "retweet",
    "quote_url",
    "near",
    "geo",
    "source",
    "user_rt_id",
    "user_rt",
    "retweet_id",
    "retweet_date",
    "translate",
    "trans_src",
    "trans_dest",
]

SOURCE = Source(
    name="elon_tweets",
    description="Archives of Elon Musk's tweets, one CSV for each year in which they were scraped.",
    owner="team:social-data",
    table="social.elon_tweets",
    observations="social.elon_tweet_observations",
    contract=ElonTweets,
    layouts=[
        Layout(
            name="utc_39",
            columns={**shared_columns, "nlikes": pl.Int64, "nreplies": pl.Int64, "nretweets": pl.Int64},
            ignored=["", *shared_ignored, "user_id_str", "day", "hour", "search"],
            canonical={
                **shared_canonical,
                "event_ts": utc(pl.col("date")),
                "likes": pl.col("nlikes"),
                "replies": pl.col("nreplies"),
                "retweets": pl.col("nretweets"),
            },
        ),
        Layout(
            name="arabian_36",
            columns={
                **shared_columns,
                "time": pl.String,
                "likes_count": pl.Int64,
                "replies_count": pl.Int64,
                "retweets_count": pl.Int64,
            },
            ignored=[*shared_ignored, "mentions"],
            canonical={
                **shared_canonical,
                "event_ts": utc(pl.col("date") + " " + pl.col("time")),
                "likes": pl.col("likes_count"),
                "replies": pl.col("replies_count"),
                "retweets": pl.col("retweets_count"),
            },
        ),
    ],
    key=["id"],
    newest_by=BY_REACH,
    sort_by=["event_ts"],
)
