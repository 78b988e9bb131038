"""What a run did, in a line or two for the terminal of `cryptodudez up`. All of it is in the Dagster UI."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType

NAMED = 3
CHARACTERS = 200
READ, FILES, ASIDE = "rows_read_now", "files_now", "quarantined_now"


def lines_of(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    """What came in, what was made anew, or why it failed."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return
    if run.status != dg.DagsterRunStatus.SUCCESS:
        yield f"run {run_id[:8]} {run.status.value.lower()}: {_reason(instance, run_id)}; see it in the Dagster UI"
    made = [event.step_materialization_data.materialization for event in _events(instance, run_id, MADE)]
    numbers = {".".join(one.asset_key.path): {name: told.value for name, told in one.metadata.items()} for one in made}
    for table, told in numbers.items():
        if told.get(FILES) and not table.endswith("_observations"):
            yield f"{table}: {told[READ]:,} rows read from {_counted(told[FILES], 'file')}"
        if told.get(ASIDE):
            yield f"{table}: {_counted(told[ASIDE], 'row')} set aside"
    others = [table for table, told in numbers.items() if FILES not in told and not table.startswith(OF_SOURCES)]
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        yield f"made anew: {', '.join(others[:NAMED])}{more}"


MADE = {DagsterEventType.ASSET_MATERIALIZATION}
FAILED = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
OF_SOURCES = ("raw.", "catalog.files.", "quarantine.")


def _events(instance: dg.DagsterInstance, run_id: str, of: set[DagsterEventType]) -> Iterator[DagsterEvent]:
    for entry in instance.all_logs(run_id, of_type=of):
        yield entry.get_dagster_event()


def _reason(instance: dg.DagsterInstance, run_id: str) -> str:
    for event in _events(instance, run_id, FAILED):
        error = event.step_failure_data.error if event.is_step_failure else None
        error = error.cause if error and error.cause else error  # Dagster wraps what was raised
        said = (error.message if error else event.message) or ""
        return f"{event.step_key or ''}: {' '.join(said.split())[:CHARACTERS]}".removeprefix(": ")
    return "no reason given"


def _counted(number: object, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
