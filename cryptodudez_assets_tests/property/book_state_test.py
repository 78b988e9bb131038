"""What a recorder says of a book, whatever happens to the messages on their way: never more than what it knows."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.recorder.book_state import FRESH_US, LATE_US, Arrived, BookState
from cryptodudez_assets.recorder.gaps import Cause, Repair
from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets.venues.bitso.protocol import Diff, DiffOrders, Level, OrderBookPayload, Side, TickerPayload

STEP_US = 50_000
START_US = 1_700_000_000_000_000


class Venue:
    """A venue of one book, with the truth of each sequence. Orders are told by ids of their prices."""

    def __init__(self) -> None:
        self.orders: dict[str, tuple[Side, Decimal, Decimal]] = {}
        self.sequence = 0
        self.quotes: dict[int, tuple[Decimal | None, Decimal | None]] = {0: (None, None)}
        self.sent_us: dict[int, int] = {}

    def move(self, side: Side, offset: int, is_open: bool, now_us: int) -> DiffOrders:
        price = Decimal(1000 - offset if side is Side.BID else 1001 + offset)
        order = f"{side}{price}"
        amount = Decimal(offset + 1)
        if is_open:
            self.orders[order] = (side, price, amount)
        else:
            self.orders.pop(order, None)
        self.sequence += 1
        bids = [price for one, price, _ in self.orders.values() if one is Side.BID]
        asks = [price for one, price, _ in self.orders.values() if one is Side.ASK]
        self.quotes[self.sequence] = (max(bids, default=None), min(asks, default=None))
        self.sent_us[self.sequence] = now_us
        diff = Diff(order, price, side, "open" if is_open else "cancelled", 1, 1, amount, None)
        return DiffOrders("btc_mxn", self.sequence, [diff], now_us // 1000)

    def whole(self) -> OrderBookPayload:
        levels = {
            side: [
                Level("btc_mxn", price, amount, order)
                for order, (one, price, amount) in self.orders.items()
                if one is side
            ]
            for side in Side
        }
        return OrderBookPayload("", levels[Side.BID], levels[Side.ASK], str(self.sequence))


moves = st.tuples(
    st.sampled_from(Side),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(["pass", "pass", "pass", "drop", "twice", "late", "quiet", "disconnect", "ticker"]),
)


class Way:
    """The way of a venue's messages to a recorder, with what happens on it."""

    def __init__(self) -> None:
        self.now = START_US
        self.venue, self.book = Venue(), BookState("btc_mxn", "a", self.now)
        self.book.on_subscribed(self.now)
        self.late: list[Arrived] = []
        self.quotes = [(self.now, self.venue.quotes[0])]

    def go(self, side: Side, offset: int, is_open: bool, fate: str) -> None:
        self.now += FRESH_US + STEP_US if fate == "quiet" else STEP_US
        arrived = Arrived(self.venue.move(side, offset, is_open, self.now), self.now, self.now)
        self.quotes.append((self.now, self.venue.quotes[self.venue.sequence]))
        getattr(self, f"_{fate}")(arrived)
        if self.book.wants_seed(self.now):
            self.book.on_seed(self.venue.whole(), self.now, self.now)

    def _pass(self, arrived: Arrived) -> None:
        self.book.on_message(arrived)
        if self.late:
            self.book.on_message(self.late.pop()._replace(received_us=self.now))

    _quiet = _pass

    def _twice(self, arrived: Arrived) -> None:
        self.book.on_message(arrived)
        self.book.on_message(arrived)

    def _late(self, arrived: Arrived) -> None:
        self.late.append(arrived)

    def _drop(self, arrived: Arrived) -> None:
        """It never comes."""

    def _disconnect(self, arrived: Arrived) -> None:
        self.book.on_disconnected(Cause.DISCONNECTED, self.now)
        self.book.on_subscribed(self.now)
        self.late.clear()

    def _ticker(self, arrived: Arrived) -> None:
        bid, ask = self.venue.quotes[self.venue.sequence]
        self.book.on_ticker(TickerPayload("btc_mxn", "", bid, ask), self.now, self.now)


@settings(max_examples=300, deadline=None)
@given(st.lists(moves, max_size=120))
def test_what_is_not_carried_is_true_whatever_is_lost_repeated_or_late(
    events: list[tuple[Side, int, bool, str]],
) -> None:
    way = Way()
    last = 0
    for event in events:
        way.go(*event)
        second = way.now // 1_000_000
        if second > last:
            _check(way.book.record(second, is_looked_at=True), way.venue, way.quotes)
            last = second
        if way.book.in_sequence and way.book.sequence is not None:
            assert way.book.book.quote == way.venue.quotes[way.book.sequence]


def _check(record: Record, venue: Venue, quotes: list[tuple[int, tuple[Decimal | None, Decimal | None]]]) -> None:
    told = (record.bid, record.ask)
    if record.source in {Origin.WS, Origin.REST}:
        assert record.sequence is not None
        assert told == _floats(venue.quotes[record.sequence])
    if record.source is Origin.WS:
        assert record.sequence is not None
        assert venue.sent_us[record.sequence] >= 1_000_000 * record.second - FRESH_US
    if record.source is Origin.TICKER:
        recent = [quote for at, quote in quotes if at >= 1_000_000 * record.second - FRESH_US - STEP_US]
        assert told in [_floats(quote) for quote in recent]
    if record.source is not Origin.CARRIED:
        assert not record.is_gap


def _floats(quote: tuple[Decimal | None, Decimal | None]) -> tuple[float | None, float | None]:
    bid, ask = quote
    return (None if bid is None else float(bid), None if ask is None else float(ask))


def seeded(change: Callable[[Venue], object] = lambda _: None) -> tuple[Venue, BookState]:
    venue, book = Venue(), BookState("btc_mxn", "a", START_US)
    for side in Side:
        venue.move(side, 0, True, START_US)
    book.on_subscribed(START_US)
    change(venue)
    book.on_seed(venue.whole(), START_US, START_US)
    return venue, book


def test_a_message_that_is_late_costs_a_short_gap_and_no_request() -> None:
    venue, book = seeded()
    first, second = (venue.move(Side.BID, n, True, START_US + n) for n in (1, 2))
    book.on_message(Arrived(second, START_US + 10, START_US))
    assert not book.in_sequence
    assert not book.wants_seed(START_US + 10)
    book.on_message(Arrived(first, START_US + LATE_US // 2, START_US))
    assert book.in_sequence
    assert [(gap.cause, gap.repair) for gap in book.closed_gaps[1:]] == [(Cause.SEQUENCE, Repair.SEQUENCE_WENT_ON)]


def test_a_message_that_is_missing_makes_the_book_ask_and_the_answer_closes_the_gap() -> None:
    venue, book = seeded()
    venue.move(Side.BID, 1, True, START_US)
    book.on_message(Arrived(venue.move(Side.BID, 2, True, START_US), START_US, START_US))
    later = START_US + LATE_US
    assert book.wants_seed(later)
    before = book.record(later // 1_000_000 + 2, is_looked_at=True)
    assert (before.source, before.is_gap) == (Origin.CARRIED, True)
    book.on_seed(venue.whole(), later, later)
    gap = book.closed_gaps[-1]
    assert (gap.cause, gap.repair, gap.sequence_before, gap.sequence_after) == (
        Cause.SEQUENCE,
        Repair.ORDER_BOOK,
        2,
        venue.sequence,
    )


def test_a_quiet_book_on_a_live_socket_is_carried_and_no_gap() -> None:
    _, book = seeded()
    quiet = book.record(START_US // 1_000_000 + 5, is_looked_at=True)
    silent = book.record(START_US // 1_000_000 + 6, is_looked_at=False)
    assert [(one.source, one.is_gap, one.staleness_ms) for one in (quiet, silent)] == [
        (Origin.CARRIED, False, 5000),
        (Origin.CARRIED, True, 6000),
    ]


def test_an_answer_that_was_asked_for_before_the_subscription_seeds_nothing() -> None:
    venue, book = seeded()
    book.on_disconnected(Cause.DISCONNECTED, START_US)
    book.on_subscribed(START_US + 1000)
    assert not book.on_seed(venue.whole(), START_US + 500, START_US + 1500)
    assert book.on_seed(venue.whole(), START_US + 1600, START_US + 1700)


def test_a_venue_that_counts_anew_is_noticed() -> None:
    venue, book = seeded(lambda venue: [venue.move(Side.BID, n, True, START_US) for n in range(5)])
    book.on_message(Arrived(venue.move(Side.BID, 1, True, START_US), START_US, START_US))
    later = START_US + 5_000_000
    anew = DiffOrders("btc_mxn", 1, [], later // 1000)
    book.on_message(Arrived(anew, later, later))
    assert not book.in_sequence
    assert book.wants_seed(later)


def test_a_socket_that_is_behind_the_seed_is_not_taken_for_a_venue_that_counts_anew() -> None:
    venue, book = seeded()
    book.lose(Cause.SEQUENCE, START_US)
    late = [venue.move(Side.BID, n % 5, True, START_US + n) for n in range(10)]
    seeded_at = START_US + 5_000_000
    assert book.on_seed(venue.whole(), seeded_at, seeded_at)
    for message in late:
        book.on_message(Arrived(message, seeded_at + 1000, seeded_at - 2_000_000))
    assert book.in_sequence


def test_a_crossed_book_is_not_believed_until_the_venue_says_it_again() -> None:
    venue, book = seeded()
    crossing = DiffOrders(
        "btc_mxn", venue.sequence + 1, [Diff("x", Decimal(2000), Side.BID, "open", 1, 1, Decimal(1))], START_US // 1000
    )
    book.on_message(Arrived(crossing, START_US, START_US))
    assert not book.in_sequence
    assert book.wants_seed(START_US)
    venue.orders["x"] = (Side.BID, Decimal(2000), Decimal(1))
    venue.sequence += 1
    assert book.on_seed(venue.whole(), START_US, START_US)
    assert book.book.is_crossed
