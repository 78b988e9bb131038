"""What Bitso's public interfaces say, in both directions: stated once, for the client and for the server that stands in.

Reading and writing of messages belongs here; connections, limits and what a book makes of a message do not. Prices and amounts
are text on the wire and stay exact (Decimal). Times are milliseconds since 1970 on the socket, ISO 8601 text over REST.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, Literal, TypeVar

import msgspec

REST_URL = "https://api.bitso.com/v3"
SOCKET_URL = "wss://ws.bitso.com"
KEEP_ALIVE_SECONDS = 20.0
REQUESTS_PER_MINUTE = 60
LOCKED_SECONDS = 60.0
"""How long an address that asked too often is refused (status 420)."""
UNKNOWN_BOOK, TOO_MANY_REQUESTS = "0301", "0801"
BOOK = re.compile(r"[a-z0-9]{2,12}_[a-z0-9]{2,12}")
LONGEST_MESSAGE = 32 << 20
"""Bytes; a whole book is about 630 KB."""
LONGEST_FRAME = 1 << 20
MOST_ENTRIES = 100
"""Of a message of changes, which has three at most as a rule."""
LARGEST_SEQUENCE, LAST_MS = 2**62, 253_402_300_799_000
"""What fits into what is recorded: no book counts so far, and no message is sent after the year 9999."""

NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What reading raises where there is no JSON of the kind: broken, no text, or lists in lists without end."""

T = TypeVar("T")

DiffStatus = Literal["open", "cancelled", "completed"]


class Side(IntEnum):
    """Of a resting order."""

    BID = 0
    ASK = 1


class NotUnderstood(ValueError):
    """A message that is not of the protocol. What it says begins with what was found."""


class Diff(msgspec.Struct, frozen=True):
    """What became of one order: it is there with this amount (`open`), or it is gone.

    A completed order has neither amount nor value; a cancelled one keeps them on the wire.
    """

    order: Annotated[str, msgspec.Meta(max_length=100)] = msgspec.field(name="o")
    rate: Decimal = msgspec.field(name="r")
    side: Side = msgspec.field(name="t")
    status: DiffStatus = msgspec.field(name="s")
    created_ms: int = msgspec.field(name="d")
    changed_ms: int = msgspec.field(name="z", default=0)
    amount: Decimal | None = msgspec.field(name="a", default=None)
    value: Decimal | None = msgspec.field(name="v", default=None)


class DiffOrders(msgspec.Struct, frozen=True, tag="diff-orders", tag_field="type"):
    """Changes of one book. `sequence` grows by one with each message of the book."""

    book: str
    sequence: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEQUENCE)]
    payload: Annotated[list[Diff], msgspec.Meta(max_length=MOST_ENTRIES)]
    sent: Annotated[int, msgspec.Meta(ge=0, le=LAST_MS)]


class KeepAlive(msgspec.Struct, frozen=True, tag="ka", tag_field="type"):
    """Said every 20 seconds, whatever the books do."""


class Reply(msgspec.Struct, frozen=True):
    """The answer to a subscription: `response` where it is taken, `error` where it is not."""

    time: int
    action: str = ""
    type: str = ""
    book: str = ""
    response: str = ""
    error: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether what was asked for holds now."""
        return self.response == "ok" or self.response.startswith("Already subscribed")


class Other(msgspec.Struct, frozen=True):
    """A message of a channel that is not followed (`orders`, `trades`)."""

    type: str


Message = DiffOrders | KeepAlive | Reply | Other


class Level(msgspec.Struct, frozen=True):
    """An entry of a book over REST: one order, or, aggregated, one price."""

    book: str
    price: Decimal
    amount: Decimal
    oid: str = ""


class OrderBookPayload(msgspec.Struct, frozen=True):
    """A whole book (or its best 50 prices a side). `sequence` is text here, of the counter that the socket has as a number.

    `updated_at` is when the answer was made, not when the book last changed.
    """

    updated_at: str
    bids: list[Level]
    asks: list[Level]
    sequence: str


class TickerPayload(msgspec.Struct, frozen=True):
    """The best prices of a book and its last day. A book without orders on a side has a null there."""

    book: str
    created_at: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    vwap: Decimal | None = None


class _Envelope(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw()
    error: Any = None


_DIFFS = msgspec.json.Decoder(DiffOrders | KeepAlive)
_REPLY = msgspec.json.Decoder(Reply)
_KIND = msgspec.json.Decoder(Other)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ORDER_BOOK = msgspec.json.Decoder(OrderBookPayload)
_TICKERS = msgspec.json.Decoder(list[TickerPayload])


def subscription(book: str) -> str:
    """What is sent to follow a book's `diff-orders`."""
    return f'{{"action":"subscribe","book":"{book}","type":"diff-orders"}}'


def read_message(text: str | bytes) -> Message:
    """One frame of the socket. Raises NotUnderstood."""
    try:
        message: Message = _DIFFS.decode(text)
        return message
    except NO_JSON as error:
        return _other_than_diffs(text, error)


def _other_than_diffs(text: str | bytes, error: Exception) -> Message:
    """Replies and other channels' messages, which are few."""
    try:
        reply = _REPLY.decode(text)
        if reply.action or reply.error:
            return reply
    except NO_JSON:
        pass  # it is no reply; what it is instead is asked next
    try:
        kind = _KIND.decode(text)
    except NO_JSON:
        kind = Other("")
    if kind.type in {"orders", "trades"}:
        return kind
    raise NotUnderstood(f"{_shown(text)}: {error}")


def read_order_book(body: bytes) -> OrderBookPayload:
    """The answer of `order_book`. Raises NotUnderstood."""
    return _payload(body, _ORDER_BOOK)


def read_tickers(body: bytes) -> list[TickerPayload]:
    """The answer of `ticker` without a book: all of them. Raises NotUnderstood."""
    return _payload(body, _TICKERS)


def error_of(body: bytes) -> str:
    """What an answer says went wrong, in one line; nothing where it says nothing."""
    try:
        error = _ENVELOPE.decode(body).error
    except NO_JSON:
        return ""
    return f"{error.get('code', '')} {error.get('message', '')}".strip() if isinstance(error, dict) else ""


def book_name(told: str) -> str:
    """The book's name on the wire, `btc_mxn`; people may write it in upper case, or as `MXN_BTC`, the money first.

    Raises ValueError where it is no name of a book.
    """
    name = told.strip().lower().replace("-", "_")
    if not BOOK.fullmatch(name):
        raise ValueError(f"{told!r} is no book: expected a name such as btc_mxn")
    major, _, minor = name.partition("_")
    return f"{minor}_{major}" if _is_money_first(major, minor) else name


MONEYS: Sequence[str] = ("mxn", "brl", "ars", "cop", "usd", "usdt")
"""Which of two is the money: the one that comes first here, as Bitso's own names have it (`usd_mxn`, `btc_usd`)."""


def _is_money_first(major: str, minor: str) -> bool:
    return major in MONEYS and (minor not in MONEYS or MONEYS.index(major) < MONEYS.index(minor))


def _payload(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        return decoder.decode(_ENVELOPE.decode(body).payload)
    except NO_JSON as error:
        raise NotUnderstood(f"{_shown(body)}: {error}") from None


def _shown(text: str | bytes) -> str:
    return repr(text[:120])
