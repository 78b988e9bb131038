"""Whatever a book does: starts and recoveries alternate, cool-downs are held, and restarts change nothing of that."""

from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.declared_rules.declaration import NoData, Threshold
from cryptodudez_assets.notifications.event import Event, Incident
from cryptodudez_assets.recorder.alert_rules import NoDataRule, SpreadRule
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets_tests.spreads import BOOK, record

thresholds = st.builds(
    lambda over, ratio, for_seconds, quiet_for: Threshold(over, over * ratio, for_seconds, quiet_for),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.sampled_from([0.5, 0.9, 1.0]),
    st.integers(1, 4),
    st.integers(0, 12),
)
spreads = st.lists(st.one_of(st.none(), st.sampled_from([0.04, 0.09, 0.1, 0.3, 0.6, 2.0])), min_size=1, max_size=120)
origins = st.lists(st.sampled_from([Origin.WS, Origin.CARRIED]), min_size=120, max_size=120)
cuts = st.sets(st.integers(0, 120), max_size=5)


def events_of(rule: SpreadRule | NoDataRule, seen: list, cuts: set[int]) -> list[Event]:
    """What is said, with restarts before these seconds: then only what the last events say is known."""
    alerts, events = SpreadAlerts([rule]), []
    for n, one in enumerate(seen):
        if n in cuts:
            alerts = SpreadAlerts([rule], last_incident(events))
        events += alerts.observe([one])
    return events


def last_incident(events: list[Event]) -> list[Incident]:
    starts = [event for event in events if event.kind == "started"]
    over = {event.started_at: event.at for event in events if event.kind == "recovered"}
    return [Incident(one.rule, one.subject, one.started_at, over.get(one.started_at)) for one in starts[-1:]]


@given(thresholds, spreads, cuts)
def test_spreads(threshold: Threshold, told: list[float | None], cuts: set[int]):
    seen = [record(n, spread) for n, spread in enumerate(told)]

    events = events_of(SpreadRule("wide", BOOK, threshold), seen, cuts)

    _alternate(events)
    by_second = {one.second: spread for one, spread in zip(seen, told, strict=True)}
    for start, over in zip(events[::2], events[1::2], strict=False):
        assert by_second[over.at] < threshold.clears_below
        assert all(
            by_second[second] is None or by_second[second] >= threshold.clears_below
            for second in range(start.at, over.at)
            if second > start.started_at
        )
    for start in events[::2]:
        lasted = [by_second[second] for second in range(start.started_at, start.at + 1)]
        assert len(lasted) == threshold.for_seconds
        assert all(spread is not None and spread > threshold.over for spread in lasted)
    for over, again in zip(events[1::2], events[2::2], strict=False):
        assert again.started_at > over.at + threshold.quiet_for


@given(thresholds, spreads, st.data())
def test_seen_once_more_from_the_start_it_goes_on_exactly(
    threshold: Threshold, told: list[float | None], data: st.DataObject
):
    """Whatever of the events was put before a kill."""
    rule, seen = SpreadRule("wide", BOOK, threshold), [record(n, spread) for n, spread in enumerate(told)]
    whole = events_of(rule, seen, set())
    put = data.draw(st.integers(0, len(whole)))

    again = [event for one in [SpreadAlerts([rule], last_incident(whole[:put]))] for event in one.observe(seen)]

    assert [event.id for event in again] == [event.id for event in whole[put:]]


@given(thresholds, spreads)
def test_no_incident_is_overlooked(threshold: Threshold, told: list[float | None]):
    """Without cool-down and restarts, wherever a spread is over the threshold for long enough an incident is open."""
    rule = SpreadRule("wide", BOOK, Threshold(threshold.over, threshold.clear_below, threshold.for_seconds))
    alerts, is_open, lasting = SpreadAlerts([rule]), False, 0
    for n, spread in enumerate(told):
        for event in alerts.observe([record(n, spread)]):
            is_open = event.kind == "started"
        lasting = lasting + 1 if spread is not None and spread > threshold.over else 0
        assert is_open or lasting < threshold.for_seconds


@given(st.integers(1, 10), st.integers(1, 30), st.integers(0, 12), spreads, origins, cuts)
def test_no_data(
    gap: int, carried: int, quiet_for: int, told: list[float | None], sources: list[Origin], cuts: set[int]
):
    seen = [record(n, spread, source=source) for n, (spread, source) in enumerate(zip(told, sources, strict=False))]
    rule = NoDataRule("no_data", BOOK, NoData(gap, carried), quiet_for=quiet_for)

    events = events_of(rule, seen, cuts)

    _alternate(events)
    heard = {one.second for one in seen if not one.is_gap and one.source != Origin.CARRIED}
    for start in events[::2]:
        assert not heard & set(range(start.started_at, start.at + 1))
    for over in events[1::2]:
        assert over.at in heard
    for over, again in zip(events[1::2], events[2::2], strict=False):
        assert again.started_at > over.at + quiet_for


def _alternate(events: list[Event]) -> None:
    kinds = [str(event.kind) for event in events]
    assert kinds == (["started", "recovered"] * len(kinds))[: len(kinds)]
    for start, over in zip(events[::2], events[1::2], strict=False):
        assert start.incident == over.incident
        assert start.started_at <= start.at <= over.at
    starts = [event.started_at for event in events[::2]]
    assert starts == sorted(set(starts))
