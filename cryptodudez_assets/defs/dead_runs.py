"""Runs whose process died without a word: Dagster takes them for running, and whoever waits for them waits for ever.

A run of ours holds a lock that the system releases when its process dies, and says in a tag that it took it: one that says so
and whose lock is free is over. What is not of this lake has no such tag, and is left alone.
"""

import atexit
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from cryptodudez_assets.lake.erasing.registry import ERASING
from cryptodudez_assets.lake.store.locks import RUNS, exclusive, sign_of_life
from cryptodudez_assets.settings import Settings

ALIVE_TAG = "cryptodudez/holds"
WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
GOING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
# Of a run of ours that never came to take its lock: loading code and starting take far less.
START_SECONDS = 600.0
# So long a run that begins waits for whoever erases; then it fails, and is asked for again.
WAITS_SECONDS = START_SECONDS - 60
OURS = (
    "__ASSET_JOB",
    "__anonymous_asset_job",
    "maintenance",
    "check_all_rows",
    "comply",
    "dataproc",
    "ingest_",
    "features",
    "train_",
)


_of_this = threading.local()


def show_life(instance: dg.DagsterInstance, settings: Settings, run_id: str) -> None:
    """Show that a run is alive until its thread begins another, or its process ends. It does not begin while somebody erases.

    Not only until it is done, since Dagster writes that down later than it lets go of what the run was given. Whoever erases waits for
    runs that are alive once nobody can begin: what a run has read before, it might write after. Raises TimeoutError where somebody
    erases for longer than a run may wait.
    """
    end_life()
    _of_this.life = life = ExitStack()
    try:
        with exclusive(settings, ERASING, WAITS_SECONDS):
            is_first = life.enter_context(sign_of_life(settings, _lock(run_id)))
    except TimeoutError:
        told = f"no run begins while somebody erases, which takes longer than {WAITS_SECONDS:.0f} s: run it again"
        raise TimeoutError(told) from None
    if is_first:  # else another process of the same run has it
        instance.add_run_tags(run_id, {ALIVE_TAG: "lock"})


@atexit.register
def end_life() -> None:
    """Let go of what the thread's last run held."""
    if life := getattr(_of_this, "life", None):
        life.close()


def close_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Report runs of ours as failed (or canceled, where somebody asked for that) whose process is gone; says which."""
    suspects = [run for run in _going(instance) if _is_gone(settings, *run)]
    # Looked at again: what was done a moment ago is not gone.
    still = {record.dagster_run.run_id for record, _ in _going(instance)} if suspects else ()
    return [
        _close(instance, record.dagster_run, since) for record, since in suspects if record.dagster_run.run_id in still
    ]


def is_gone(settings: Settings, run: dg.DagsterRun) -> bool:
    """Whether the run's process has shown that it is alive, and is not any more."""
    return ALIVE_TAG in run.tags and _is_free(settings, run.run_id)


def close_left_runs(folder: Path) -> int:
    """In the Dagster folder, cancel runs that wait to be started and close those that are going; how many.

    For where every process was ended.
    """
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=[*WAITING, *GOING]))
        for run in runs:
            if run.status in (*WAITING, dg.DagsterRunStatus.CANCELING):
                instance.report_run_canceled(run, "Everything was stopped before it was done; the next start goes on.")
            else:
                instance.report_run_failed(run, "Everything was stopped while it ran; the next start goes on.")
    return len(runs)


def _going(instance: dg.DagsterInstance) -> Iterator[tuple[dg.RunRecord, datetime]]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=GOING)):
        yield record, record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)


def _is_gone(settings: Settings, record: dg.RunRecord, since: datetime) -> bool:
    run = record.dagster_run
    if ALIVE_TAG not in run.tags:
        waited = (datetime.now(UTC) - since).total_seconds()
        return run.job_name.startswith(OURS) and waited > START_SECONDS and _is_free(settings, run.run_id)
    return _is_free(settings, run.run_id)


def _is_free(settings: Settings, run_id: str) -> bool:
    with sign_of_life(settings, _lock(run_id)) as free:
        return free


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, since: datetime) -> str:
    said = f"run {run.run_id}, last heard of {since:%Y-%m-%d %H:%M:%S} UTC, is over: its process is gone"
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, f"{said} (it was to be canceled).")
    else:
        instance.report_run_failed(
            run, f"{said} (killed, or the machine went down). What it left undone is done by the next."
        )
    return said


def _lock(run_id: str) -> str:
    return f"{RUNS}{run_id}"
