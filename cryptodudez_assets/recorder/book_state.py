"""One book as a recorder knows it: in sequence or not, why not, and what can be said of it at a second.

Nothing is read, written or waited for here: messages and answers are handed in with the times at which they came.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair
from cryptodudez_assets.recorder.order_book import Best, Impossible, OrderBook, is_positive
from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets.venues.bitso.protocol import LARGEST_SEQUENCE, DiffOrders, OrderBookPayload, Side, TickerPayload

FRESH_US = 1_000_000
MOST_HELD = 20_000
"""Messages of a book that wait for it to be seeded. What is beyond is forgotten, the oldest first."""
LATE_US = 250_000
"""How long a message that is missing may be late before the book is seeded anew."""
RESET_US = 1_000_000
"""A message with an old sequence that was sent so much later than what is known is no repetition: the venue counts anew."""
STUCK_US = 10_000_000
"""How long a seed that is older than what is known is not taken, and a message that seeds do not know of is believed."""


class Arrived(NamedTuple):
    """A message, when it came, and when it was sent, both by this machine's clock, in microseconds of Unix time."""

    message: DiffOrders
    received_us: int
    sent_us: int


class Answer(NamedTuple):
    """Prices that an answer over REST gave, and when it was asked for."""

    record: Record
    requested_us: int


class OpenGap(NamedTuple):
    """A gap that lasts."""

    cause: Cause
    started_us: int
    sequence_before: int | None


@dataclass
class Counts:
    """What became of messages, and what was asked for, for the metrics."""

    applied: int = 0
    repeated: int = 0
    out_of_sequence: int = 0
    forgotten: int = 0
    seeds: int = 0


class BookState:
    """What is known of a book. From a seed on it is *in sequence*, as long as each message follows the one before."""

    def __init__(self, name: str, instance: str, started_us: int) -> None:
        self.name, self.instance = name, instance
        self.book = OrderBook()
        self.sequence: int | None = None
        self.in_sequence = self.is_subscribed = False
        self.newest: Arrived | None = None
        self.seeded_us = self.subscribed_us = 0
        self.answer: Answer | None = None
        self.last = Record(0, name, is_gap=True)
        self.counts = Counts()
        self.gap: OpenGap | None = OpenGap(Cause.STARTING, started_us, None)
        self.closed_gaps: list[Gap] = []
        self._held: dict[int, Arrived] = {}
        self._is_really_crossed = False

    def on_subscribed(self, now_us: int) -> None:
        """From now on every message of the book comes."""
        self.is_subscribed, self.subscribed_us = True, now_us

    def on_disconnected(self, cause: Cause, since_us: int) -> None:
        """No message comes any more, and none came since."""
        self.is_subscribed = False
        self._held.clear()
        self.lose(cause, since_us)

    def on_message(self, arrived: Arrived) -> None:
        """A message of the book. One that comes twice, or late without being missed, changes nothing."""
        if self.sequence is None or arrived.message.sequence > self.sequence:
            if self.in_sequence and arrived.message.sequence == (self.sequence or 0) + 1:
                self._apply(arrived)
            else:
                self._hold(arrived)
        elif arrived.sent_us > max(self.newest.sent_us if self.newest else 0, self.seeded_us) + RESET_US:
            self.lose(Cause.SEQUENCE, self.newest.received_us if self.newest else self.seeded_us, goes_on=False)
            self._hold(arrived)
        else:
            self.counts.repeated += 1

    def on_seed(self, payload: OrderBookPayload, requested_us: int, received_us: int) -> bool:
        """A whole book. What follows it comes, or was held, if it was asked for after the subscription; another one is not taken.

        A held message that the book does not know of so long after it came was none of the book's: its sequence was garbled.

        Returns whether the book is in sequence now. Raises Impossible, and ValueError where its sequence is no number.
        """
        sequence = int(payload.sequence)
        if not 0 <= sequence <= LARGEST_SEQUENCE:
            raise Impossible(f"a sequence of {sequence}")
        if any(level.book != self.name for side in (payload.bids, payload.asks) for level in side):
            raise Impossible("the answer has orders of another book")
        is_old = self.sequence is not None and sequence < self.sequence
        if self.is_subscribed and requested_us < self.subscribed_us:
            return False
        if self.in_sequence or (is_old and self.gap and received_us - self.gap.started_us < STUCK_US):
            return self.in_sequence
        self.book, self.sequence, self.seeded_us = OrderBook(payload.bids, payload.asks), sequence, requested_us
        self._is_really_crossed = self.book.is_crossed
        self.counts.seeds += 1
        self._held = {
            number: held
            for number, held in self._held.items()
            if number > sequence and held.received_us > requested_us - STUCK_US
        }
        if self.is_subscribed:
            self._catch_up(Repair.ORDER_BOOK, received_us)
        else:
            self.answer = Answer(self._of_book(Origin.REST, received_us), requested_us)
        return self.in_sequence

    def on_ticker(self, payload: TickerPayload, requested_us: int, received_us: int) -> None:
        """The best prices, without amounts and sequence. Where the bid is not below the ask, they tell nothing."""
        bid, ask = _price(payload.bid), _price(payload.ask)
        if bid is not None and ask is not None and bid >= ask:
            return
        told = Record(0, self.name, bid, ask, received_us=received_us, source=Origin.TICKER)
        self.answer = Answer(told, requested_us)

    def lose(self, cause: Cause, since_us: int, goes_on: bool = True) -> None:
        """The book is not known to be right any more. If it `goes_on`, what comes may show that nothing was missed."""
        self.in_sequence = False
        if self.gap is None:
            self.gap = OpenGap(cause, since_us, self.sequence)
        if not goes_on:
            self.sequence = None

    def wants_seed(self, now_us: int) -> bool:
        """Whether a whole book must be asked for: what is missing did not come by itself."""
        if self.in_sequence or not self.is_subscribed:
            return False
        return self.sequence is None or self.gap is None or now_us - self.gap.started_us >= LATE_US

    def gap_until(self, now_us: int, repair: Repair = Repair.NONE) -> Gap | None:
        """The gap that lasts, if one does, as if it ended now."""
        if self.gap is None:
            return None
        cause, started_us, before = self.gap
        after = self.sequence if repair is not Repair.NONE else None
        return Gap(self.name, self.instance, started_us, max(started_us, now_us), cause, repair, before, after)

    def record(self, second: int, is_looked_at: bool) -> Record:
        """What is known at a second. `is_looked_at`: the socket is alive, as far as one can tell."""
        at_us = 1_000_000 * second
        told, as_of_us = self._told(at_us - FRESH_US, is_looked_at)
        staleness = None if as_of_us is None else max(0, at_us - as_of_us) // 1000
        self.last = replace(told, second=second, staleness_ms=staleness)
        return self.last

    def missed(self, second: int) -> Record:
        """What stood, for a second at which nobody looked."""
        as_of_us = self._as_of_last_us
        aged = None if as_of_us is None else max(0, 1_000_000 * second - as_of_us) // 1000
        self.last = replace(self.last, second=second, staleness_ms=aged, source=Origin.CARRIED, is_gap=True)
        return self.last

    def _told(self, fresh_us: int, is_looked_at: bool) -> tuple[Record, int | None]:
        """The best that is known, and as of when."""
        newest = self.newest if self.newest and self.newest.message.sequence == self.sequence else None
        if self.in_sequence and newest and min(newest.sent_us, newest.received_us) >= fresh_us:
            return self._of_book(Origin.WS, newest.received_us, newest.message.sent), newest.sent_us
        if self.answer and self.answer.requested_us >= fresh_us:
            return self.answer
        if self.in_sequence:
            as_of_us = max(newest.sent_us if newest else 0, self.seeded_us)
            source = Origin.REST if self.seeded_us >= fresh_us else Origin.CARRIED
            exchange_ms = newest.message.sent if newest else None
            told = self._of_book(source, newest.received_us if newest else self.seeded_us, exchange_ms)
            told.is_gap = source is Origin.CARRIED and not is_looked_at
            return told, as_of_us
        if self.answer and self.answer.requested_us > (self._as_of_last_us or 0):
            return replace(self.answer.record, source=Origin.CARRIED, is_gap=True), self.answer.requested_us
        return replace(self.last, source=Origin.CARRIED, is_gap=True), self._as_of_last_us

    @property
    def _as_of_last_us(self) -> int | None:
        if self.last.staleness_ms is None:
            return None
        return 1_000_000 * self.last.second - 1000 * self.last.staleness_ms

    def _of_book(self, source: Origin, received_us: int, exchange_ms: int | None = None) -> Record:
        bid, ask = self.book.best(Side.BID) or NOTHING, self.book.best(Side.ASK) or NOTHING
        return Record(
            0,
            self.name,
            bid.price,
            ask.price,
            bid.amount,
            ask.amount,
            bid.depth,
            ask.depth,
            self.sequence,
            exchange_ms,
            received_us,
            source=source,
        )

    def _hold(self, arrived: Arrived) -> None:
        """Keep a message that does not follow, until what is before it comes, or a seed."""
        if self.in_sequence:
            self.counts.out_of_sequence += 1
            self.lose(Cause.SEQUENCE, self.newest.received_us if self.newest else arrived.received_us)
        self._held[arrived.message.sequence] = arrived
        if len(self._held) > MOST_HELD:
            del self._held[min(self._held)]
            self.counts.forgotten += 1
        if self.sequence is not None and self.sequence + 1 in self._held:
            self._catch_up(Repair.SEQUENCE_WENT_ON, arrived.received_us)

    def _catch_up(self, repair: Repair, now_us: int) -> None:
        """Apply what was held, as far as it follows. Where nothing is left, the book is in sequence."""
        self.in_sequence = True
        while self.in_sequence and (following := self._held.pop((self.sequence or 0) + 1, None)):
            self._apply(following)
        self.in_sequence = self.in_sequence and not self._held
        if self.in_sequence and (gap := self.gap_until(now_us, repair)):
            self.closed_gaps.append(gap)
            self.gap = None

    def _apply(self, arrived: Arrived) -> None:
        try:
            for diff in arrived.message.payload:
                self.book.apply(diff)
        except Impossible:
            self.lose(Cause.IMPOSSIBLE, arrived.received_us, goes_on=False)
            return
        self.sequence, self.newest = arrived.message.sequence, arrived
        self.counts.applied += 1
        if not self.book.is_crossed:
            self._is_really_crossed = False
        elif not self._is_really_crossed:
            self.lose(Cause.CROSSED, arrived.received_us, goes_on=False)


NOTHING = Best(None, None, None)


def _price(told: Decimal | None) -> float | None:
    """A price of a ticker; a side without orders has none, or 0."""
    return float(told) if told is not None and is_positive(told) else None
