"""How old data are is told by their newest event, in words; and where sample data end, by the home."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.lake.freshness import Freshness, freshness, in_words
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.samples import (
    BEFORE_IT_WAS_KEPT,
    LAST_DAY,
    OtherSamples,
    fix_last_day,
    is_planted,
    last_day_of,
)
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import take_in

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
COINS = all_sources()["crypto_prices"]
HEADER = b"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def looked_at(age: timedelta, allowed: timedelta = timedelta(days=30)) -> Freshness:
    return Freshness("market.x", "x", NOON - age, allowed, NOON)


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=20_000)))
def test_it_is_old_beyond_what_is_allowed_and_then_says_what_to_land(age: timedelta):
    found = looked_at(age)
    assert found.is_old == (age > timedelta(days=30))
    assert ("land newer files of x" in str(found)) == found.is_old
    assert f"{in_words(age)} ago" in str(found)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=59), "0 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1974, hours=3), "1,974 days"),
    ],
)
def test_ages_are_told_in_days_or_hours(age: timedelta, words: str):
    assert in_words(age) == words


def test_it_is_of_the_data_whenever_they_were_written(lake: Lake, drop: Callable[[str, str, bytes], object]):
    assert "market.crypto_prices has no rows yet: `cryptodudez land crypto_prices FILES`" in str(freshness(lake, COINS))

    drop("crypto_prices", "a.csv", HEADER + b"1,Ethereum,ETH,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n")
    take_in(lake, COINS)
    found = freshness(lake, COINS)
    assert found.newest == datetime(2021, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert found.is_old
    assert not freshness(lake, replace(COINS, fresh_within=timedelta(days=36_500))).is_old

    yesterday = now().date() - timedelta(days=1)
    drop("crypto_prices", "b.csv", HEADER + f"1,Ethereum,ETH,{yesterday} 23:59:59,2,1,1.5,1.5,100,1000\n".encode())
    take_in(lake, COINS)
    assert not freshness(lake, COINS).is_old


def test_sample_data_end_yesterday_and_then_on_the_same_day_for_ever(lake: Lake):
    assert last_day_of(lake.settings) is None
    yesterday, later = date(2026, 11, 26), date(2026, 12, 8)
    assert fix_last_day(lake.settings, yesterday) == yesterday
    assert fix_last_day(lake.settings, later) == fix_last_day(lake.settings, later, yesterday) == yesterday
    assert last_day_of(lake.settings) == yesterday
    with pytest.raises(OtherSamples, match="end on 2026-11-26, not 2026-12-08: for others begin with another"):
        fix_last_day(lake.settings, later, later)


def test_a_signal_is_planted_in_sample_data_from_the_beginning_or_never(lake: Lake):
    assert not is_planted(lake.settings)
    fix_last_day(lake.settings, date(2026, 11, 26), planted=True)
    assert is_planted(lake.settings)
    assert fix_last_day(lake.settings, date(2026, 12, 8)) == date(2026, 11, 26)


def test_a_signal_is_not_planted_afterwards(lake: Lake):
    fix_last_day(lake.settings, date(2026, 11, 26))
    with pytest.raises(OtherSamples, match="no signal was planted in the samples of this home: for others begin with"):
        fix_last_day(lake.settings, date(2026, 11, 26), planted=True)


def test_samples_of_an_earlier_version_end_where_they_did(lake: Lake):
    (lake.settings.samples / "small-7").mkdir(parents=True)
    assert fix_last_day(lake.settings, date(2026, 11, 26)) == last_day_of(lake.settings) == BEFORE_IT_WAS_KEPT
    assert not (lake.settings.samples / LAST_DAY).exists()
