"""The simulated exchange without sockets: its market, its limits, what is said of faults, and what they force."""

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.faults import FAULTS, OF_MESSAGES, Chance, read_fault
from cryptodudez_assets.simulator.venues.bitso.forced import Forced, Ledger, forced_file, forced_seconds
from cryptodudez_assets.simulator.venues.bitso.frames import diff_orders, orders, trades
from cryptodudez_assets.simulator.venues.bitso.limits import Limit
from cryptodudez_assets.simulator.venues.bitso.market import Book
from cryptodudez_assets.venues.bitso import answers

NOW = 1_790_126_713_000
PAGES = Path(__file__).parents[2] / "docs"


def told(name: str, seed: int, count: int = 200) -> list[bytes]:
    book = Book(BOOKS[name], seed, rate=10, now=NOW)
    messages = []
    for _ in range(count):
        book.delay()
        messages.append(diff_orders(book, book.step(NOW), NOW).text)
    return messages


class TestMarket:
    def test_a_seed_makes_one_market_and_another_makes_another(self):
        assert told("btc_mxn", 7) == told("btc_mxn", 7)
        assert told("btc_mxn", 7) != told("btc_mxn", 8)

    def test_there_are_54_books(self):
        assert len(BOOKS) == 54

    def test_a_changed_price_is_two_messages_of_one_order(self):
        book = Book(BOOKS["btc_mxn"], 7, rate=10, now=NOW)
        steps = [(book.delay(), book.step(NOW))[1] for _ in range(2000)]
        pairs = [
            (first, second)
            for first, second in pairwise(steps)
            if first.entries[0].s == "cancelled" and second.entries[0].o == first.entries[0].o
        ]
        assert len(pairs) > 300
        assert all(second.entries[0].s == "open" for _, second in pairs)
        assert all(second.sequence == first.sequence + 1 for first, second in pairs)

    def test_completed_orders_have_neither_amount_nor_value(self):
        messages = b"".join(told("btc_mxn", 7, 2000))
        for entry in messages.split(b"{")[1:]:
            assert (b'"completed"' in entry) <= (b'"a"' not in entry)
            assert b'"completed"' in entry or b'"s"' not in entry or (b'"a"' in entry and b'"v"' in entry)
        assert b'"completed"' in messages

    @pytest.mark.parametrize("rate", [2.0, 40.0])
    def test_messages_come_as_often_as_told(self, rate: float):
        book = Book(BOOKS["usd_mxn"], 7, rate=rate, now=NOW)
        seconds = 0.0
        for _ in range(4000):
            seconds += book.delay()
            book.step(NOW)
        assert seconds * rate == pytest.approx(4000, rel=0.15)

    def test_the_spread_moves_and_the_book_stays_full(self):
        book = Book(BOOKS["btc_mxn"], 7, rate=17, now=NOW)
        spreads = []
        for _ in range(20_000):
            book.delay()
            book.step(NOW)
            bid, ask = map(float, book.best_prices)
            spreads.append((ask - bid) * 100 / ask)
        assert 0 < min(spreads) < 0.5 * max(spreads)
        assert max(spreads) < 5
        assert all(100 < len(side) < 500 for side in book.sides)

    def test_a_clock_that_is_off_is_off_by_as_much_everywhere(self):
        exchange = Exchange(["btc_mxn"], skew=-3600)
        assert exchange.true_time(exchange.now()) - exchange.now() == 3_600_000


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_every_fault_is_switched_on_by_its_name(self, name: str):
        assert read_fault(f"{name}=0.5") == (name, 0.5)

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ("nope=1", "there are: drop, "),
            ("drop", "expected drop=RATE"),
            ("drop=", "expected drop=RATE"),
            ("drop=much", "expected drop=RATE"),
            ("drop=nan", "expected drop=RATE"),
            ("drop=1.5", "between 0 and 1"),
            ("420=2", "between 0 and 1"),
            ("stall=-1", "0 or more"),
        ],
    )
    def test_what_cannot_be_read_is_told_with_what_was_expected(self, given: str, wanted: str):
        with pytest.raises(ValueError, match=wanted):
            read_fault(given)

    def test_the_page_tells_of_each(self):
        page = (PAGES / "simulated_bitso.md").read_text()
        assert all(f"| `{fault.name}` | {fault.meaning} | {fault.unit} |" in page for fault in FAULTS.values())

    def test_a_clock_may_be_slow(self):
        assert read_fault("skew=-2.5") == ("skew", -2.5)

    def test_faults_happen_as_often_as_told(self):
        chance = Chance(OF_MESSAGES, {"drop": 0.2, "gap": 0.05}, Random(7))
        drawn = [chance.draw() for _ in range(20_000)]
        assert drawn.count("drop") / 20_000 == pytest.approx(0.2, abs=0.02)
        assert drawn.count("gap") / 20_000 == pytest.approx(0.05, abs=0.01)
        assert set(drawn) == {"drop", "gap", None}

    def test_a_fault_that_is_forced_happens_next(self):
        chance = Chance(OF_MESSAGES, {}, Random(7))
        chance.force("drop")
        assert [chance.draw(), chance.draw()] == ["drop", None]

    def test_rates_that_cannot_all_happen_are_refused(self):
        with pytest.raises(ValueError, match=r"drop, gap are 1.2 together"):
            Chance(OF_MESSAGES, {"drop": 0.6, "gap": 0.6}, Random(7))


class TestLimit:
    def test_the_61st_request_of_a_minute_locks_for_a_minute(self):
        limit = Limit(60)
        assert all(limit.refusal("here", second / 2) is None for second in range(60))
        assert limit.refusal("there", 30) is None
        refused = limit.refusal("here", 31)
        assert refused is not None
        assert (refused.status, b'"0801"' in refused.body) == (420, True)
        again = limit.refusal("here", 90.9)
        assert again is not None
        assert (again.status, b'"0802"' in again.body) == (420, True)
        assert limit.refusal("here", 91.1) is None

    def test_one_request_a_second_is_never_too_many(self):
        limit = Limit(60)
        assert all(limit.refusal("here", 1.0 * second) is None for second in range(600))


class TestForced:
    def ledger(self) -> tuple[Ledger, list[Forced]]:
        times: list[Forced] = []
        return Ledger(times.append), times

    def test_a_lost_message_is_noticed_by_the_next_one_and_costs_an_answer(self):
        ledger, times = self.ledger()
        ledger.lost(1, "a", "drop", 1000)
        ledger.lost(1, "a", "gap", 1200)
        ledger.came(1, "b", 1300)
        ledger.came(1, "a", 1500)
        ledger.came(1, "a", 1600)
        assert times == [Forced("a", "drop", 1, 1000, 2000)]

    def test_books_are_asked_for_one_a_second(self):
        ledger, times = self.ledger()
        ledger.ended(1, ["a", "b", "c"], "disconnect", 5000, 5000)
        assert [one.ended for one in times] == [6500, 7500, 8500]

    def test_a_dead_connection_takes_as_long_as_it_takes_to_notice(self):
        ledger, times = self.ledger()
        ledger.lost(1, "a", "drop", 4000)
        ledger.ended(1, ["a"], "half-open", 5000, 50_000)
        assert times == [Forced("a", "half-open", 1, 4000, 51_500)]

    def test_a_first_subscription_costs_its_answer_and_a_second_one_nothing(self):
        ledger, times = self.ledger()
        ledger.subscribed(1, "a", 900, 1000)
        ledger.subscribed(2, "a", 8900, 9000)
        assert times == [Forced("a", "start", 1, 900, 1500)]

    def test_a_refused_request_costs_only_books_that_wait_for_an_answer(self):
        ledger, times = self.ledger()
        ledger.refused("a", "5xx", 500, 500)
        ledger.noticed(1, "a", "crossed", 1000, 1000)
        ledger.refused("b", "5xx", 1100, 1100)
        ledger.refused("a", "5xx", 1200, 1200)
        ledger.answered("a")
        ledger.refused("a", "5xx", 5000, 5000)
        assert times == [Forced("a", "crossed", 1, 1000, 1500), Forced("a", "5xx", 0, 1200, 2500)]

    def test_while_an_address_is_locked_nothing_is_answered(self):
        ledger, times = self.ledger()
        ledger.refused(None, "420", 1000, 61_000)
        ledger.noticed(1, "a", "crossed", 5000, 5000)
        assert times == [Forced("a", "crossed", 1, 5000, 61_500)]

    def test_what_nobody_noticed_is_told_at_the_end(self):
        ledger, times = self.ledger()
        ledger.lost(1, "a", "drop", 1000)
        ledger.close(4000)
        ledger.close(5000)
        assert times == [Forced("a", "drop", 1, 1000, 4000)]

    def test_seconds_are_those_of_faults_and_those_of_which_the_market_said_nothing(self, tmp_path: Path):
        truth = tmp_path / "truth.csv"
        sent = [5001, 6000, 6500, 8200, 9900, 11_500, 12_100, 13_400, 14_000]
        lines = [f"a,{number},{time},1,2" for number, time in enumerate(sent)]
        truth.write_text("\n".join(["book,sequence,sent,bid,ask", *lines]))
        forced_file(truth).write_text("book,fault,connection,started,ended\na,stall,1,11000,13999\nb,drop,1,0,99000\n")

        # 6: 5001 and 6000; 7: 6500; 8: nothing after 7000; 9: 8200; 10: 9900; 11: nothing; 12 and 13: stalled; 14: 13400
        assert forced_seconds(truth, 6, 14, {"a"}) == {("a", second) for second in (8, 11, 12, 13)}
        assert math.isclose(len(forced_seconds(truth, 6, 14, {"a", "b"})), 4 + 9)


def test_the_file_of_what_is_forced_lies_beside_the_truth():
    assert forced_file(Path("run/truth.csv")) == Path("run/truth.forced.csv")


def shape(told: Any) -> Any:
    """Names in their order and types of values; of texts, whether they are numbers; of a list, the shapes in it."""
    if isinstance(told, dict):
        return [(name, shape(value)) for name, value in told.items()]
    if isinstance(told, list):
        return sorted({json.dumps(shape(one)) for one in told})
    if isinstance(told, str):
        return "number as text" if told.replace(".", "", 1).isdecimal() else "text"
    return type(told).__name__


def said_by_the_simulator() -> Iterator[bytes]:
    book = Book(BOOKS["btc_mxn"], 7, rate=10, now=NOW)
    for _ in range(500):
        book.delay()
        step = book.step(NOW)
        yield diff_orders(book, step, NOW).text
        yield orders(book, step, NOW).text
        if said := trades(book, step, NOW):
            yield said.text
    yield answers.KEEP_ALIVE
    yield answers.taken("subscribe", "ok", "orders", "btc_usd", NOW)
    yield answers.taken("subscribe", "Already subscribed to channel: orders:btc_usd", "orders", "btc_usd", NOW)
    yield answers.refused("subscribe", "orders", "This book is not supported - nope_usd", NOW)
    yield answers.not_understood(NOW)


def test_frames_have_the_shape_of_captured_ones(real_data: Path):
    captures = real_data / "fixtures" / "bitso_ws" / "captured_frames_2026-09-23.ndjson"
    if not captures.is_file():
        pytest.skip(f"no {captures} (set CRYPTODUDEZ_REAL_DATA)")
    captured = captures.read_text().splitlines()
    shapes = [shape(json.loads(text)) for text in said_by_the_simulator()]

    assert len(captured) > 5
    for line in captured:
        assert shape(json.loads(line)) in shapes, line
