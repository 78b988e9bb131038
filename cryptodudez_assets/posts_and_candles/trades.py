"""What the narrow tables of candles share: which candles they are of, and the key that identifies one candle of one symbol."""

import polars as pl

CANDLES = "market.candles"
SISTERS = ("market.trade_candles", "market.trade_symbols")
SERIES = ["venue", "symbol", "interval"]
ID = "Venue, symbol, interval and opening of the candle (milliseconds since 1970): `binance:BTCUSDT:1d:1571961600000`."


def with_ids(candles: pl.LazyFrame) -> pl.LazyFrame:
    """The candles that there are, without gaps, each with its key."""
    identity = pl.concat_str([*SERIES, pl.col("event_ts").dt.epoch("ms")], separator=":")
    return candles.filter(~pl.col("is_gap")).with_columns(id=identity)
