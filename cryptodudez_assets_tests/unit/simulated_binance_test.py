"""The simulated Binance without sockets: its candles, its limits, and what is said of faults."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from cryptodudez_assets.contracts.binance_klines import INTERVALS as IN_CONTRACT
from cryptodudez_assets.simulator.venues.binance.faults import FAULTS, read_fault
from cryptodudez_assets.simulator.venues.binance.limits import Limits
from cryptodudez_assets.simulator.venues.binance.market import PAIRS, Market
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import (
    INTERVALS,
    Interval,
    Kline,
    NotUnderstood,
    checksum_of,
    error_of,
    interval_of,
    read_klines,
    symbol_of,
)

PAGES = Path(__file__).parents[2] / "docs"
DAY, MINUTE, MONTH, WEEK = (INTERVALS[name] for name in ("1d", "1m", "1M", "1w"))
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def candles(interval: Interval, first: datetime, last: datetime, most: int = 1000, seed: int = 7) -> list[Kline]:
    return Market(seed).candles("ETHUSDT", interval, first, last, most)


class TestMarket:
    def test_a_seed_makes_one_market_and_another_makes_another(self):
        told = candles(DAY, NEW_YEAR, NEW_YEAR + timedelta(days=30))
        assert told == candles(DAY, NEW_YEAR, NEW_YEAR + timedelta(days=30))
        assert told != candles(DAY, NEW_YEAR, NEW_YEAR + timedelta(days=30), seed=8)

    def test_a_candle_is_the_same_whatever_range_is_asked_for(self):
        whole = candles(MINUTE, NEW_YEAR, NEW_YEAR + timedelta(hours=3))
        later = candles(MINUTE, NEW_YEAR + timedelta(hours=1), NEW_YEAR + timedelta(hours=3))
        assert whole[60:] == later

    @pytest.mark.parametrize("interval", INTERVALS.values(), ids=lambda one: one.name)
    def test_candles_follow_each_other_and_hold_their_prices(self, interval: Interval):
        told = candles(interval, NEW_YEAR, NEW_YEAR + 400 * (interval.step or timedelta(days=30)), 300)
        assert len(told) > 100
        for one, after in pairwise(told):
            assert after.open_ms == one.close_ms + 1
            assert after.open == one.close
            assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
            assert 0 < one.taker_buy_base < one.volume
            assert one.low <= one.quote_volume / one.volume <= one.high

    def test_weeks_begin_on_mondays_and_months_on_the_first(self):
        weeks = candles(WEEK, NEW_YEAR, NEW_YEAR + timedelta(days=100))
        months = candles(MONTH, NEW_YEAR, NEW_YEAR + timedelta(days=364))
        assert {one.opened.weekday() for one in weeks} == {0}
        assert [one.opened.month for one in months] == list(range(1, 13))

    def test_nothing_is_told_from_before_a_pair_was_listed(self):
        told = Market().candles("DOTUSDT", DAY, datetime(2017, 1, 1, tzinfo=UTC), NEW_YEAR, 1000)
        assert told[0].opened.date() == PAIRS["DOTUSDT"].listed

    def test_a_pair_costs_at_the_end_of_a_day_what_it_is_to_cost(self):
        market = Market(7, {"ETHUSDT": (date(2026, 3, 4), 1234.5)})
        day = datetime(2026, 3, 4, tzinfo=UTC)
        assert market.candles("ETHUSDT", DAY, day, day, 1)[0].close == Decimal("1234.5")

    def test_an_open_candle_has_less_volume_than_when_it_is_over(self):
        (whole,) = candles(DAY, NEW_YEAR, NEW_YEAR)
        noon = Market().until(whole, "ETHUSDT", whole.open_ms + 43_200_000)
        assert noon.open == whole.open
        assert noon.volume == pytest.approx(whole.volume / 2, rel=Decimal("0.001"))
        assert noon.close_ms == whole.close_ms

    def test_days_move_as_much_as_they_should(self):
        told = candles(DAY, NEW_YEAR - timedelta(days=1000), NEW_YEAR)
        returns = [float(after.close / one.close) - 1 for one, after in pairwise(told)]
        deviation = (sum(one**2 for one in returns) / len(returns)) ** 0.5
        assert 0.01 < deviation < 0.08


class Timed:
    """Limits on a clock that is set."""

    def __init__(self, limit: int) -> None:
        self.now = 6_000.0
        self.limits = Limits(limit, minute=60.0, ban=120.0, now=lambda: self.now)

    def ask(self) -> tuple[int, str]:
        answer = self.limits.refusal("1.2.3.4", 2)
        return (answer.status, answer.headers["Retry-After"]) if answer else (200, "")


class TestLimits:
    def test_the_limit_is_reached_but_not_passed(self):
        timed = Timed(6)
        assert [timed.ask()[0] for _ in range(4)] == [200, 200, 200, 429]

    def test_a_new_minute_begins_anew(self):
        timed = Timed(2)
        timed.now += 15
        assert [timed.ask(), timed.ask()] == [(200, ""), (429, "45")]
        timed.now += 45
        assert timed.ask() == (200, "")
        assert timed.limits.counts.early == 0

    def test_who_does_not_stop_is_banned_and_each_time_for_longer(self):
        timed = Timed(2)
        assert [timed.ask()[0] for _ in range(5)] == [200, 429, 429, 429, 418]
        assert timed.ask() == (418, "120")
        timed.now += 121
        assert [timed.ask()[0] for _ in range(5)] == [200, 429, 429, 429, 418]
        assert timed.ask() == (418, "240")
        assert timed.limits.counts.early == 8


class TestProtocol:
    def test_what_the_server_writes_the_client_reads(self):
        told = candles(DAY, NEW_YEAR, NEW_YEAR + timedelta(days=3))
        assert read_klines(answers.klines(told)) == told

    def test_the_documented_answer_is_read(self):
        body = (
            b'[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,'
            b'"2434.19055334",308,"1756.87402397","28.46694368","0"]]'
        )
        (one,) = read_klines(body)
        assert (one.opened, one.n_trades) == (datetime(2017, 7, 3, tzinfo=UTC), 308)
        assert answers.klines([one]) == body

    @pytest.mark.parametrize("body", [b"", b"[[1", b"{}", b'[[1,"2"]]', b"<html>", b"[" * 5000, b'[["a"]]'])
    def test_what_is_no_answer_is_not_understood(self, body: bytes):
        with pytest.raises(NotUnderstood):
            read_klines(body)

    def test_candles_that_do_not_grow_are_not_understood(self):
        told = candles(DAY, NEW_YEAR, NEW_YEAR + timedelta(days=3))
        with pytest.raises(NotUnderstood, match="expected times that grow"):
            read_klines(answers.klines([told[1], told[0]]))

    def test_a_candle_that_closes_before_it_opens_is_not_understood(self):
        (one,) = candles(DAY, NEW_YEAR, NEW_YEAR)
        body = answers.klines([one]).replace(str(one.close_ms).encode(), str(one.open_ms - 1).encode())
        with pytest.raises(NotUnderstood, match="and opens at"):
            read_klines(body)

    def test_errors_are_read_and_pages_are_none(self):
        assert str(error_of(answers.INVALID_SYMBOL)) == "-1121 Invalid symbol."
        assert error_of(b"<html></html>") is None

    def test_intervals_are_those_of_the_contract(self):
        assert tuple(INTERVALS) == IN_CONTRACT

    @pytest.mark.parametrize("at", [NEW_YEAR, NEW_YEAR + timedelta(days=45, hours=3, minutes=7, seconds=1)])
    @pytest.mark.parametrize("interval", INTERVALS.values(), ids=lambda one: one.name)
    def test_a_time_lies_in_the_candle_that_begins_at_its_floor(self, interval: Interval, at: datetime):
        begin = interval.floor(at)
        assert begin <= at < interval.behind(begin)
        assert interval.floor(begin) == begin

    def test_names_are_taken_as_people_write_them_or_refused(self):
        assert (symbol_of("btc/usdt"), interval_of("1M").path_name) == ("BTCUSDT", "1mo")
        with pytest.raises(ValueError, match="expected one such as BTCUSDT"):
            symbol_of("../etc")
        with pytest.raises(ValueError, match="1m, 3m"):
            interval_of("1D")

    def test_a_checksum_is_that_of_its_file(self):
        assert checksum_of(b"ab" * 32 + b"  a.zip\n", "a.zip") == "ab" * 32
        with pytest.raises(NotUnderstood, match=r"b\.zip"):
            checksum_of(b"ab" * 32 + b"  a.zip\n", "b.zip")


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_every_fault_is_switched_on_by_its_name(self, name: str):
        assert read_fault(f"{name}=0.5") == (name, 0.5)

    def test_the_page_tells_of_each(self):
        page = (PAGES / "simulated_binance.md").read_text()
        assert all(f"| `{fault.name}` | {fault.meaning} | {fault.unit} |" in page for fault in FAULTS.values())


def test_a_candle_that_closes_when_time_ends_is_not_understood():
    row = b'[0,"1","1","1","1","1",253402300799999,"1",1,"1","1","0"]'
    with pytest.raises(NotUnderstood, match="253370764799999"):
        read_klines(b"[" + row + b"]")
