"""What is checked about the Ethereum signal: its training set can be made again, its candidate is better, its champion loads."""

from collections.abc import Iterable

import dagster as dg

from cryptodudez_assets.contracts.trials import Trials
from cryptodudez_assets.defs.automation import DRIFT
from cryptodudez_assets.defs.loads_check import build_loads_check
from cryptodudez_assets.defs.model_assets import CHAMPION, MODEL, TRAINING_SET, training_set_keys
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.eth_signal import training_set
from cryptodudez_assets.models.eth_signal.contract import EthTrainingSet
from cryptodudez_assets.models.eth_signal.options import SIGNAL


def build_model_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """The checks of the models over these views."""
    if not training_set_keys(views):
        return []
    code_hash = training_set.code_hash()
    return [
        *build_table_checks(training_set.SPEC.name, EthTrainingSet, ["event_ts"], code_hash),
        *build_table_checks(ledger.SPEC.name, Trials, ["run", "recipe", "parameters"], code_hash),
        rebuilds_exactly,
        better_than_champion,
        build_loads_check(CHAMPION, SIGNAL),
        no_drift,
    ]


@dg.asset_check(
    asset=TRAINING_SET,
    description="Built again from the snapshots that it records, the training set is the same, row for row.",
)
def rebuilds_exactly(lake: LakeResource) -> dg.AssetCheckResult:
    """Rebuild and compare."""
    opened = lake.open()
    if opened.tables.table(training_set.SPEC.name) is None:
        return dg.AssetCheckResult(passed=True, description="there is no training set yet")
    same = training_set.rebuild(opened).equals(training_set.read(opened).rows)
    said = "the same rows" if same else "other rows: features or labels depend on something that is not recorded"
    return dg.AssetCheckResult(passed=same, description=said)


@dg.asset_check(
    asset=MODEL,
    blocking=True,
    description="The newest candidate has skill and is better than the champion by more than noise. Where it is not, the champion "
    "stays; that is a warning, since finding no skill is a sound result.",
)
def better_than_champion(lake: LakeResource) -> dg.AssetCheckResult:
    """Apply the rules of promotion."""
    from cryptodudez_assets.models.eth_signal.promoting import decide, newest_candidate
    from cryptodudez_assets.models.eth_signal.training import registry_of

    registry = registry_of(lake.open().settings)
    candidate = newest_candidate(registry)
    if candidate is None:
        return dg.AssetCheckResult(passed=True, description="there is no candidate that has not been decided about")
    decision = decide(registry, candidate)
    return dg.AssetCheckResult(
        passed=decision.promote,
        severity=dg.AssetCheckSeverity.WARN,
        description=decision.reason,
        metadata={"candidate": candidate.label},
    )


@dg.asset_check(
    asset=DRIFT,
    description="The latest days, and the rows that people sent, are like those that the champion was judged on. If not, it warns, "
    "and the models are trained again.",
)
def no_drift(lake: LakeResource) -> dg.AssetCheckResult:
    """The latest look, as it was written down."""
    from cryptodudez_assets.models.eth_signal.drifting import latest_look

    looked = latest_look(lake.open())
    drifted = looked.filter("drifted")
    told = [f"{sample}: {column}" for sample, column in drifted.select("sample", "column").iter_rows()]
    return dg.AssetCheckResult(
        passed=drifted.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"unlike the reference: {', '.join(told)}"
        if told
        else "like the reference, or too few rows to say",
        metadata={"columns": len(looked)},
    )
