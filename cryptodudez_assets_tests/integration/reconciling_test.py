"""The sensor that follows the state of the lake: it asks once for what is behind, not for what is under way or held back."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.dead_runs import ALIVE_TAG
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.reconciling import NAME
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.up_to_date import NAME as UP_TO_DATE
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.builders import READINGS, csv, rows_of, take_in
from cryptodudez_assets_tests.toy_graph import DAYS, SENSOR_DAYS, SOURCES, VIEWS

INVENTORY = dg.AssetCheckKey(dg.AssetKey(["catalog", "tables"]), UP_TO_DATE)


class Daemon:
    """Ticks the sensor and carries out what it asks for."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.cursor: str | None = None
        self.resource = LakeResource(home=str(lake.settings.home))
        self.definitions = build_definitions(SOURCES.values(), VIEWS, self.resource)
        self.instance = dg.DagsterInstance.ephemeral()
        self.job = self.definitions.resolve_implicit_global_asset_job_def()

    def tick(self) -> dg.SensorResult:
        sensor = next(one for one in self.definitions.sensors or () if one.name == NAME)
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def make(self, keys) -> dg.ExecuteInProcessResult:
        return self.job.execute_in_process(instance=self.instance, asset_selection=list(keys), raise_on_error=False)

    def land(self, name: str, content: bytes) -> None:
        path = Path(self.lake.settings.lake) / "raw" / READINGS.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        take_in(self.lake)


@pytest.fixture
def daemon(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    monkeypatch.setattr("cryptodudez_assets.defs.reconciling.PATIENCE", timedelta(0))
    made = Daemon(lake)
    made.land("a.csv", csv("s", range(60)))
    return made


def test_it_asks_once_for_all_that_is_behind_and_for_the_checks_of_their_inputs(daemon: Daemon) -> None:
    (first,), (second,) = daemon.tick().run_requests, daemon.tick().run_requests

    assert first.run_key == second.run_key  # Dagster carries out a key once
    assert {key_of(READINGS.table), key_of(SENSOR_DAYS.table), key_of(DAYS.table)} <= set(first.asset_selection)
    assert daemon.make(first.asset_selection).success
    assert daemon.tick().skip_reason.skip_message == "nothing is behind"


def test_what_changed_again_is_asked_for_again(daemon: Daemon) -> None:
    (first,) = daemon.tick().run_requests
    assert daemon.make(first.asset_selection).success

    daemon.land("b.csv", csv("s", range(60, 120)))
    (second,) = daemon.tick().run_requests

    assert second.run_key != first.run_key  # Dagster would not carry out the same one twice
    assert daemon.make(second.asset_selection).success
    daemon.land("c.csv", csv("s", range(120, 180)))
    (third,) = daemon.tick().run_requests
    assert third.run_key != second.run_key


def test_where_nothing_was_committed_it_does_not_look_again_for_a_while(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.make(daemon.tick().run_requests[0].asset_selection)
    daemon.tick()

    assert "nothing was committed" in daemon.tick().skip_reason.skip_message
    monkeypatch.setattr("cryptodudez_assets.defs.reconciling.LOOK_AGAIN", timedelta(0))
    assert daemon.tick().skip_reason.skip_message == "nothing is behind"
    daemon.land("b.csv", csv("s", range(60, 120)))
    monkeypatch.undo()
    assert daemon.tick().run_requests


def test_it_is_not_said_to_be_late_while_it_is_only_just_behind(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptodudez_assets.defs.reconciling.PATIENCE", timedelta(hours=1))

    result = daemon.tick()

    assert result.run_requests
    assert not result.asset_events


def test_what_is_under_way_is_not_asked_for_until_its_run_is_over_or_dead(daemon: Daemon) -> None:
    started = {"status": dg.DagsterRunStatus.STARTED, "asset_selection": {key_of(READINGS.table)}}
    run = daemon.instance.create_run_for_job(daemon.job, **started)
    asked = [key for request in daemon.tick().run_requests or () for key in request.asset_selection]
    assert not {key_of(SENSOR_DAYS.table), key_of(DAYS.table)} & set(asked)

    daemon.instance.add_run_tags(run.run_id, {ALIVE_TAG: "lock"})  # which nobody holds

    (request,) = daemon.tick().run_requests
    assert key_of(SENSOR_DAYS.table) in request.asset_selection
    assert daemon.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


def test_what_stands_on_an_unsound_table_is_held_back(daemon: Daemon) -> None:
    with daemon.lake.tables.changing(table_spec(READINGS)) as change:
        bad = rows_of(daemon.lake, READINGS.table).head(1)
        change.add(bad)  # its key is there already
    assert not daemon.make([key_of(READINGS.table)]).success

    asked = [key for request in daemon.tick().run_requests or () for key in request.asset_selection]

    assert not {key_of(SENSOR_DAYS.table), key_of(DAYS.table)} & set(asked)


def test_the_standing_check_says_what_is_behind_and_then_that_nothing_is(daemon: Daemon) -> None:
    result = daemon.tick()
    (told,) = result.asset_events
    assert not told.passed
    assert SENSOR_DAYS.table in told.description
    assert ", since 20" in told.metadata[SENSOR_DAYS.table].value
    assert daemon.tick().asset_events == []  # said once

    daemon.make(result.run_requests[0].asset_selection)

    (told,) = daemon.tick().asset_events
    assert told.passed
    in_a_run = daemon.make([INVENTORY.asset_key]).get_asset_check_evaluations()
    assert next(one for one in in_a_run if one.check_name == UP_TO_DATE).passed
