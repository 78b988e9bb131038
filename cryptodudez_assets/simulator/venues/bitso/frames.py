"""Messages of the market as the socket tells them."""

from dataclasses import dataclass
from typing import Protocol

from cryptodudez_assets.simulator.venues.bitso.link import framed
from cryptodudez_assets.simulator.venues.bitso.market import ASK, BID, Book, Step
from cryptodudez_assets.simulator.venues.bitso.side import OrdersOfSide, stripped
from cryptodudez_assets.venues.bitso.answers import (
    ENCODE,
    DiffFrame,
    OrdersEntry,
    OrdersFrame,
    OrdersSides,
    TradesFrame,
)

TOP = 20


@dataclass(frozen=True)
class Said:
    """A message of a channel, encoded once for everybody.

    One of `diff-orders` has what it says as `diff`, and the best ask as it is behind it.
    """

    book: str
    text: bytes
    frame: bytes
    diff: DiffFrame | None = None
    best_ask: str = ""


class Sayer(Protocol):
    """Makes the message of a channel out of a step of a book; None where the step is nothing to the channel."""

    def __call__(self, book: Book, step: Step, sent: int) -> Said | None:
        """The message, sent at a time of the exchange's clock."""


def diff_orders(book: Book, step: Step, sent: int) -> Said:
    """What changed."""
    diff = DiffFrame(book.name, step.sequence, "diff-orders", step.entries, sent)
    text = ENCODE(diff)
    return Said(book.name, text, framed(text), diff, book.sides[ASK].best.rate)


def orders(book: Book, step: Step, sent: int) -> Said:
    """The best orders of both sides."""
    sides = OrdersSides(_entries(book.sides[BID]), _entries(book.sides[ASK]))
    text = ENCODE(OrdersFrame(sides, sent, book.name))
    return Said(book.name, text, framed(text))


def trades(book: Book, step: Step, sent: int) -> Said | None:
    """The trades, if there were any."""
    if not step.trades:
        return None
    text = ENCODE(TradesFrame(step.trades, sent, book.name))
    return Said(book.name, text, framed(text))


SAYERS: dict[str, Sayer] = {"diff-orders": diff_orders, "orders": orders, "trades": trades}


def _entries(side: OrdersOfSide) -> list[OrdersEntry]:
    return [
        OrdersEntry(
            stripped(one.amount_text), one.created, one.oid, one.rate, "undefined", one.side, stripped(one.value_text)
        )
        for one in side.first(TOP)
    ]
