"""Alerts of spreads and of missing data: scenarios, each with exactly the events that people get."""

import pytest

from cryptodudez_assets.declared_rules.declaration import NoData, Threshold
from cryptodudez_assets.notifications.event import Incident
from cryptodudez_assets.recorder.alert_rules import NoDataRule, SpreadRule, rules_for
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets_tests.spreads import BOOK, START, record, records, runs

RULE = SpreadRule("wide", BOOK, Threshold(0.5, clear_below=0.4, for_seconds=3, quiet_for=10))
AT_ONCE = SpreadRule("wide", BOOK, Threshold(0.5))
NO_DATA = NoDataRule("no_data", BOOK, NoData(gap_seconds=5, carried_seconds=20))
SELDOM = NoDataRule("no_data", BOOK, NoData(gap_seconds=5, carried_seconds=20), quiet_for=10)
GAP = None


def told(alerts: SpreadAlerts, seen: list[Record]) -> list[tuple[str, int, int]]:
    """Kind, first second of the incident, second of the event."""
    return [
        (str(event.kind), event.started_at - START, event.at - START) for one in seen for event in alerts.observe([one])
    ]


SCENARIOS = {
    "calm": (RULE, runs((0.3, 20)), []),
    "step": (RULE, runs((0.1, 5), (0.8, 10), (0.1, 5)), [("started", 5, 7), ("recovered", 5, 15)]),
    "exactly at the threshold": (RULE, runs((0.5, 20)), []),
    "flicker, shorter than it must last": (RULE, runs((0.8, 2), (0.1, 1)) * 10, []),
    "flicker, without a minimum duration": (
        AT_ONCE,
        [0.8, 0.1, 0.8, 0.1],
        [("started", 0, 0), ("recovered", 0, 1), ("started", 2, 2), ("recovered", 2, 3)],
    ),
    "flicker between the thresholds": (
        RULE,
        runs((0.8, 3), (0.45, 5), (0.8, 5), (0.45, 5), (0.39, 1)),
        [("started", 0, 2), ("recovered", 0, 18)],
    ),
    "again within the cool-down": (
        RULE,
        runs((0.8, 3), (0.1, 1), (0.8, 5), (0.1, 20)),
        [("started", 0, 2), ("recovered", 0, 3)],
    ),
    "still there when the cool-down ends": (
        RULE,
        runs((0.8, 3), (0.1, 1), (0.8, 20)),
        [("started", 0, 2), ("recovered", 0, 3), ("started", 14, 16)],
    ),
    "a gap while it is to last": (RULE, runs((0.8, 2), (GAP, 1), (0.8, 3)), [("started", 3, 5)]),
    "a gap in the incident": (
        RULE,
        runs((0.8, 4), (GAP, 50), (0.8, 3), (0.1, 1)),
        [("started", 0, 2), ("recovered", 0, 57)],
    ),
    "over behind a gap": (RULE, runs((0.8, 4), (GAP, 50), (0.1, 1)), [("started", 0, 2), ("recovered", 0, 54)]),
    "a crossed book": (RULE, runs((-0.2, 20)), []),
    "no data": (NO_DATA, runs((0.1, 3), (GAP, 8), (0.1, 3)), [("started", 3, 7), ("recovered", 3, 11)]),
    "a short gap": (NO_DATA, runs((0.1, 3), (GAP, 4), (0.1, 3)), []),
    "no data from the start": (NO_DATA, runs((GAP, 6), (0.1, 1)), [("started", 0, 4), ("recovered", 0, 6)]),
    "two gaps": (
        NO_DATA,
        runs((0.1, 1), (GAP, 5), (0.1, 1), (GAP, 5), (0.1, 1)),
        [("started", 1, 5), ("recovered", 1, 6), ("started", 7, 11), ("recovered", 7, 12)],
    ),
    "a connection that comes and goes": (
        SELDOM,
        runs((GAP, 5), (0.1, 1), (GAP, 7), (0.1, 1), (GAP, 20)),
        [("started", 0, 4), ("recovered", 0, 5), ("started", 16, 20)],
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_exactly_these_alerts(scenario: str):
    rule, spreads, expected = SCENARIOS[scenario]

    assert told(SpreadAlerts([rule]), records(spreads)) == expected


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_restart_after_any_second_changes_no_incident(scenario: str):
    """What lasts may begin later, since seconds before the restart are not counted; the rest is the same."""
    rule, spreads, expected = SCENARIOS[scenario]
    seen = records(spreads)
    for cut in range(len(seen)):
        before = told(SpreadAlerts([rule]), seen[:cut])
        starts = [(started, at) for kind, started, at in before if kind == "started"]
        over = {started: at for kind, started, at in before if kind == "recovered"}
        last = [Incident(rule.rule, BOOK, START + started,
                         START + over[started] if started in over else None) for started, _ in starts[-1:]]  # fmt: skip
        after = told(SpreadAlerts([rule], last), seen[cut:])

        kinds = [kind for kind, *_ in before + after]
        assert kinds == (["started", "recovered"] * len(kinds))[: len(kinds)]
        assert len(kinds) <= len(expected)
        if last and last[0].is_open and ("recovered", starts[-1][0]) in {(kind, s) for kind, s, _ in expected}:
            assert after[0] in expected, f"the recovery is lost after a restart at {cut}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_whoever_sees_once_more_what_was_recorded_goes_on_exactly(scenario: str):
    """Killed after any second, with any of the last events put or not, and told again of all seconds of its window."""
    rule, spreads, expected = SCENARIOS[scenario]
    seen = records(spreads)
    for put in range(len(expected) + 1):
        starts = [started for kind, started, _ in expected[:put] if kind == "started"]
        over = {started: START + at for kind, started, at in expected[:put] if kind == "recovered"}
        last = [Incident(rule.rule, BOOK, START + started, over.get(started)) for started in starts[-1:]]

        assert told(SpreadAlerts([rule], last), seen) == expected[put:]


def test_what_was_seen_already_says_nothing_again():
    alerts = SpreadAlerts([AT_ONCE])
    seen = records([0.1, 0.8, 0.1])

    first = told(alerts, seen)

    assert first == [("started", 1, 1), ("recovered", 1, 2)]
    assert told(alerts, seen) == []


def test_replayed_seconds_do_not_end_an_incident_that_began_behind_them():
    alerts = SpreadAlerts([AT_ONCE], [Incident("wide", BOOK, START + 5)])

    assert told(alerts, records([0.1] * 5 + [0.8, 0.8, 0.1])) == [("recovered", 5, 7)]


def test_a_quiet_book_is_known_until_it_is_carried_for_too_long():
    seen = [record(0, 0.1), *(record(n, 0.1, source=Origin.CARRIED) for n in range(1, 30)), record(30, 0.1)]

    assert told(SpreadAlerts([NO_DATA]), seen) == [("started", 1, 20), ("recovered", 1, 30)]


def test_a_quiet_book_s_spread_lasts():
    seen = [record(0, 0.8), record(1, 0.8, source=Origin.CARRIED), record(2, 0.8, source=Origin.CARRIED)]

    assert told(SpreadAlerts([RULE]), seen) == [("started", 0, 2)]


def test_a_side_without_orders_is_no_spread():
    no_asks = [Record(START + n, BOOK, bid=1.0, source=Origin.WS) for n in range(5)]

    assert told(SpreadAlerts([AT_ONCE]), no_asks) == []


def test_books_and_thresholds_are_apart():
    rules = [AT_ONCE, SpreadRule("wider", BOOK, Threshold(1.0)), SpreadRule("wide", "usd_mxn", Threshold(0.5))]
    seen = [record(0, 2.0), record(0, 0.1, "usd_mxn"), record(0, 9.0, "eth_mxn")]

    events = SpreadAlerts(rules).observe(seen)

    assert [(event.rule, event.subject) for event in events] == [("wide", BOOK), ("wider", BOOK)]


def test_two_recorders_say_the_same_event():
    first, second = (SpreadAlerts([RULE, NO_DATA], instance=name) for name in ("a", "b"))
    seen = records(runs((0.8, 5), (GAP, 8), (0.1, 2)))

    ids = [[event.id for one in seen for event in alerts.observe([one])] for alerts in (first, second)]

    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 4


def test_events_say_numbers_and_words():
    alerts = SpreadAlerts([AT_ONCE])

    start, over = (alerts.observe([one])[0] for one in records([0.8, 0.2]))

    assert start.title == "Wide spread: btc_mxn over 0.5 %"
    assert start.text == "The spread of btc_mxn is 0.8 %, over 0.5 % since 2022-04-30T04:10:26+00:00."
    assert start.details == {
        **{"book": BOOK, "bid": 992.0, "ask": 1000.0, "threshold": 0.5, "seconds": 1},
        **{"spread": pytest.approx(0.8), "widest": pytest.approx(0.8)},
    }
    assert over.text == "The spread of btc_mxn is 0.2 %; it was over 0.5 % for 1 s, at most 0.8 %."
    assert over.incident == start.incident
    assert over.id != start.id


def test_declared_rules_or_thresholds_of_one_s_own():
    declared = rules_for(["btc_mxn"])
    own = rules_for(["eth_mxn"], [0.25])

    assert [one.rule for one in declared] == [
        *("wide_spread_over_1", "wide_spread_over_0.5", "wide_spread_over_0.1"),
        "no_data",
    ]
    assert own[0] == SpreadRule("wide_spread_over_0.25", "eth_mxn", own[0].threshold)
    assert own[0].threshold.over == 0.25
    assert own[0].threshold.clears_below < 0.25
    assert rules_for(["eth_mxn"])[0].rule == "no_data"
