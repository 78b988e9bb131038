"""What Bitso writes, field by field and in its order: frames of the socket and bodies of REST, for the server that stands in.

Reading belongs to `protocol.py`. Amounts and prices come here as the text that goes on the wire.
"""

from typing import Any

import msgspec

ENCODE = msgspec.json.Encoder().encode


class DiffEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An order in a frame of `diff-orders`. A completed order has neither amount (`a`) nor value (`v`)."""

    a: str = ""
    d: int
    o: str
    r: str
    s: str
    t: int
    v: str = ""
    z: int


class DiffFrame(msgspec.Struct):
    """A message of `diff-orders`."""

    book: str
    sequence: int
    type: str
    payload: list[DiffEntry]
    sent: int


class OrdersEntry(msgspec.Struct):
    """An order in a frame of `orders`: trailing zeros are stripped, and the status is always `undefined`."""

    a: str
    d: int
    o: str
    r: str
    s: str
    t: int
    v: str


class OrdersSides(msgspec.Struct):
    """The best 20 orders a side."""

    bids: list[OrdersEntry]
    asks: list[OrdersEntry]


class OrdersFrame(msgspec.Struct):
    """A message of `orders`, which has no sequence."""

    payload: OrdersSides
    sent: int
    book: str
    type: str = "orders"


class TradesEntry(msgspec.Struct):
    """A trade; `t` is the maker's side, `mo` and `to` are the orders of maker and taker."""

    a: str
    i: int
    mo: str
    r: str
    t: int
    to: str
    v: str
    x: int


class TradesFrame(msgspec.Struct):
    """A message of `trades`."""

    payload: list[TradesEntry]
    sent: int
    book: str
    type: str = "trades"


KEEP_ALIVE = b'{"type":"ka"}'


def taken(action: str, response: str, kind: str, book: str, time: int) -> bytes:
    """The answer to a subscription, or to its end, that holds."""
    return ENCODE({"action": action, "response": response, "time": time, "type": kind, "book": book})


def refused(action: str, kind: str, error: str, time: int) -> bytes:
    """The answer to a subscription that is not taken; it names no book."""
    return ENCODE({"action": action, "type": kind, "error": error, "time": time})


def not_understood(time: int) -> bytes:
    """The answer to what is no JSON object."""
    return ENCODE({"error": "invalid message", "time": time})


def payload(content: Any) -> bytes:
    """A body of REST that answers."""
    return ENCODE({"success": True, "payload": content})


def error(code: str, message: str) -> bytes:
    """A body of REST that refuses."""
    return ENCODE({"error": {"code": code, "details": [], "message": message}, "success": False})


def unknown_ticker(book: str) -> bytes:
    """What `ticker` says of a book that does not exist: another envelope, and a number for a code."""
    return ENCODE({"error": {"code": 20, "message": f"Unknown OrderBook {book}"}})


def bad_field(name: str) -> bytes:
    """What is said of a parameter that cannot be read."""
    text = f"The field {name}() is either invalid or missing"
    return ENCODE({"success": False, "error": {"code": "0304", "message": text}})
