"""What Binance's public market data say, stated once, for the client and for the server that stands in.

Reading of answers and the venue's rules belong here; connections, and what is asked for when, do not. Prices and amounts are text on
the wire and stay exact (Decimal). Times are milliseconds since 1970; in archives of 2025 and later they are microseconds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

import msgspec

API_URL = "https://data-api.binance.vision"
"""Public market data without a key. `https://api.binance.com` says the same, and nothing (451) to the United States and many clouds."""
ARCHIVES_URL = "https://data.binance.vision"
KLINES = "/api/v3/klines"
KLINES_WEIGHT = 2
"""What a call weighs, however much it asks for."""
MOST_CANDLES = 1000
"""In an answer. Who does not say how many gets 500."""
WEIGHT_A_MINUTE = 6000
"""For each address. Minutes are those of the clock."""
USED_WEIGHT = "x-mbx-used-weight-1m"
LONGEST_ANSWER = 1 << 20
"""Bytes; a thousand candles are about 180 KB."""
GRACE = timedelta(seconds=5)
"""How long behind its end a candle may still change."""
SYMBOL = re.compile(r"\w[\w.-]{0,49}")
"""Not all are ASCII."""
MICROSECONDS_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
"""The first day of archives whose times are microseconds."""
LEAST_MICROSECONDS = 10**14
"""Larger numbers are no milliseconds: those would be of the year 5138."""

TOO_MUCH_WEIGHT, INVALID_INTERVAL, INVALID_SYMBOL = -1003, -1120, -1121
MISSING_PARAMETER, ILLEGAL_PARAMETER, ILLEGAL_CHARACTERS = -1102, -1130, -1100
LATER = {-1000, -1001, TOO_MUCH_WEIGHT, -1006, -1007, -1008, -1016, -1034}
"""Codes of errors that pass: disconnected, busy, timed out, too much asked for."""
TOO_MANY, BANNED, RESTRICTED = 429, 418, 451


class NotUnderstood(ValueError):
    """An answer that is not of the protocol. What it says begins with what was found."""


@dataclass(frozen=True)
class Interval:
    """How long candles are. `name` is case-sensitive (`1m` is a minute, `1M` a month); `path_name` stands in paths, which may not be.

    `step` is None of months, which differ. `anchor`: a time at which one begins; None where it is not told (candles of three days).
    """

    name: str
    step: timedelta | None
    anchor: datetime | None = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def path_name(self) -> str:
        """As archives are named."""
        return self.name.replace("M", "mo")

    def floor(self, at: datetime) -> datetime:
        """When the candle begins in which `at` lies."""
        if self.step is None:
            return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        anchor = self.anchor or datetime(1970, 1, 1, tzinfo=UTC)
        return at - (at - anchor) % self.step

    def behind(self, begin: datetime) -> datetime:
        """When the next candle begins."""
        return begin + self.step if self.step else (begin + timedelta(days=31)).replace(day=1)


MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
INTERVALS = {
    one.name: one
    for one in (
        Interval("1s", timedelta(seconds=1)),
        *(Interval(f"{n}m", timedelta(minutes=n)) for n in (1, 3, 5, 15, 30)),
        *(Interval(f"{n}h", timedelta(hours=n)) for n in (1, 2, 4, 6, 8, 12)),
        Interval("1d", timedelta(days=1)),
        Interval("3d", timedelta(days=3), None),
        Interval("1w", timedelta(weeks=1), MONDAY),
        Interval("1M", None),
    )
}

Time = Annotated[int, msgspec.Meta(ge=0, le=253_370_764_799_999)]
"""Up to the end of the year 9998, so that there is a time behind it."""


class Kline(msgspec.Struct, frozen=True, array_like=True):
    """A candle as it stands on the wire: a list. `close_ms` is the last millisecond that belongs to it."""

    open_ms: Time
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_ms: Time
    quote_volume: Decimal
    n_trades: Annotated[int, msgspec.Meta(ge=0)]
    taker_buy_base: Decimal
    taker_buy_quote: Decimal
    unused: str = "0"

    @property
    def opened(self) -> datetime:
        """When it begins."""
        return at_ms(self.open_ms)


class Level(msgspec.Struct, frozen=True, array_like=True):
    """What is offered at a price of a book."""

    price: Decimal
    amount: Decimal


class Depth(msgspec.Struct, frozen=True, rename="camel"):
    """The best prices of a book, the best first."""

    last_update_id: int
    bids: list[Level]
    asks: list[Level]


class Error(msgspec.Struct, frozen=True):
    """What is said where nothing is given."""

    code: int
    msg: str

    def __str__(self) -> str:
        return f"{self.code} {self.msg}"


_KLINES = msgspec.json.Decoder(list[Kline])
_DEPTH = msgspec.json.Decoder(Depth)
_ERROR = msgspec.json.Decoder(Error)
NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_klines(body: bytes) -> list[Kline]:
    """The answer of `klines`, the oldest candle first. Raises NotUnderstood."""
    try:
        candles = _KLINES.decode(body)
    except NO_JSON as error:
        raise NotUnderstood(f"{body[:120]!r}: {error}") from None
    opened = [candle.open_ms for candle in candles]
    if any(later <= earlier for earlier, later in pairwise(opened)):
        raise NotUnderstood(f"{len(candles)} candles are not one behind the other: expected times that grow")
    if odd := [one for one in candles if one.close_ms <= one.open_ms]:
        raise NotUnderstood(f"a candle closes at {odd[0].close_ms}, and opens at {odd[0].open_ms}")
    return candles


def read_depth(body: bytes) -> Depth:
    """The answer of `depth`. Raises NotUnderstood."""
    try:
        return _DEPTH.decode(body)
    except NO_JSON as error:
        raise NotUnderstood(f"{body[:120]!r}: {error}") from None


def error_of(body: bytes) -> Error | None:
    """What an answer says went wrong; None where it says nothing of the kind (a web page of a firewall)."""
    try:
        return _ERROR.decode(body)
    except NO_JSON:
        return None


def parameters(symbol: str, interval: Interval, first: datetime, last: datetime) -> dict[str, str]:
    """What is asked of `klines`: candles that begin at `first` or later, and at `last` or earlier; the oldest ones that fit."""
    return {
        "symbol": symbol,
        "interval": interval.name,
        "startTime": str(to_ms(first)),
        "endTime": str(to_ms(last)),
        "limit": str(MOST_CANDLES),
    }


def is_final(close_ms: int, server_time: datetime) -> bool:
    """Whether a candle changes no more, by the server's own clock."""
    return at_ms(close_ms) + GRACE < server_time


def at_ms(milliseconds: int) -> datetime:
    """A time of the wire."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC) + timedelta(milliseconds=milliseconds % 1000)


def to_ms(at: datetime) -> int:
    """A time as it goes on the wire."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def interval_of(told: str) -> Interval:
    """An interval by its name. Raises ValueError with those that there are."""
    if told not in INTERVALS:
        raise ValueError(f"{told!r} is no interval of candles: expected one of {', '.join(INTERVALS)}")
    return INTERVALS[told]


def symbol_of(told: str) -> str:
    """A symbol as the venue writes it: capitals, nothing between the two. Raises ValueError."""
    symbol = told.strip().upper().replace("/", "")
    if not SYMBOL.fullmatch(symbol):
        raise ValueError(f"{told!r} is no symbol: expected one such as BTCUSDT")
    return symbol


def archive_path(symbol: str, interval: Interval, month: str) -> str:
    """Where an archive of candles lies below `ARCHIVES_URL`. `month` is `2025-01`, or a day `2025-01-31` of one that is not over."""
    kind = "monthly" if len(month) == len("2025-01") else "daily"
    named = f"{symbol}-{interval.path_name}-{month}.zip"
    return f"/data/spot/{kind}/klines/{symbol}/{interval.path_name}/{named}"


def checksum_of(text: bytes, name: str) -> str:
    """The SHA-256 that a `.CHECKSUM` file tells of the archive `name`. Raises NotUnderstood."""
    found = re.fullmatch(rb"\s*([0-9a-fA-F]{64})\s+\*?(\S+)\s*", text)
    if found is None or found[2].decode("utf-8", "replace") != name:
        raise NotUnderstood(f"{text[:120]!r}: expected the SHA-256 and the name {name}")
    return found[1].decode().lower()
