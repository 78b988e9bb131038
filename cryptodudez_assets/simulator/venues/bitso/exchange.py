"""The books together: which of them says something next, and the exchange's clock."""

import heapq
import time
from collections.abc import Iterator, Sequence

from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
from cryptodudez_assets.simulator.venues.bitso.market import Book, Step

LATE = 0.5
"""Seconds behind its plan at which a book's plan is moved, so that a machine that slept is no burst of messages."""


class Exchange:
    """Books that move. `rate` is messages a second of each book, None for what is usual of the book; `skew` is in seconds."""

    def __init__(
        self, names: Sequence[str], seed: int = 7, rate: float | None = None, speed: float = 1, skew: float = 0
    ):
        self._skew = round(skew * 1000)
        now = self.now()
        chosen = [BOOKS[name] for name in names]
        self.books = {one.name: Book(one, seed, (one.rate if rate is None else rate) * speed, now) for one in chosen}
        self._plan: list[tuple[float, int, Book]] = []
        began = time.monotonic()
        for number, book in enumerate(self.books.values()):
            heapq.heappush(self._plan, (began + book.delay(), number, book))

    def now(self) -> int:
        """Milliseconds since 1970 by the exchange's clock, which may be off."""
        return time.time_ns() // 1_000_000 + self._skew

    def true_time(self, told: int) -> int:
        """What this machine's clock said when the exchange's said `told`."""
        return told - self._skew

    def wait(self) -> float:
        """Seconds until the next message."""
        return max(0.0, self._plan[0][0] - time.monotonic())

    def advance(self) -> Iterator[tuple[Book, Step, int]]:
        """Every message that is due, with the time when it is sent."""
        now = time.monotonic()
        while self._plan[0][0] <= now:
            due, number, book = self._plan[0]
            sent = self.now()
            step = book.step(sent)
            heapq.heapreplace(self._plan, (max(due, now - LATE) + book.delay(), number, book))
            yield book, step, sent
