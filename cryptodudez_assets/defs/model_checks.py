"""What is checked about each signal: its training set can be made again, its candidate is better, its champion loads, what was served
stood on the features that the lake has.
"""

from collections.abc import Iterable

import dagster as dg

from cryptodudez_assets.contracts.scored_signals import ScoredSignals
from cryptodudez_assets.contracts.trials import Trials
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.defs.automation import once_a_day
from cryptodudez_assets.defs.loads_check import build_loads_check
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.model_assets import signals_over
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.record import stored

EXAMPLES = 5
"""Receipts that a check names."""


def build_model_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """The checks of the signals over these views."""
    models = signals_over(views)
    if not models:
        return []
    of_ledger = build_table_checks(
        ledger.SPEC.name, Trials, ["run", "recipe", "parameters"], training_set.code_hash(models[0])
    )
    return [*of_ledger, *(check for model in models for check in _checks(model))]


def _checks(model: SignalModel) -> list[dg.AssetChecksDefinition]:
    table, code_hash = model.training_set, training_set.code_hash(model)
    return [
        *build_table_checks(table, training_contract(model), ["event_ts"], code_hash),
        _rebuilds_exactly(model),
        _better_than_champion(model),
        build_loads_check(key_of(model.champion), model.name),
        _no_drift(model),
        *build_table_checks(model.record, ScoredSignals, ["receipt_id"], stored.contract_hash()),
        _online_is_offline(model),
    ]


def _rebuilds_exactly(model: SignalModel) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(model.training_set),
        description="Built again from the snapshots that it records, the training set is the same, row for row.",
    )
    def rebuilds_exactly(lake: LakeResource) -> dg.AssetCheckResult:
        """Rebuild and compare."""
        opened = lake.open()
        if opened.tables.table(model.training_set) is None:
            return dg.AssetCheckResult(passed=True, description="there is no training set yet")
        same = training_set.rebuild(opened, model).equals(training_set.read(opened, model).rows)
        said = "the same rows" if same else "other rows: features or labels depend on something that is not recorded"
        return dg.AssetCheckResult(passed=same, description=said)

    return rebuilds_exactly


def _better_than_champion(model: SignalModel) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(model.asset),
        blocking=True,
        description="The newest candidate has skill and is better than the champion by more than noise. Where it is not, the champion "
        "stays; that is a warning, since finding no skill is a sound result.",
    )
    def better_than_champion(lake: LakeResource) -> dg.AssetCheckResult:
        """Apply the rules of promotion."""
        from cryptodudez_assets.models.signal.promoting import decide, newest_candidate

        registry = registry_of(lake.open().settings, model)
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

    return better_than_champion


def _no_drift(model: SignalModel) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(model.drift),
        description="The latest days, and the rows that people sent, are like those that the champion was judged on. If not, it warns, "
        "and the models are trained again.",
    )
    def no_drift(lake: LakeResource) -> dg.AssetCheckResult:
        """The latest look, as it was written down."""
        from cryptodudez_assets.models.signal.drifting import latest_look

        looked = latest_look(lake.open(), model)
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

    return no_drift


def _online_is_offline(model: SignalModel) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(model.record),
        name="online_is_offline",
        automation_condition=once_a_day,
        description="The features that the signals of the last days were served from are computed again from the feature store, as "
        "known then, and are the same to the last bit. Those that the record compared before, and whose snapshots are gone, count "
        "as they were found.",
    )
    def online_is_offline(lake: LakeResource) -> dg.AssetCheckResult:
        """Compute them again."""
        from cryptodudez_assets.models.signal.record.looking import LOOKED_BACK, look

        found = look(lake.open(), model)
        return dg.AssetCheckResult(
            passed=not found.differing,
            severity=dg.AssetCheckSeverity.ERROR,
            description=str(found),
            metadata={
                "days": LOOKED_BACK.days,
                "compared": found.compared,
                "differing": len(found.differing),
                "not_compared": found.not_compared,
                "receipts": found.differing[:EXAMPLES],
                **({} if found.mismatch_rate is None else {"mismatch_rate": found.mismatch_rate}),
            },
        )

    return online_is_offline
