"""What a poor day of posts or of candles looks like."""

from cryptodudez_assets.derived import Quality
from cryptodudez_assets.posts_and_candles.trades import with_ids

OF_POSTS = Quality(day_of="event_ts", may_be_null=("user", "language", "followers_count"))
OF_CANDLES = Quality(
    day_of="event_ts",
    may_be_null=("volume", "quote_volume", "number_of_trades", "taker_buy_base", "taker_buy_quote"),
    made_of=with_ids,
)
"""Candles that somebody kept without their volumes are whole all the same."""
