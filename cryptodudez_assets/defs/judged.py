"""What the blocking checks of tables said, and whether they said it of the rows that are there now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dagster as dg

from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake

CONTENT = "content"
"""In the metadata of a check's evaluation: which content of the table it looked at."""

Blocking = Mapping[dg.AssetKey, list[dg.AssetCheckKey]]


@dataclass(frozen=True)
class Judged:
    """Assets by what their blocking checks say: that they are unsound, or nothing yet about what is there now."""

    unsound: set[dg.AssetKey] = field(default_factory=set)
    unchecked: set[dg.AssetKey] = field(default_factory=set)


def blocking_checks(checks: Iterable[dg.AssetsDefinition]) -> dict[dg.AssetKey, list[dg.AssetCheckKey]]:
    """The blocking ones among these, by asset."""
    found: dict[dg.AssetKey, list[dg.AssetCheckKey]] = {}
    for spec in (spec for definition in checks for spec in definition.check_specs):  # checks are assets to Dagster
        if spec.blocking:
            found.setdefault(spec.asset_key, []).append(spec.key)
    return found


def judged(instance: dg.DagsterInstance, lake: Lake, blocking: Blocking) -> Judged:
    """What is known of the tables that are there. A check that died with its run has said nothing."""
    there = set(lake.tables.names())
    tables = {key: name for key in blocking if (name := ".".join(key.path)) in there}
    contents = {key: content_of(lake.tables.table(name)) for key, name in tables.items()}
    asked = [check for key, content in contents.items() if content is not None for check in blocking[key]]
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(asked)
    found = Judged()
    for check in asked:
        record = records.get(check)
        evaluation = record.evaluation if record else None
        # Of one that was begun only the plan is written down.
        if not isinstance(evaluation, dg.AssetCheckEvaluation) or _of(evaluation) not in (
            None,
            contents[check.asset_key],
        ):
            found.unchecked.add(check.asset_key)
        elif not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR:
            found.unsound.add(check.asset_key)
    return found


def _of(evaluation: dg.AssetCheckEvaluation) -> int | None:
    told = evaluation.metadata.get(CONTENT)
    return int(str(told.value)) if told is not None else None
