"""Candles are fetched from the simulated Binance: as few calls as it takes, within its limits, whatever goes wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from cryptodudez_assets.feeds.binance import FEED, series
from cryptodudez_assets.fetching.landing import landed
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.venues.binance import Options, Server, binance_server
from cryptodudez_assets.venues.binance.klines import series_of
from cryptodudez_assets.venues.binance.protocol import KLINES, Kline, read_klines
from cryptodudez_assets.venues.pages import Series
from cryptodudez_assets_tests.binance_campaign import ANSWERS_A_LIFE, HOURS, carry_out, wanted
from cryptodudez_assets_tests.binance_fetching import ONE, PATIENT, QUICK, bring, days_ago

FAST = Options(minute=1.0, ban=2.0)
"""Minutes of a second, so that refusals are short."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return opened(tmp_path)


def opened(folder: Path) -> Lake:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return Lake.open(Settings(home=home, lake="", catalog=""), {})


def answers(lake: Lake, one: Series) -> Iterator[list[Kline]]:
    for there in landed(lake, FEED, one):
        yield read_klines(lake.store.open(there.key).read())


def candles(lake: Lake, symbol: str = "ETHUSDT", interval: str = "1d") -> list[Kline]:
    return [candle for told in answers(lake, series_of(symbol, interval)) for candle in told]


def assert_complete(lake: Lake, first: date, last: date, symbol: str = "ETHUSDT") -> None:
    """Every day is there, and once."""
    days = sorted(one.opened.date() for one in candles(lake, symbol))
    assert days == [first + timedelta(days=n) for n in range((last - first).days + 1)]


class TestHowMuch:
    def test_a_year_of_ten_pairs_is_ten_calls(self, lake: Lake):
        with binance_server() as server:
            done = bring(lake, server.url, first=days_ago(360), last=days_ago(1))
            assert (server.counts.calls, server.counts.weight) == (10, 20)
            bring(lake, server.url, first=days_ago(360), last=days_ago(1))
            assert server.counts.calls == 10
        assert (len(done.keys), done.failed) == (10, {})
        for one in series({}):
            assert_complete(lake, days_ago(360), days_ago(1), one.parameters["symbol"])

    def test_a_range_in_the_middle_is_one_call_and_the_last_days_are_asked_for_again(self, lake: Lake):
        with binance_server() as server:
            bring(lake, server.url, ONE, first=days_ago(50), last=days_ago(40))
            bring(lake, server.url, ONE, first=days_ago(20), last=days_ago(5))
            bring(lake, server.url, ONE, first=days_ago(50), last=days_ago(5), again=3)
            assert server.counts.calls == 3
            bring(lake, server.url, ONE, first=days_ago(50), again=3)
            assert server.counts.calls == 4
            bring(lake, server.url, ONE, first=days_ago(50), again=3)
            assert server.counts.calls == 5
        *_, newest = answers(lake, series_of("ETHUSDT", "1d"))
        assert [one.opened.date() for one in newest] == [days_ago(n) for n in (3, 2, 1, 0)]

    @pytest.mark.slow
    def test_a_year_of_minutes_is_519_calls(self, lake: Lake):
        chosen = {**ONE, "interval": ["1m"]}
        with binance_server() as server:
            bring(lake, server.url, chosen, first=days_ago(360), last=days_ago(1), limit=(6000, 65))
            assert (server.counts.calls, server.counts.weight) == (519, 1038)
            bring(lake, server.url, chosen, first=days_ago(360), last=days_ago(1))
            assert server.counts.calls == 519
        told = candles(lake, interval="1m")
        assert len(told) == 360 * 24 * 60
        assert all(after.open_ms - one.open_ms == 60_000 for one, after in pairwise(told))

    def test_before_a_pair_was_listed_nothing_is_asked_twice(self, lake: Lake):
        with binance_server() as server:
            bring(lake, server.url, {"symbol": ["DOTUSDT"]}, first=date(2020, 1, 1), last=date(2020, 8, 1))
            bring(lake, server.url, {"symbol": ["DOTUSDT"]}, first=date(2020, 1, 1), last=date(2020, 8, 1))
            assert server.counts.calls == 1
        assert candles(lake, "DOTUSDT") == []

    @pytest.mark.parametrize("interval", ["1h", "3d", "1w", "1M"])
    def test_other_intervals_come_whole_and_once(self, lake: Lake, interval: str):
        first = days_ago(120) if interval == "1h" else date(2018, 1, 1)
        with binance_server() as server:
            bring(lake, server.url, {**ONE, "interval": [interval]}, first=first, last=days_ago(40))
            expected = server.counts.calls
            bring(lake, server.url, {**ONE, "interval": [interval]}, first=first, last=days_ago(40))
            assert server.counts.calls == expected
        told = candles(lake, interval=interval)
        assert len(told) > 20
        assert all(after.open_ms == one.close_ms + 1 for one, after in pairwise(told))

    def test_what_nobody_asked_for_in_weeks_is_as_few_answers_as_there_can_be(self, lake: Lake):
        hours = {**ONE, "interval": ["1h"]}
        with binance_server() as server:
            bring(lake, server.url, hours, first=days_ago(60), last=days_ago(41))
            assert len(bring(lake, server.url, hours, first=days_ago(60), last=days_ago(1), again=3).keys) == 1
        assert len({one.open_ms for one in candles(lake, interval="1h")}) == 60 * 24

    def test_the_limit_is_never_passed(self, lake: Lake):
        options = Options(limit=10, minute=1.0)
        with binance_server(options) as server:
            done = bring(lake, server.url, first=days_ago(30), last=days_ago(1), limit=(10, 1.5))
            counts = server.counts
        assert (done.failed, counts.refused, counts.early) == ({}, 0, 0)
        assert counts.most_in_a_minute <= 10


class TestWhatGoesWrong:
    @pytest.mark.parametrize("fault", ["429", "418", "5xx", "reset", "truncated", "hang"])
    def test_all_comes_once_whatever_goes_wrong_for_a_while(self, lake: Lake, fault: str):
        hours = {**ONE, "interval": ["1h"]}
        with binance_server(FAST) as server:
            for _ in range(2):
                server.force(fault)
            patience = QUICK if fault == "hang" else PATIENT
            done = bring(lake, server.url, hours, first=days_ago(100), last=days_ago(1), patience=patience)
            counts = server.counts
        told = candles(lake, interval="1h")
        assert (done.failed, counts.early) == ({}, 0)
        assert [one.opened for one in told] == [
            datetime(*days_ago(100).timetuple()[:3], tzinfo=UTC) + timedelta(hours=n) for n in range(2400)
        ]

    def test_a_storm_of_faults_leaves_nothing_out(self, lake: Lake):
        faults = {"429": 0.1, "418": 0.02, "5xx": 0.15, "reset": 0.15, "truncated": 0.15, "hang": 0.03}
        with binance_server(FAST, faults=faults, limit=40) as server:
            first, last = days_ago(200), days_ago(1)
            done = bring(lake, server.url, first=first, last=last, limit=(40, 1.5), patience=QUICK)
            counts = server.counts
        assert (done.failed, counts.early) == ({}, 0)
        assert counts.most_in_a_minute <= 40
        for one in series({}):
            assert_complete(lake, days_ago(200), days_ago(1), one.parameters["symbol"])

    def test_a_place_that_is_refused_is_told_with_what_to_do_and_not_asked_from_again(self, lake: Lake):
        with binance_server(faults={"451": 1.0}) as server:
            done = bring(lake, server.url, first=days_ago(5), last=days_ago(1))
            assert server.counts.calls <= 4
        assert len(done.failed) == 10
        for told in done.failed.values():
            assert "does not answer from where this machine is (status 451)" in told
            assert "data-api.binance.vision" in told

    def test_a_firewall_is_not_asked_again_at_once(self, lake: Lake):
        with binance_server(faults={"403": 1.0}) as server:
            done = bring(lake, server.url, ONE, first=days_ago(5), last=days_ago(1))
            assert server.counts.calls == 1
        assert "took the request for an attack" in done.failed["ETHUSDT-1d"]

    def test_a_long_ban_is_not_waited_for(self, lake: Lake):
        with binance_server(ban=600.0) as server:
            server.force("418")
            done = bring(lake, server.url, ONE, first=days_ago(5), last=days_ago(1))
            again = bring(lake, server.url, ONE, first=days_ago(5), last=days_ago(1))
            assert (server.counts.calls, server.counts.early) == (1, 0)
        assert "it asks to come back in 600 seconds" in done.failed["ETHUSDT-1d"]
        assert "nobody may ask for" in again.failed["ETHUSDT-1d"]

    def test_a_pair_that_there_is_not_does_not_keep_others_from_coming(self, lake: Lake):
        with binance_server() as server:
            done = bring(lake, server.url, {"symbol": ["NOPEUSDT", "ETHUSDT"]}, first=days_ago(5), last=days_ago(1))
        assert list(done.failed) == ["NOPEUSDT-1d"]
        assert "Binance has no symbol NOPEUSDT (-1121 Invalid symbol.)" in done.failed["NOPEUSDT-1d"]
        assert_complete(lake, days_ago(5), days_ago(1))

    @pytest.mark.parametrize("hours", [-30, -2, 2, 30])
    def test_final_is_what_the_servers_clock_says(self, lake: Lake, hours: int):
        with binance_server(faults={"skew": hours * 3600.0}) as server:
            bring(lake, server.url, ONE, first=days_ago(10))
        (there,) = landed(lake, FEED, series_of("ETHUSDT", "1d"))
        theirs = datetime.now(UTC) + timedelta(hours=hours)
        assert there.final.until <= theirs
        ends = [one.opened + timedelta(days=1) for one in candles(lake)]
        settled = max(end for end in ends if end + timedelta(seconds=5) < theirs)
        assert there.final.until == min(settled, there.covered.until)

    def test_candles_that_lack_or_come_late_are_asked_for_once(self, lake: Lake):
        minutes = {**ONE, "interval": ["1m"]}
        with binance_server(faults={"missing": 0.1, "off-grid": 0.1}) as server:
            for _ in range(2):
                bring(lake, server.url, minutes, first=days_ago(3), last=days_ago(1))
            assert server.counts.calls == 4
        told = candles(lake, interval="1m")
        assert len({one.open_ms for one in told}) == len(told)
        assert 3700 < len(told) < 4080

    def test_beside_the_answer_stands_how_it_was_asked_for(self, lake: Lake):
        with binance_server() as server:
            (key,) = bring(lake, server.url, ONE, first=days_ago(5), last=days_ago(1)).keys
        note = json.loads(lake.store.open(key.removesuffix(".json") + ".request.json").read())
        assert note["asked_for"] == {"symbol": "ETHUSDT", "interval": "1d"}
        assert (KLINES in note["url"], note["headers"]["x-mbx-used-weight-1m"]) == (True, "2")


@pytest.mark.parametrize("kills", [pytest.param(5, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.long)])
def test_whatever_is_killed_goes_on_where_it_was(tmp_path: Path, kills: int):
    """Nothing is there twice, nothing is left out, and a kill costs at most the calls whose answers were on their way into the lake."""
    toll = carry_out(tmp_path, kills, seed=7)

    lake, n_pages = opened(tmp_path), 0
    first, last = wanted(kills)
    hours = ((last - first).days + 1) * 24
    for one in series(HOURS):
        pages = list(answers(lake, one))
        opens = sorted(candle.open_ms for page in pages for candle in page)
        assert opens == list(range(opens[0], opens[0] + hours * 3_600_000, 3_600_000))
        n_pages += len(pages)
    assert (toll.within, n_pages, toll.early) == (kills, toll.pages, 0)
    assert toll.calls - toll.faults - n_pages <= ANSWERS_A_LIFE * kills


def test_the_server_in_the_test_counts(lake: Lake):
    """What the others rely on: a client that does not wait is seen."""
    with binance_server(Options(limit=4, minute=60.0)) as server:
        _hammer(server)
        assert server.counts.refused > 0
        assert server.counts.early > 0


def _hammer(server: Server) -> None:
    for _ in range(6):
        httpx.get(server.url + KLINES, params={"symbol": "ETHUSDT", "interval": "1d"})
