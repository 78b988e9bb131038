"""The chart of prices: candles that can be told apart, turns with their outcomes, and what is said of a point."""

import json
import re
from datetime import date, timedelta
from html import unescape

import polars as pl
import pytest

from serving.dashboard.candles import Turn, by_grain, candle_chart, grain_for

FIRST = date(2021, 1, 1)  # a Friday


def days(n: int, **columns: list[float | None]) -> pl.DataFrame:
    close = [100.0 + i for i in range(n)]
    found = {"open": [one - 1 for one in close], "high": [one + 2 for one in close], "low": [one - 3 for one in close]}
    found |= {"close": close, "volume": [1e6] * n} | columns
    return pl.DataFrame({"day": [FIRST + timedelta(days=i) for i in range(n)], **found})


def points_of(drawing: str) -> list[tuple[float, float, str]]:
    return json.loads(unescape(re.search(r'data-points="([^"]*)"', drawing)[1]))  # type: ignore[index]


def test_a_turn_is_marked_by_what_was_said_and_what_came_of_it():
    turns = [
        Turn(FIRST + timedelta(days=5), "BUY", True),
        Turn(FIRST + timedelta(days=8), "SELL", False),
        Turn(FIRST + timedelta(days=20), "BUY", None),
        Turn(FIRST - timedelta(days=1), "SELL", True),
        Turn(FIRST + timedelta(days=30), "SELL", True),
    ]
    wide, narrow = candle_chart(days(30), turns, "A rise").split('<div class="narrow">')

    for drawn in (wide, narrow):
        assert re.findall(r'class="mark ([a-z ]+)"', drawn) == ["buy right", "sell wrong", "buy open"]
        said = [words for _, _, words in points_of(drawn) if "said" in words]
        assert [words.partition("; ")[2] for words in said] == [
            "said BUY, right",
            "said SELL, wrong",
            "said BUY, not known yet",
        ]


def test_a_point_is_said_in_words_where_its_close_is_drawn():
    prices = {"open": [99.0, 4.0], "high": [110.0, 5.0], "low": [90.0, 0.5], "close": [100.0, 0.61234]}
    (x, y, first), (later, below, second) = points_of(candle_chart(days(2, **prices, volume=[2.5e9, None]), [], "Two"))

    assert first == "1 Jan 2021: open $99.00, high $110.00, low $90.00, close $100.00, volume $2.5G"
    assert second == "2 Jan 2021: open $4.00, high $5.00, low $0.5, close $0.6123"
    assert later > x
    assert below > y


@pytest.mark.parametrize(("n", "grain"), [(2, "1d"), (31, "1d"), (365, "1d"), (1500, "1w"), (4000, "1mo")])
def test_candles_are_wide_enough_to_be_told_apart(n: int, grain: str):
    assert grain_for(n, 890) == grain


def test_a_week_opens_with_its_first_day_and_closes_with_its_last():
    weeks = by_grain(days(10, volume=[None] * 3 + [1.0] * 7), "1w")

    assert weeks.select("day", "last", "open", "high", "low", "close", "volume").rows() == [
        (date(2021, 1, 1), date(2021, 1, 3), 99.0, 104.0, 97.0, 102.0, None),
        (date(2021, 1, 4), date(2021, 1, 10), 102.0, 111.0, 100.0, 109.0, 7.0),
    ]


def test_what_a_coin_is_called_cannot_become_markup():
    drawn = candle_chart(days(3), [], '<script>"alert(1)"')

    assert "<script" not in drawn
    assert 'aria-label="&lt;script&gt;&#34;alert(1)&#34;"' in drawn


@pytest.mark.parametrize(
    "prices",
    [
        {"low": [0.0, 97.0]},
        {"open": [0.0, 99.0], "high": [9000.0, 9000.0]},
        {"volume": [None, None]},
        {"close": [100.0] * 2, "open": [100.0] * 2},
    ],
)
def test_odd_days_are_drawn(prices: dict[str, list[float | None]]):
    assert len(points_of(candle_chart(days(2, **prices), [], "Odd"))) == 2
