"""A client of an order book that owes nothing to the project's own: what a frame says of orders, applied to what REST said."""

import json
from typing import Any

Known = dict[tuple[int, str], tuple[str, str]]


class PlainClient:
    """Orders by side and id, with price and amount as text, at a sequence."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.sequence = int(snapshot["sequence"])
        self.orders = orders_of(snapshot)

    def apply(self, frame: dict[str, Any]) -> None:
        """A frame of `diff-orders`; one that the snapshot held already changes nothing."""
        if frame["sequence"] <= self.sequence:
            return
        assert frame["sequence"] == self.sequence + 1, f"{frame['sequence']} follows {self.sequence}"
        self.sequence = frame["sequence"]
        for entry in frame["payload"]:
            key = (entry["t"], entry["o"])
            if entry["s"] == "open":
                self.orders[key] = (entry["r"], entry["a"])
            else:
                assert entry["s"] in ("cancelled", "completed")
                assert self.orders.pop(key, None) is not None, f"{entry} was not there"

    def best(self) -> tuple[float, float]:
        """Best bid and best ask."""
        prices = [
            [float(price) for (side, _), (price, _) in self.orders.items() if side == wanted] for wanted in (0, 1)
        ]
        return max(prices[0]), min(prices[1])


def orders_of(snapshot: dict[str, Any]) -> Known:
    """The orders of an answer of `order_book` with aggregate=false."""
    return {
        (side, one["oid"]): (one["price"], one["amount"])
        for side, name in enumerate(("bids", "asks"))
        for one in snapshot[name]
    }


def read(body: bytes | str) -> dict[str, Any]:
    """A body or frame that is a JSON object."""
    told = json.loads(body)
    assert isinstance(told, dict)
    return told
