"""Asset checks generated for every feature view: its contract, and the proof that it does not look ahead."""

from datetime import datetime
from random import Random
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.defs.contract_check import build_contract_check
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.declaration import FeatureView, Frames
from cryptodudez_assets.features.proofs import Difference, look_ahead, perturb
from cryptodudez_assets.lake.lake import Lake

MOMENTS = 2
SAMPLED_KEYS = 50


def build_feature_checks(view: FeatureView) -> list[dg.AssetChecksDefinition]:
    """All checks of a view."""
    checks = [build_contract_check(view.table, view.contract, [*view.key, "event_ts"], view.version)]
    if view.versions:
        versions = [*view.key, "event_ts", "known_ts"]
        checks.append(build_contract_check(view.history, view.contract, versions, view.version))
    return [*checks, _no_look_ahead(view)]


def _no_look_ahead(view: FeatureView) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(view.table),
        name="no_look_ahead",
        description="What was known at random moments is the same when everything that became known later is taken "
        "away, or is something else. Computed on the real tables, for some keys where these are large.",
    )
    def no_look_ahead(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        found = prove(lake.open(), view, Random(context.run.run_id))
        differing = {moment: differences for moment, differences in found.items() if differences}
        examples: dict[str, Any] = {moment: [str(one) for one in some[:5]] for moment, some in differing.items()}
        return dg.AssetCheckResult(
            passed=not differing,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"looks ahead at {', '.join(differing)}" if differing else f"proven at {', '.join(found)}",
            metadata={"differences": examples},
        )

    return no_look_ahead


def prove(lake: Lake, view: FeatureView, random: Random) -> dict[str, list[Difference]]:
    """Differences at random moments between the first and the last knowledge of the inputs, by moment."""
    scans = {one.table: lake.tables.scan(one.table) for one in view.inputs}
    frames: Frames = {table: rows for table, rows in scans.items() if rows is not None}
    if len(frames) < len(view.inputs):
        return {}
    if view.rows_back is not None:
        frames = _of_some_keys(view, frames, random)
    known = [frames[one.table].select(pl.col(one.known).alias("known")) for one in view.inputs]
    first, last = pl.concat(known).select(first=pl.col("known").min(), last=pl.col("known").max()).collect().row(0)
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return {}
    moments = [first + (last - first) * random.uniform(0.2, 0.95) for _ in range(MOMENTS)]
    return {
        f"{moment:%Y-%m-%d %H:%M}": look_ahead(view, frames, moment) + perturb(view, frames, moment)
        for moment in moments
    }


def _of_some_keys(view: FeatureView, frames: Frames, random: Random) -> Frames:
    """The inputs for a sample of the keys: rows of one key depend on no other."""
    first = frames[view.inputs[0].table].select(view.key).unique().collect().sort(view.key)
    sample = first.sample(min(SAMPLED_KEYS, len(first)), seed=random.randrange(2**32)).lazy()
    return {table: rows.join(sample, on=view.key, how="semi") for table, rows in frames.items()}
