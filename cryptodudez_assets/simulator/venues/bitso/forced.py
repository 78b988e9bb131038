"""What the injected faults force: for each book, the times in which a client that does everything right does not know it.

That is how a recorder is judged: what it carried, beside what it had to carry. The client that is thought of asks for the order book
as soon as it can tell that it must, evenly spread as the limit of REST has it (one a second), and knows the book half a second later.
It connects again within a second, and takes a connection for dead that was silent for two keep-alives and a quarter of one.
It asks for no ticker: one that does may do better.
"""

import csv
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from cryptodudez_assets.venues.bitso.protocol import KEEP_ALIVE_SECONDS, REQUESTS_PER_MINUTE

ANSWER_MS, RECONNECT_MS = 500, 1000
DEAD_MS = int(2250 * KEEP_ALIVE_SECONDS)
FIRST = "start"
"""What is no fault, but takes its time as well: a book is followed for the first time."""


class Forced(NamedTuple):
    """From `started` to `ended` (milliseconds of Unix time, the true clock) a book cannot be known on a connection."""

    book: str
    fault: str
    connection: int
    started: int
    ended: int


class Ledger:
    """Turns faults into times. Each time is told once, when its end is known. `a_minute`: requests that REST allows."""

    def __init__(self, tell: Callable[[Forced], None], a_minute: int = REQUESTS_PER_MINUTE) -> None:
        self._tell, self._between = tell, 60_000 // a_minute
        self._next = 0
        self._known: set[str] = set()
        self._unseeded: set[str] = set()
        self._unnoticed: dict[tuple[int, str], tuple[str, int]] = {}

    def subscribed(self, connection: int, book: str, opened: int, now: int) -> None:
        """A book is followed. Only the first time is counted: after a fault, the fault is."""
        if book not in self._known:
            self._known.add(book)
            self._tell(Forced(book, FIRST, connection, opened, self._seeded(book, now)))

    def lost(self, connection: int, book: str, fault: str, now: int) -> None:
        """A message did not come as it should have. The next one of the book tells."""
        self._unnoticed.setdefault((connection, book), (fault, now))

    def came(self, connection: int, book: str, now: int) -> None:
        """A message of the book came, or comes at `now`."""
        if self._unnoticed and (before := self._unnoticed.pop((connection, book), None)):
            fault, started = before
            self._tell(Forced(book, fault, connection, started, self._seeded(book, now)))

    def noticed(self, connection: int, book: str, fault: str, sent: int, came: int) -> None:
        """A message tells by itself that it is wrong."""
        self._tell(Forced(book, fault, connection, sent, self._seeded(book, came)))

    def silent(self, connection: int, books: Iterable[str], fault: str, started: int, ended: int) -> None:
        """Nothing comes in time, and then it does; nothing is lost."""
        for book in books:
            self._tell(Forced(book, fault, connection, started, ended))

    def ended(self, connection: int, books: Iterable[str], fault: str, started: int, noticed: int) -> None:
        """A connection is of no use from `started` on, which can be told at `noticed`."""
        for book in books:
            _, since = self._unnoticed.pop((connection, book), ("", started))
            self._tell(Forced(book, fault, connection, since, self._seeded(book, noticed + RECONNECT_MS)))

    def answered(self, book: str) -> None:
        """A whole book was answered over REST."""
        self._unseeded.discard(book)

    def refused(self, book: str | None, fault: str, now: int, until: int) -> None:
        """A request failed, or all do `until` then (`book` is None): a book that needs one waits longer."""
        waiting = set(self._unseeded) if book is None else self._unseeded & {book}
        self._next = max(self._next, until)
        for one in sorted(waiting):
            self._tell(Forced(one, fault, 0, now, self._seeded(one, until)))

    def close(self, now: int) -> None:
        """Tell of what was not noticed up to the end."""
        for (connection, book), (fault, started) in self._unnoticed.items():
            self._tell(Forced(book, fault, connection, started, now))
        self._unnoticed.clear()

    def _seeded(self, book: str, now: int) -> int:
        """When a book is known that is asked for at `now`, or as soon as one may ask again, whichever book it is."""
        self._unseeded.add(book)
        asked = max(self._next, now)
        self._next = asked + self._between
        return asked + ANSWER_MS


def forced_file(truth: Path) -> Path:
    """Where the times are written beside the truth: `truth.forced.csv` for `truth.csv`."""
    return truth.with_suffix(".forced.csv")


def forced_seconds(truth: Path, first: int, last: int, books: Collection[str]) -> set[tuple[str, int]]:
    """Books and seconds, from `first` to `last` (Unix time, both included), at which a record must be carried.

    A second S must be where a fault's time has begun before S and not ended before S, and where the exchange said nothing of the
    book within the second before S. Reads the truth and the file beside it.
    """
    seconds = range(first, last + 1)
    with truth.open(newline="") as file:
        said = {(row["book"], -(-int(row["sent"]) // 1000)) for row in csv.DictReader(file)}
    found = {(book, second) for book in books for second in seconds if (book, second) not in said}
    with forced_file(truth).open(newline="") as file:
        for row in csv.DictReader(file):
            begin, end = int(row["started"]) // 1000 + 1, int(row["ended"]) // 1000
            if row["book"] in books:
                found.update((row["book"], second) for second in range(max(begin, first), min(end, last) + 1))
    return found
