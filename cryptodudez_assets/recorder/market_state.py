"""All books that a recorder follows, and the socket that tells of them: what it says each second, and what it must ask for.

Nothing is read, written or waited for here, so that a capture is replayed through the same code.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from cryptodudez_assets.recorder.book_state import Arrived, BookState
from cryptodudez_assets.recorder.gaps import Cause, Gap
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.venues.bitso.protocol import (
    KEEP_ALIVE_SECONDS,
    DiffOrders,
    NotUnderstood,
    Reply,
    TickerPayload,
    read_message,
)

QUIET_US = 1_500_000
"""A socket that says nothing for so long may be dead: the ticker is asked."""
SILENT_US = int(1.25e6 * KEEP_ALIVE_SECONDS)
"""One that says nothing for so long has missed a keep-alive: what is known of its books is not believed any more."""
DEAD_US = int(2.25e6 * KEEP_ALIVE_SECONDS)
"""One that says nothing for so long is dead."""
SKEW_US = 30_000_000
"""For how long the smallest delay of a message tells how far the exchange's clock is off."""
AGREEING = 3
LATENCY_US = 1_000_000
"""What is less than this is taken for the way that messages have, not for another time on the exchange's clock."""

MOST_TOLD, LONGEST_TOLD = 100, 200
"""Different refusals that are told of a connection, and how much of each: a flood of them must not fill a disk."""


class ExchangeClock:
    """How far the exchange's clock is from this machine's: from the messages that came fastest in the last half minute.

    What three in a row agree on counts: one whose time is garbled would make all others look old.
    """

    def __init__(self) -> None:
        self._lately: deque[int] = deque(maxlen=AGREEING)
        self._turned_us = 0
        self._before = self._now = 0

    def to_local_us(self, sent_ms: int, received_us: int) -> int:
        """When a message was sent, by this machine's clock."""
        self._lately.append(received_us - 1000 * sent_ms)
        delay = max(self._lately)
        if abs(received_us - self._turned_us) > SKEW_US:
            self._before = self._now if self._turned_us else delay
            self._turned_us, self._now = received_us, delay
        if len(self._lately) < AGREEING:
            self._before = self._now = delay
        self._now = min(self._now, delay)
        return self.sent_us(sent_ms, received_us)

    def sent_us(self, sent_ms: int, received_us: int) -> int:
        """The same, of a message that tells the clock nothing."""
        return min(1000 * sent_ms + self.skew_us, received_us)

    @property
    def skew_us(self) -> int:
        """To be added to the exchange's times."""
        smallest = min(self._before, self._now)
        return 0 if 0 <= smallest < LATENCY_US else smallest


class MarketState:
    """The books by their names. Times are microseconds of Unix time, by this machine's clock."""

    def __init__(self, books: Iterable[str], instance: str, now_us: int) -> None:
        self.books = {name: BookState(name, instance, now_us) for name in books}
        self.clock = ExchangeClock()
        self.is_connected = False
        self.heard_us = now_us
        self.refused: list[str] = []
        self._told: set[str] = set()
        self.not_understood = 0

    def on_connected(self, now_us: int) -> None:
        """The socket is open; nothing is subscribed."""
        self.is_connected, self.heard_us = True, now_us
        self._told.clear()

    def on_disconnected(self, cause: Cause) -> None:
        """The socket is gone; since the last that it said, nothing is known."""
        self.is_connected = False
        for book in self.books.values():
            book.on_disconnected(cause, self.heard_us)

    def is_later(self, text: str | bytes, second: int, now_us: int) -> bool:
        """Whether a frame that came now is a message that was sent after a second."""
        try:
            message = read_message(text)
        except NotUnderstood:
            return False
        if not isinstance(message, DiffOrders):
            return False
        return self.clock.sent_us(message.sent, now_us) > 1_000_000 * second

    def on_frame(self, text: str | bytes, now_us: int) -> None:
        """What the socket said. What is not of the protocol is counted: if it was a message of a book, the sequence tells."""
        self.heard_us = now_us
        try:
            message = read_message(text)
        except NotUnderstood:
            self.not_understood += 1
            return
        if isinstance(message, DiffOrders):
            if book := self.books.get(message.book):
                book.on_message(Arrived(message, now_us, self.clock.to_local_us(message.sent, now_us)))
        elif isinstance(message, Reply):
            self._on_reply(message, now_us)

    def _on_reply(self, reply: Reply, now_us: int) -> None:
        if reply.is_taken and reply.book in self.books and reply.action == "subscribe":
            self.books[reply.book].on_subscribed(now_us)
        elif reply.error and len(self._told) < MOST_TOLD and (error := reply.error[:LONGEST_TOLD]) not in self._told:
            self._told.add(error)
            self.refused.append(error)

    def on_tickers(self, tickers: Iterable[TickerPayload], requested_us: int, received_us: int) -> None:
        """An answer that tells of all books."""
        for one in tickers:
            if book := self.books.get(one.book):
                book.on_ticker(one, requested_us, received_us)

    def records(self, second: int, now_us: int) -> list[Record]:
        """One of each book."""
        is_looked_at = self.is_connected and now_us - self.heard_us < SILENT_US
        return [book.record(second, is_looked_at) for book in self.books.values()]

    def missed(self, second: int) -> list[Record]:
        """One of each book, for a second at which nobody looked."""
        return [book.missed(second) for book in self.books.values()]

    def is_dead(self, now_us: int) -> bool:
        """Whether the socket, if there is one, is to be given up."""
        return self.is_connected and now_us - self.heard_us > DEAD_US

    def wants_ticker(self, now_us: int) -> bool:
        """Whether answers over REST must fill in for the socket."""
        return now_us - self.heard_us > QUIET_US or not all(book.in_sequence for book in self.books.values())

    def to_seed(self, now_us: int) -> list[BookState]:
        """The books that must be asked for, the one that waits longest first."""
        wanting = [book for book in self.books.values() if book.wants_seed(now_us)]
        return sorted(wanting, key=lambda book: book.gap.started_us if book.gap else 0)

    def take_gaps(self) -> Sequence[Gap]:
        """The gaps that ended since this was asked."""
        taken = [gap for book in self.books.values() for gap in book.closed_gaps]
        for book in self.books.values():
            book.closed_gaps.clear()
        return taken

    def open_gaps(self, now_us: int) -> Sequence[Gap]:
        """Those that last, as if they ended now."""
        return [gap for book in self.books.values() if (gap := book.gap_until(now_us))]
