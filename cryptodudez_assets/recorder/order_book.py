"""A book of resting orders: what the messages make of it, its best prices, its depth. Exact, and without any input or output."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from cryptodudez_assets.recorder.record import DEPTH_BPS
from cryptodudez_assets.venues.bitso.protocol import Diff, Level, Side

NEAR = Decimal(DEPTH_BPS) / 10_000
SMALLEST, LARGEST = Decimal(10) ** -20, Decimal(10) ** 20  # so that sums are exact, and fit into what is recorded
MOST_ORDERS = 100_000
"""Of a book; the liveliest has some 7,000. Of more, ticks would come late."""


def is_positive(told: Decimal) -> bool:
    """Whether this can be a price or an amount."""
    return told.is_finite() and SMALLEST <= told < LARGEST


class Impossible(ValueError):
    """What no book can hold: an order without amount or with a price that is no positive number, one twice, or too many."""


class Best(NamedTuple):
    """The best price of a side, what can be had at it, and what can be had within `DEPTH_BPS` of it; null in an empty book."""

    price: float | None
    amount: float | None
    depth: float | None


class _Prices:
    """One side: amounts by price. The prices are in order, since the best ones and their neighbours are what is asked for."""

    def __init__(self) -> None:
        self.ordered: list[Decimal] = []
        self.amounts: dict[Decimal, list[Decimal]] = {}

    def sort(self) -> None:
        """Put the prices in order, at once: one by one, a large book takes seconds."""
        self.ordered = sorted(self.amounts)

    def add_unsorted(self, price: Decimal, amount: Decimal) -> None:
        """`sort` has to follow."""
        self.amounts.setdefault(price, []).append(amount)

    def add(self, price: Decimal, amount: Decimal) -> None:
        there = self.amounts.get(price)
        if there is None:
            self.amounts[price] = [amount]
            insort(self.ordered, price)
        else:
            there.append(amount)

    def remove(self, price: Decimal, amount: Decimal) -> None:
        there = self.amounts[price]
        there.remove(amount)
        if not there:
            del self.amounts[price]
            del self.ordered[bisect_left(self.ordered, price)]


class OrderBook:
    """The orders of a book by their ids. An order is replaced when it is opened again, and gone with any other word."""

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        self.sides = {Side.BID: _Prices(), Side.ASK: _Prices()}
        self.orders: dict[str, tuple[Side, Decimal, Decimal]] = {}
        for side, levels in ((Side.BID, bids), (Side.ASK, asks)):
            for level in levels:
                order = level.oid or f"{side}{level.price}"
                if order in self.orders:
                    raise Impossible(f"order {order[:40]} is there twice")
                self._check(order, level.price, level.amount)
                self.orders[order] = (side, level.price, level.amount)
                self.sides[side].add_unsorted(level.price, level.amount)
            self.sides[side].sort()

    def apply(self, diff: Diff) -> None:
        """What one entry of a message says. Raises Impossible."""
        if (there := self.orders.pop(diff.order, None)) is not None:
            side, price, amount = there
            self.sides[side].remove(price, amount)
        if diff.status == "open":
            if diff.amount is None:
                raise Impossible(f"order {diff.order} is open without an amount")
            self._open(diff.order, diff.side, diff.rate, diff.amount)

    def _open(self, order: str, side: Side, price: Decimal, amount: Decimal) -> None:
        self._check(order, price, amount)
        self.orders[order] = (side, price, amount)
        self.sides[side].add(price, amount)

    def _check(self, order: str, price: Decimal, amount: Decimal) -> None:
        if not (is_positive(price) and is_positive(amount)):
            raise Impossible(f"order {order[:40]} of {amount:.20} at {price:.20}: both must be positive numbers")
        if len(self.orders) >= MOST_ORDERS:
            raise Impossible(f"a book of more than {MOST_ORDERS} orders")

    @property
    def quote(self) -> tuple[Decimal | None, Decimal | None]:
        """Best bid and best ask."""
        bids, asks = self.sides[Side.BID].ordered, self.sides[Side.ASK].ordered
        return (bids[-1] if bids else None, asks[0] if asks else None)

    @property
    def is_crossed(self) -> bool:
        """Whether somebody would pay at least what somebody else asks: no market leaves that standing."""
        bid, ask = self.quote
        return bid is not None and ask is not None and bid >= ask

    def best(self, side: Side) -> Best | None:
        """The top of a side; None where it is empty."""
        prices = self.sides[side]
        near = list(self._near(side))
        if not near:
            return None
        amounts = [sum(prices.amounts[price], Decimal()) for price in near]
        return Best(float(near[0]), float(amounts[0]), float(sum(amounts)))

    def _near(self, side: Side) -> Iterator[Decimal]:
        """Prices from the best one on, as far as depth goes."""
        ordered = self.sides[side].ordered
        if not ordered:
            return
        if side is Side.BID:
            limit = ordered[-1] * (1 - NEAR)
            for price in reversed(ordered):
                if price < limit:
                    return
                yield price
        else:
            limit = ordered[0] * (1 + NEAR)
            for price in ordered:
                if price > limit:
                    return
                yield price
