"""The asset check that feature views have beside those of all derived tables: the spot check of whether one looks ahead."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.automation import hourly
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.features.look_ahead_check import Looked, check, read_for_check
from cryptodudez_assets.features.moments import MOMENTS
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.lake import Lake

NO_LOOK_AHEAD = "no_look_ahead"
EXAMPLES = 5
# All moments of a view take seconds of processor time. Where its table changes again and again, those of one look are followed by
# looks at a few, for so long; each hour there is another at all.
FEW, MEANWHILE = 6, timedelta(minutes=15)
MOMENTS_ASKED, CODE = "moments_asked", "code_hash"
LOOKS_REMEMBERED = 100


def build_look_ahead_check(view: FeatureView) -> dg.AssetChecksDefinition:
    """The check of whether a view looks ahead."""

    @dg.asset_check(
        asset=key_of(view.table),
        name=NO_LOOK_AHEAD,
        automation_condition=hourly,
        description=f"A spot check: at up to {MOMENTS} moments, what was known is the same when everything that became known "
        "later is taken away, or is something else. Computed on the real tables, for some keys where these are large. "
        f"Within {MEANWHILE.total_seconds() / 60:.0f} minutes of such a look that passed, at {FEW} of them. "
        "docs/feature_store.md says how often it finds which leaks, and which it cannot find.",
    )
    def no_look_ahead(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        n = FEW if _passed_lately(context.instance, view) else MOMENTS
        found = spot_check(lake.open(), view, Random(f"{context.run.run_id} {view.name}"), n)
        return dg.AssetCheckResult(
            passed=not found.leaks,
            severity=dg.AssetCheckSeverity.ERROR,
            description=str(found),
            metadata={**found.metadata, MOMENTS_ASKED: n, CODE: view.code_hash},
        )

    return no_look_ahead


def _passed_lately(instance: dg.DagsterInstance, view: FeatureView) -> bool:
    """Whether all moments of the view, by its code of now, were looked at a short while ago, and nothing was found since."""
    key = dg.AssetCheckKey(key_of(view.table), NO_LOOK_AHEAD)
    for record in instance.event_log_storage.get_asset_check_execution_history(key, LOOKS_REMEMBERED):
        look = record.evaluation
        if not isinstance(look, dg.AssetCheckEvaluation):  # this one, or one that died
            continue
        told = {name: value.value for name, value in look.metadata.items()}
        if not look.passed or told.get(CODE) != view.code_hash:
            return False
        if told.get(MOMENTS_ASKED) == MOMENTS:
            return datetime.now(UTC).timestamp() - record.create_timestamp < MEANWHILE.total_seconds()
    return False


@dataclass(frozen=True)
class SpotCheck:
    """What the spot check of a view looked at, and what it found."""

    looked: list[Looked]
    keys: str
    snapshots: dict[str, int | None]

    @property
    def leaks(self) -> list[Looked]:
        """The moments at which the view looks ahead."""
        return [looked for looked in self.looked if looked.compared.differences]

    def __str__(self) -> str:
        if not self.looked:
            return "no moment to look at: nothing became known after the first rows of all inputs"
        if self.leaks:
            times = ", ".join(f"{looked.moment.time:%Y-%m-%d %H:%M}" for looked in self.leaks[:EXAMPLES])
            return f"looks ahead at {len(self.leaks)} of {len(self.looked)} moments: {times}"
        return f"does not look ahead at any of {len(self.looked)} moments"

    @property
    def metadata(self) -> dict[str, Any]:
        """The same in numbers, for the UI."""
        return {
            "moments": dict(Counter(looked.moment.kind for looked in self.looked)),
            "rows_compared": sum(looked.compared.rows for looked in self.looked),
            "keys": self.keys,
            "snapshots": {table: str(snapshot_id) for table, snapshot_id in self.snapshots.items()},
            "differences": {
                f"{looked.moment.time:%Y-%m-%d %H:%M:%S} ({looked.moment.kind})": [
                    str(one) for one in looked.compared.differences[:EXAMPLES]
                ]
                for looked in self.leaks[:EXAMPLES]
            },
        }


def spot_check(lake: Lake, view: FeatureView, random: Random, n: int = MOMENTS) -> SpotCheck:
    """Look at the view at `n` moments on its inputs as they are now: each is read once, from one snapshot, for all moments."""
    tables = {one.table: lake.tables.table(one.table) for one in view.inputs}
    snapshots = {name: TableAt(table) for name, table in tables.items() if table is not None}
    if not set(view.needs(snapshots.__contains__)) <= set(snapshots):
        return SpotCheck([], "none", {})
    rows, keys = read_for_check(view, {name: snapshot.scan() for name, snapshot in snapshots.items()}, random)
    ids = {name: table.metadata.current_snapshot_id for name, table in tables.items() if table is not None}
    return SpotCheck(list(check(view, rows, random, n)), keys, ids)
