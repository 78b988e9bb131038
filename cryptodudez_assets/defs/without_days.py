"""Lets a run for no days compute a table of days from another table of days.

To note an input's version, Dagster (1.13) asks which of its partitions belong to the run's. Where both tables have partitions and the
run is for none, as all automatic runs are, it finds no answer and fails the step before it begins. It has an answer for inputs
without partitions, the version as a whole, and that is what such a run reads.
"""

from dagster._core.execution.context.system import StepExecutionContext

_has_days = StepExecutionContext.has_asset_partitions_for_input


def _has_days_of_the_run(self: StepExecutionContext, input_name: str) -> bool:
    """Whether the input has partitions, and it can be said which of them the run is about."""
    return (self.has_partitions or self.entity_partitions_def is None) and _has_days(self, input_name)


def allow_runs_without_days() -> None:
    """Have this process answer so; again changes nothing."""
    StepExecutionContext.has_asset_partitions_for_input = _has_days_of_the_run  # type: ignore[method-assign]
