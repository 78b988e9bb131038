"""The source of order books: which records are taken, as what, and how good an observation each is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.contracts.order_book_spreads import ORIGINS, OrderBookSpreads
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair, to_line
from cryptodudez_assets.recorder.record import FILE_SCHEMA, Origin
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.checking import problem_of
from cryptodudez_assets.sources.order_book_completeness import COMPLETE_FILES
from cryptodudez_assets.venues.bitso.protocol import book_name
from cryptodudez_assets_tests.in_memory import Fate, fates

SOURCE, GAPS = all_sources()["bitso_order_book"], all_sources()["bitso_order_book_gaps"]
RECORDER, RECORDED = SOURCE.layouts
SECOND = "2022-04-30T04:10:26+00:00"


def told(record: dict[str, str], layout: Any = RECORDER) -> Fate:
    (fate,) = fates(SOURCE, layout, [{"orderbook_timestamp": SECOND, **record}])
    return fate


def taken(record: dict[str, str], layout: Any = RECORDER) -> dict[str, Any]:
    fate = told(record, layout)
    assert isinstance(fate, dict), fate
    return fate


def test_a_file_of_the_recorder_has_the_columns_that_are_read() -> None:
    assert set(RECORDER.columns) == set(FILE_SCHEMA)
    assert set(ORIGINS) == {str(one) for one in Origin}
    line = to_line(Gap("btc_mxn", "a", 0, 1, Cause.STARTING, Repair.NONE)).decode()
    assert all(f'"{name}":' in line for name in GAPS.layouts[0].columns)


@pytest.mark.parametrize(
    "name", ["btc_mxn", "MXN_BTC", "mxn_usd", "USD_MXN", " Btc-Mxn ", "usd_usdt", "usdt_usd", "eth_btc"]
)
def test_books_are_called_as_the_venue_calls_them(name: str) -> None:
    assert taken({"book": name})["book"] == book_name(name)


@pytest.mark.parametrize(
    "text", [SECOND, "2022-04-29T22:10:26-06:00", "2022-04-30T04:10:26Z", "2022-04-30T04:10:26+0000"]
)
def test_the_second_is_told_in_any_zone(text: str) -> None:
    assert taken({"orderbook_timestamp": text})["event_ts"] == datetime(2022, 4, 30, 4, 10, 26, tzinfo=UTC)


def test_a_record_is_known_at_its_second_or_when_its_message_came_and_a_recording_when_its_second_is_over() -> None:
    second = datetime(2022, 4, 30, 4, 10, 26, tzinfo=UTC)
    before, after = "2022-04-30T04:10:25.700001Z", "2022-04-30T04:10:31.5Z"
    assert taken({"received_time": before})["known_ts"] == second
    assert taken({"received_time": after})["known_ts"] == second + timedelta(seconds=5.5)
    assert taken({}, RECORDED)["known_ts"] == second + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ({"orderbook_timestamp": "2022-04-30T04:10:26.5+00:00"}, "second_has_a_fraction"),
        ({"bid": ""}, "bid_missing"),
        ({"ask": "", "spread": ""}, "ask_missing"),
        ({"bid": "-1", "spread": "101"}, "bid:greater_than"),
        ({"ask": "0"}, "ask:greater_than"),
        ({"spread": ""}, "spread_is_another"),
        ({"spread": "0.01"}, "spread_is_another"),
        ({"bid": "", "is_gap": "true"}, "spread_is_another"),
        ({"is_gap": "perhaps"}, "is_gap:missing"),
        ({"source": "guess"}, "source:isin"),
        ({"book": "bitcoin"}, "book:str_matches"),
        ({"orderbook_timestamp": "yesterday"}, "event_ts"),
    ],
)
def test_what_breaks_a_rule_is_set_aside(record: dict[str, str], rule: str) -> None:
    fate = told(record)
    assert isinstance(fate, list)
    assert any(rule in broken for broken in fate), fate


@pytest.mark.parametrize(
    "record",
    [
        {"bid": "", "ask": "", "spread": "", "is_gap": "true", "source": "carried"},
        {"bid": "", "spread": "", "bid_amount": "", "received_time": SECOND},  # nobody bids
        {"bid": "98.7654", "spread": "1.23"},  # two decimals
        {"bid": "100", "spread": "0"},
        {"bid": "101", "spread": "-1"},
    ],
)
def test_what_can_be_seen_is_taken(record: dict[str, str]) -> None:
    taken(record)


def test_a_crossed_book_stays_and_is_told() -> None:
    rows = pl.DataFrame([taken({"bid": bid, "spread": f"{100 - float(bid)}"}) for bid in ("99", "100", "101")])
    (found,) = (one for one in evaluate_rules(OrderBookSpreads, rows) if one.is_warning)
    assert (found.rule, found.broken.to_list()) == ("crossed", [False, True, True])


def test_the_better_observation_has_the_greater_precedence() -> None:
    """From the best to the worst; a recording that does not say stands between what was asked for and what is carried."""
    order = [
        {"source": "ws", "staleness_ms": "0"},
        {"source": "ws", "staleness_ms": "950"},
        {"source": "ticker", "staleness_ms": "1"},
        {"source": "rest", "staleness_ms": "1"},
        {"source": "rest", "staleness_ms": ""},
        {},
        {"source": "carried", "staleness_ms": "1000"},
        {"source": "carried", "staleness_ms": "86400000"},
        {"source": "carried", "staleness_ms": "5", "is_gap": "true"},
        {"source": "carried", "staleness_ms": "", "is_gap": "true"},
    ]
    found = [taken(record, RECORDER if record else RECORDED)["precedence"] for record in order]
    assert all(better > worse for better, worse in pairwise(found))
    assert taken({"source": "ws", "staleness_ms": "7"})["precedence"] == (2 * 4 + 1) * 2**40 + 2**40 - 1 - 7


def test_two_who_saw_the_same_do_not_contradict_each_other() -> None:
    assert {"bid", "ask", "spread", "sequence"} <= set(SOURCE.values)
    assert not {"instance", "received_time", "precedence", "is_gap", "source"} & set(SOURCE.values)


@pytest.mark.parametrize(
    "checks", [["complete"], [replace(COMPLETE_FILES, name="fresh")], [COMPLETE_FILES, COMPLETE_FILES]]
)
def test_checks_of_a_source_need_names_of_their_own(checks: list[Any]) -> None:
    assert (problem_of(replace(SOURCE, checks=checks)) or "").startswith("checks: ")
    assert problem_of(SOURCE) is None
