"""Dagster's own records stay bounded: routine is forgotten, what is needed to know what is there is not."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.tags import SENSOR_NAME_TAG

from cryptodudez_assets.defs.forgetting import forget_runs, forget_ticks
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.settings import Settings

BY_SENSOR = {SENSOR_NAME_TAG: "some_files"}


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="thing")])
def thing() -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset
def seldom() -> None:
    pass


@dg.asset
def failing() -> None:
    raise RuntimeError("no")


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(dagster_home(settings))) as made:
        yield made


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, tags: dict[str, str] | None = None) -> str:
    told = BY_SENSOR if tags is None else tags
    return dg.materialize([asset], instance=instance, tags=told, raise_on_error=False).run_id


def test_routine_runs_are_forgotten_with_all_that_was_written_of_them(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, SqliteEventLogStorage)
    runs = [run(instance, thing) for _ in range(4)]
    assert Path(storage.path_for_shard(runs[0])).exists()

    assert forget_runs(instance, keep=1) == 3

    assert [one.run_id for one in instance.get_runs()] == runs[3:]
    for run_id in runs[:3]:
        assert not list(Path(storage.path_for_shard(run_id)).parent.glob(f"{run_id}*"))
    with storage.index_connection() as connection:
        (left,) = connection.exec_driver_sql("select count(distinct run_id) from asset_check_executions").one()
        assert left == 1
        (left,) = connection.exec_driver_sql("select count(distinct run_id) from event_logs").one()
        assert left == 1


def test_what_made_or_judged_what_is_there_now_stays_and_so_do_failures_and_what_people_started(
    instance: dg.DagsterInstance,
) -> None:
    kept = [run(instance, seldom), run(instance, failing), run(instance, thing, tags={})]
    forgotten = run(instance, thing)
    newest = run(instance, thing)

    assert forget_runs(instance, keep=0) == 1

    there = {one.run_id for one in instance.get_runs()}
    assert there == {*kept, newest}
    assert forgotten not in there
    assert instance.get_latest_materialization_event(seldom.key) is not None
    check = dg.AssetCheckKey(thing.key, "fine")
    assert instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check].run_id == newest


def test_ticks_and_evaluations_are_forgotten_by_age(instance: dg.DagsterInstance) -> None:
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.remote_origin import RemoteInstigatorOrigin
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus

    origin = _origin()
    assert isinstance(origin, RemoteInstigatorOrigin)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    instance.add_instigator_state(state)
    at = time.time()
    for age, status in [(600, TickStatus.SKIPPED), (60, TickStatus.SKIPPED), (600, TickStatus.SUCCESS)]:
        name, kind = origin.get_id(), InstigatorType.SENSOR
        instance.create_tick(
            TickData(name, "some_files", kind, status, at - age, run_ids=[], selector_id=state.selector_id)
        )

    forget_ticks(instance, at)

    left = {
        (tick.status, round(at - tick.timestamp)) for tick in instance.get_ticks(origin.get_id(), state.selector_id)
    }
    assert left == {(TickStatus.SKIPPED, 60), (TickStatus.SUCCESS, 600)}


def _origin() -> object:
    from dagster._core.remote_origin import (
        GrpcServerCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )

    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="here")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "some_files")
