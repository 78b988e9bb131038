"""The sensor that keeps Dagster's own records from growing without bound: ticks, evaluations and runs that were routine.

What happened to the data is in the lake's tables, whose upkeep is the job `maintenance`.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.tags import SENSOR_NAME_TAG
from sqlalchemy import func, select

from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.defs.source_assets import BUT_FETCHED

NAME = "forgets"
SECONDS = 30
# A tick that found nothing is of interest while somebody looks at the sensor.
SKIPPED_SECONDS, OTHER_TICKS_SECONDS = 120.0, 24 * 3600.0
EVALUATIONS_SECONDS = 24 * 3600.0
# Of runs that sensors asked for and that went well. Others are kept: those that failed, and those that people started.
ROUTINE_RUNS = 8
AT_ONCE = 25


def build_forgetting_sensor() -> dg.SensorDefinition:
    """The sensor. It never asks for a run."""

    @dg.sensor(
        name=NAME,
        target=BUT_FETCHED,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Forgets old ticks and evaluations, and routine runs that went well but for the last {ROUTINE_RUNS} and those "
        "that made what is there now.",
    )
    def forgets(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        instance = instance_of(context)
        forget_ticks(instance, time.time())
        forgotten = forget_runs(instance)
        return dg.SkipReason(f"{forgotten} runs were forgotten")

    return forgets


def forget_ticks(instance: dg.DagsterInstance, at: float) -> None:
    """Forget ticks and evaluations that are so old at that time; those that failed are left to Dagster's retention."""
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        names = state.instigator_origin_id, state.selector_id
        instance.purge_ticks(*names, at - SKIPPED_SECONDS, [TickStatus.SKIPPED])
        instance.purge_ticks(*names, at - OTHER_TICKS_SECONDS, [TickStatus.SUCCESS])
    if instance.schedule_storage is not None:
        instance.schedule_storage.purge_asset_evaluations(at - EVALUATIONS_SECONDS)


def forget_runs(instance: dg.DagsterInstance, keep: int = ROUTINE_RUNS) -> int:
    """Forget some of the oldest routine runs beyond so many; how many."""
    routine = [run.run_id for run in _routine(instance)][keep:]
    needed = set(_needed(instance)) if routine else set()
    forgotten = [run_id for run_id in reversed(routine) if run_id not in needed][:AT_ONCE]
    for run_id in forgotten:
        instance.delete_run(run_id)
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        _clear_up(instance.event_log_storage, forgotten)
    return len(forgotten)


def _routine(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    """Newest first."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])):
        if SENSOR_NAME_TAG in run.tags:
            yield run


def _needed(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs that made, or looked at, what is there now: without them Dagster would take it for missing."""
    for record in instance.get_asset_records(instance.all_asset_keys()):
        yield from filter(None, [record.asset_entry.last_run_id])
        if record.asset_entry.last_materialization is not None:
            yield record.asset_entry.last_materialization.run_id
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        executions = AssetCheckExecutionsTable.c
        newest = select(func.max(executions.id)).group_by(executions.asset_key, executions.check_name)
        with storage.index_connection() as connection:
            yield from connection.scalars(select(executions.run_id).where(executions.id.in_(newest)))


def _clear_up(storage: SqliteEventLogStorage, forgotten: Sequence[str]) -> None:
    """Remove what Dagster leaves of a run that it deleted: the run's own database, and what checks said."""
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id.in_(forgotten)))
    for run_id in forgotten:
        for ending in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + ending).unlink(missing_ok=True)
