"""Declarations of feeds: one that cannot be taken says why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import dagster as dg
import pytest
from dagster._utils.schedules import cron_string_iterator

from cryptodudez_assets.defs.feed_assets import build_feed_schedule
from cryptodudez_assets.feeds import all_feeds, left_out_feeds
from cryptodudez_assets.feeds.declaration import every, problem_of
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.toy_feed import FEED

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a name in capitals": ({"name": "Tides"}, "name='Tides': expected small letters"),
    "no source": ({"source": "../x"}, "expected the name of a source"),
    "no owner": ({"owner": "me"}, "expected team:name or an e-mail address"),
    "no cron": ({"cron": "hourly"}, "expected five fields"),
    "no words": ({"description": " "}, "expected a few words"),
    "no time": ({"covers": timedelta(0)}, "expected a timedelta of a day or more"),
    "no client": ({"client": None}, "expected a function that makes a client"),
    "a choice that is no option": ({"choices": {"Harbour": "x"}}, "expected names of small letters"),
    "no series": ({"series": lambda chosen: []}, "at least one Series"),
    "a name twice": ({"series": every(of=("a", "a"))}, "two have one name"),
}


@pytest.mark.parametrize(("change", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_declaration_is_told(change: Mapping[str, Any], told: str):
    assert told in (problem_of(replace(FEED, **change)) or "")


def test_the_toy_is_taken():
    assert problem_of(FEED) is None


def test_series_are_all_combinations_unless_others_are_chosen():
    series = every(symbol=("BTCUSDT", "ETHUSDT"), interval=("1d",))

    assert [one.name for one in series({})] == ["BTCUSDT-1d", "ETHUSDT-1d"]
    assert [one.parameters for one in series({"symbol": ["XRPUSDT"], "interval": ["1m", "1h"]})] == [
        {"symbol": "XRPUSDT", "interval": "1m"},
        {"symbol": "XRPUSDT", "interval": "1h"},
    ]
    with pytest.raises(ValueError, match="as it names a folder"):
        series({"symbol": ["../x"]})


@pytest.mark.parametrize(("name", "hours"), [("binance", [0, 6, 12, 18]), ("x", [1])])
def test_a_feed_that_is_on_is_asked_by_itself_at_these_hours_of_utc(name: str, hours: list[int]):
    schedule = build_feed_schedule(all_feeds()[name])
    assert (schedule.default_status, schedule.execution_timezone) == (dg.DefaultScheduleStatus.RUNNING, "UTC")
    ticks = cron_string_iterator(datetime(2026, 11, 29, tzinfo=UTC).timestamp(), str(schedule.cron_schedule), "UTC")
    assert [tick.hour for tick in takewhile(lambda tick: tick.day == 29, ticks)] == hours


def test_every_declared_feed_is_taken_and_fills_a_source():
    assert left_out_feeds() == []
    assert {feed.source for feed in all_feeds().values()} <= set(all_sources())
