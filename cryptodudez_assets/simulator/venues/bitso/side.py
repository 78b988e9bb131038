"""The resting orders of one side of a book, the best first; and how their numbers are written."""

from bisect import bisect_left, insort
from collections.abc import Iterator

EIGHT = 10**8


class Order:
    """A resting order: price in ticks, amount in units of 10^-8, and both as text on the wire (`value` is of minor currency)."""

    __slots__ = ("amount", "amount_text", "created", "oid", "rate", "side", "ticks", "value_text")

    def __init__(self, oid: str, side: int, ticks: int, rate: str, created: int) -> None:
        self.oid, self.side, self.ticks, self.rate, self.created = oid, side, ticks, rate, created
        self.amount = 0
        self.amount_text = self.value_text = ""


class OrdersOfSide:
    """Orders sorted by price, then by the time when they came to that price."""

    def __init__(self, side: int) -> None:
        self.side = side
        self._sign = 1 if side else -1
        self._sorted: list[tuple[int, int, Order]] = []
        self._keys: dict[str, tuple[int, int]] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._sorted)

    def __iter__(self) -> Iterator[Order]:
        return (order for _, _, order in self._sorted)

    def add(self, order: Order) -> None:
        """Put an order at the end of the queue of its price."""
        self._arrivals += 1
        key = (self._sign * order.ticks, self._arrivals)
        self._keys[order.oid] = key
        insort(self._sorted, (*key, order))

    def remove(self, order: Order) -> None:
        """Take an order out."""
        del self._sorted[bisect_left(self._sorted, self._keys.pop(order.oid))]

    def at(self, index: int) -> Order:
        """The order that so many are better than; the last where there are fewer."""
        return self._sorted[min(index, len(self._sorted) - 1)][2]

    def first(self, count: int) -> list[Order]:
        """The best so many."""
        return [order for _, _, order in self._sorted[:count]]

    @property
    def best(self) -> Order:
        """The best order; there is always one."""
        return self._sorted[0][2]


def eight_decimals(units: int) -> str:
    """An amount in units of 10^-8, as `0.00181072`."""
    return f"{units // EIGHT}.{units % EIGHT:08d}"


def stripped(text: str) -> str:
    """Without the zeros at the end of a fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


class Prices:
    """How prices of a book are written: ticks as text, and what an amount is worth."""

    def __init__(self, tick_units: int, decimals: int) -> None:
        self._tick_units, self._decimals, self._scale = tick_units, decimals, 10**decimals

    def text(self, ticks: int) -> str:
        """As `1494400` or `2769.2`."""
        units = ticks * self._tick_units
        if not self._decimals:
            return str(units)
        return stripped(f"{units // self._scale}.{units % self._scale:0{self._decimals}d}")

    def value(self, ticks: int, amount: int) -> str:
        """What so many units of 10^-8 are worth, cut to eight decimals."""
        return eight_decimals(amount * ticks * self._tick_units // self._scale)
