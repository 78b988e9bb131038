"""A source of JSON lines over a real archive, as somebody would add it: tweets about a coin, as a stream wrote them down."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import BY_LANDING, Layout, Source

written = pl.col("date").str.to_datetime("%a %b %d %H:%M:%S %z %Y", time_zone="UTC", strict=False)


class CoinTweets(TableContract):
    """Tweets about a coin, one row each."""

    tweet_id: str = pa.Field(description="Identity.", str_matches=r"^\d+$")
    text: str = pa.Field(description="What it says.")
    username: str = pa.Field(description="Who wrote it.")
    likes: pl.Int64 = pa.Field(description="Likes when it was written down.", ge=0)
    followers: pl.Int64 = pa.Field(description="Followers of the author.", ge=0)


SOURCE = Source(
    name="coin_tweets",
    description="Tweets about a coin, one JSON object a line.",
    owner="team:social",
    table="social.coin_tweets",
    contract=CoinTweets,
    layouts=[
        Layout(
            name="stream_lines",
            columns={
                **dict.fromkeys(("id", "date", "text", "user"), pl.String),
                **dict.fromkeys(("favorite_count", "followers_count"), pl.Int64),
            },
            ignored=["retweet_count"],
            canonical={
                "tweet_id": pl.col("id"),
                "text": pl.col("text"),
                "username": pl.col("user"),
                "likes": pl.col("favorite_count"),
                "followers": pl.col("followers_count"),
                "event_ts": written,
                "known_ts": written,
            },
        )
    ],
    key=["tweet_id"],
    newest_by=BY_LANDING,
)
