"""What Dagster and the lake know reaches the outbox, by the sensor and by headless runs alike, and is told once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandera.polars as pa
import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.contracts.base import Contract, UtcTime, polars_schema
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_rules import rules_about
from cryptodudez_assets.declared_rules.declaration import DecisionChanged, NoRecords
from cryptodudez_assets.defs import watching
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.notifying import NAME
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.watching import look, watched_checks
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal.deciding import Decided
from cryptodudez_assets.notifications.event import Event
from cryptodudez_assets.notifications.notifier import open_outbox
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.recorder.dead_man import TABLE, silent_books
from cryptodudez_assets_tests.builders import READINGS, csv
from cryptodudez_assets_tests.toy_graph import SOURCES

CONTRACT = dg.AssetCheckKey(key_of(READINGS.table), "contract")
FRESH = dg.AssetCheckKey(key_of(READINGS.table), "fresh")


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture
def outbox(lake: Lake) -> Outbox:
    return open_outbox(lake.settings)


@pytest.fixture
def definitions(lake: Lake) -> dg.Definitions:
    return build_definitions(SOURCES.values(), (), LakeResource(home=str(lake.settings.home)))


@pytest.fixture
def says(instance: dg.DagsterInstance) -> Callable[..., None]:
    """Have a check say something: `says(CONTRACT, passed=False)`."""

    def say(key: dg.AssetCheckKey, passed: bool, severity: str = "ERROR") -> None:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=passed,
            metadata={},
            severity=dg.AssetCheckSeverity[severity],
            description="2 rows break a rule",
        )
        instance.report_runless_asset_event(evaluation)

    return say


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.rule, event.subject, str(event.kind)) for event in events]


def test_a_failed_blocking_check_is_told_once_and_so_is_that_it_passes_again(
    lake: Lake, instance: dg.DagsterInstance, outbox: Outbox, definitions: dg.Definitions, says: Callable[..., None]
):
    checks = watched_checks(definitions.asset_checks or ())
    about = f"{READINGS.table} contract"

    says(CONTRACT, False)
    first, again = look(instance, lake, outbox, checks, []), look(instance, lake, outbox, checks, [])
    says(CONTRACT, True)
    over = look(instance, lake, outbox, checks, [])

    assert told(first) == [("failed_check", about, "started")]
    assert again == []
    assert told(over) == [("failed_check", about, "recovered")]
    assert over[0].incident == first[0].incident
    assert first[0].text == "2 rows break a rule"


def test_what_fails_again_within_the_second_is_another_incident(
    lake: Lake, instance: dg.DagsterInstance, outbox: Outbox, definitions: dg.Definitions, says: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    checks = watched_checks(definitions.asset_checks or ())
    later = datetime.now(UTC) + timedelta(seconds=5)
    new = []
    for passed in (False, True, False):
        says(CONTRACT, passed)
        new += look(instance, lake, outbox, checks, [])
    monkeypatch.setattr(watching, "now", lambda: later)
    new += look(instance, lake, outbox, checks, [])

    assert [kind for *_, kind in told(new)] == ["started", "recovered", "started"]
    assert len({event.id for event in new}) == 3


def test_warnings_fail_nothing_but_old_data_are_told(
    lake: Lake, instance: dg.DagsterInstance, outbox: Outbox, definitions: dg.Definitions, says: Callable[..., None]
):
    says(CONTRACT, False, "WARN")
    says(FRESH, False, "WARN")

    events = look(instance, lake, outbox, watched_checks(definitions.asset_checks or ()), [])

    assert told(events) == [("stale_data", READINGS.table, "started")]


def test_a_check_that_is_not_there_any_more_fails_no_more(
    lake: Lake, instance: dg.DagsterInstance, outbox: Outbox, definitions: dg.Definitions, says: Callable[..., None]
):
    checks = watched_checks(definitions.asset_checks or ())
    says(CONTRACT, False)
    look(instance, lake, outbox, checks, [])

    events = look(instance, lake, outbox, [one for one in checks if one.key != CONTRACT], [])

    assert told(events) == [("failed_check", f"{READINGS.table} contract", "recovered")]


def test_drift_of_every_signal_is_watched():
    from cryptodudez_assets.definitions import defs

    watched = watched_checks(defs().asset_checks or ())

    assert {one.subject for one in watched if one.rule.name == "drift"} == {
        model.drift for model in models_of_kind(SignalModel)
    }
    assert {one.rule.name for one in watched} == {"failed_check", "stale_data", "low_quality", "drift"}


def test_a_changed_decision_is_told_each_time_it_changes(
    lake: Lake, outbox: Outbox, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    [model, *_] = models_of_kind(SignalModel)
    since = datetime(2026, 11, 26, tzinfo=UTC)
    events = []
    for decision in ("HODL", "BUY", "BUY", "SELL", "HODL", "BUY"):
        decided = Decided(decision, since, "eth_signal-3", [])
        monkeypatch.setattr("cryptodudez_assets.models.signal.deciding.decision_now", lambda *_, now=decided: now)
        events += look(instance, lake, outbox, [], [model])

    assert [event.details["decision"] for event in events] == ["BUY", "SELL", "HODL", "BUY"]
    assert len({event.id for event in events}) == 4
    assert outbox.incidents() == []
    assert rules_about(DecisionChanged)


def test_the_sensor_puts_and_sends(
    lake: Lake, instance: dg.DagsterInstance, definitions: dg.Definitions, says: Callable[..., None]
):
    says(CONTRACT, False)
    sensor = next(one for one in definitions.sensors or () if one.name == NAME)

    first, second = (sensor(dg.build_sensor_context(instance)) for _ in range(2))

    assert first.skip_message == "1 new events, 1 sent, 0 not delivered"
    assert second.skip_message == "0 new events, 0 sent, 0 not delivered"
    assert "failed_check" in (lake.settings.logs / "notifications.log").read_text()


def test_a_headless_run_says_what_the_sensor_would_say(
    lake: Lake, drop: Callable[[str, str, bytes], Path], definitions: dg.Definitions
):
    drop(READINGS.name, "a.csv", csv("s", range(60)))
    assert run_pending(lake, [READINGS.name], Console(quiet=True), SOURCES, [])
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=CONTRACT.asset_key, check_name=CONTRACT.name, passed=False, metadata={}, description="bad"
        )
        instance.report_runless_asset_event(evaluation)
        sensor = next(one for one in definitions.sensors or () if one.name == NAME)
        sensor(dg.build_sensor_context(instance))
    outbox = open_outbox(lake.settings)
    before = [one.event.id for one in outbox.deliveries() if one.event.rule == "failed_check"]

    drop(READINGS.name, "b.csv", csv("s", range(60, 120)))
    run_pending(lake, [READINGS.name], Console(quiet=True), SOURCES, [])

    failed = [one.event for one in outbox.deliveries() if one.event.rule == "failed_check"]
    assert len(before) == 1
    assert sorted(str(event.kind) for event in failed) == ["recovered", "started"]
    assert len({event.incident for event in failed}) == 1


class Spreads(Contract):
    """Seconds of books."""

    book: str = pa.Field(description="Book.")
    event_ts: UtcTime = pa.Field(description="Second.")


def test_a_book_that_nobody_records_any_more_is_told(
    lake: Lake, instance: dg.DagsterInstance, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    [(_, condition)] = rules_about(NoRecords)
    start = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert silent_books(lake, condition, start) == []  # nobody ever recorded
    spec = TableSpec(TABLE, Spreads, (), ("book", "event_ts"))
    with lake.tables.changing(spec) as change:
        change.add(pl.DataFrame({"book": ["btc_mxn"], "event_ts": [start]}, schema=polars_schema(Spreads)))

    events = []
    for minutes in (1, 31, 32):
        monkeypatch.setattr(watching, "now", lambda at=start + timedelta(minutes=minutes): at)
        events += look(instance, lake, outbox, [], [])

    assert told(events) == [("no_records", "btc_mxn", "started")]
    assert events[0].started_at == int(start.timestamp()) + 1
    assert "of 2026-11-26 12:00:00 UTC, 31 minutes ago" in events[0].text
