"""What Binance writes, for the server that stands in: bodies of answers, and lines of archives. Reading belongs to `protocol.py`."""

import msgspec

from cryptodudez_assets.venues.binance import protocol
from cryptodudez_assets.venues.binance.protocol import Error, Kline

ENCODE = msgspec.json.Encoder().encode

INVALID_SYMBOL = ENCODE(Error(protocol.INVALID_SYMBOL, "Invalid symbol."))
INVALID_INTERVAL = ENCODE(Error(protocol.INVALID_INTERVAL, "Invalid interval."))
BUSY = ENCODE(Error(-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."))
TIMED_OUT = ENCODE(
    Error(-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.")
)
RESTRICTED = ENCODE(
    Error(
        0,
        "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms. "
        "Please contact customer service if you believe you received this message in error.",
    )
)
NO_SUCH_ARCHIVE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
    b"<Message>The specified key does not exist.</Message></Error>"
)
ARCHIVE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def klines(candles: list[Kline]) -> bytes:
    """The body of `klines`."""
    return ENCODE(candles)


def archive_line(candle: Kline) -> str:
    """A line of an archive: since 2025 its times are microseconds."""
    begin, end = candle.open_ms, candle.close_ms
    if candle.opened >= protocol.MICROSECONDS_SINCE:
        begin, end = begin * 1000, end * 1000 + 999
    told = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    more = (candle.quote_volume, candle.n_trades, candle.taker_buy_base, candle.taker_buy_quote)
    return ",".join(map(str, (begin, *told, end, *more, candle.unused)))


def missing(parameter: str) -> bytes:
    """A parameter that must be there is not."""
    text = f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."
    return ENCODE(Error(protocol.MISSING_PARAMETER, text))


def illegal_characters(parameter: str, pattern: str) -> bytes:
    """A parameter holds what none may."""
    text = f"Illegal characters found in parameter '{parameter}'; legal range is '{pattern}'."
    return ENCODE(Error(protocol.ILLEGAL_CHARACTERS, text))


def too_much_weight(limit: int) -> bytes:
    """Status 429."""
    text = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return ENCODE(Error(protocol.TOO_MUCH_WEIGHT, text))


def banned(until_ms: int) -> bytes:
    """Status 418."""
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return ENCODE(Error(protocol.TOO_MUCH_WEIGHT, text))
