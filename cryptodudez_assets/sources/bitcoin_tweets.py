"""Posts about Bitcoin: JSON lines with fields of Twitter's first API, as a stream job wrote them, in files that overlap."""

import polars as pl

from cryptodudez_assets.contracts.bitcoin_tweets import BitcoinTweets
from cryptodudez_assets.sources.declaration import BY_REACH, Layout, Source

COUNTS = ("favorite_count", "retweet_count", "followers_count")
WRITTEN = "%a %b %d %H:%M:%S %z %Y"  # Fri Oct 25 22:40:27 +0000 2019

SOURCE = Source(
    name="bitcoin_tweets",
    description="Posts about Bitcoin, one JSON object a line, in files that repeat some posts of others.",
    owner="team:social-data",
    table="social.bitcoin_tweets",
    observations="social.bitcoin_tweet_observations",
    contract=BitcoinTweets,
    layouts=[
        Layout(
            name="v1_lines",
            columns={
                "id": pl.Int64,
                "date": pl.String,
                "text": pl.String,
                "user": pl.String,
                **dict.fromkeys(COUNTS, pl.Int64),
            },
            optional=COUNTS,
            canonical={
                **{name: pl.col(name) for name in ("id", "text", "user", *COUNTS)},
                "is_retweet": pl.col("text").str.starts_with("RT @"),
                "event_ts": pl.col("date").str.to_datetime(WRITTEN, time_unit="us", time_zone="UTC", strict=False),
            },
        )
    ],
    key=["id"],
    newest_by=BY_REACH,
    partition_by="month",
)
