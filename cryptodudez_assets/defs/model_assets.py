"""Signals as assets, of each that is declared: training set, candidate, champion, report, drift, live record."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.contracts.drift import SAMPLES, DriftLooks
from cryptodudez_assets.contracts.scored_signals import ScoredSignals
from cryptodudez_assets.contracts.trials import Trials
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel
from cryptodudez_assets.defs.automation import (
    on_any_update,
    on_sound_update_of_all,
    passed_its_checks,
    retrain_on_drift,
)
from cryptodudez_assets.defs.column_lineage import Origins, columns
from cryptodudez_assets.defs.metadata import MODELS, contract_schema, key_of, report_link, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import number
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.registry import Held, registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.report import report_name

TRIALS = key_of(ledger.SPEC.name)


def signals_over(views: Iterable[FeatureView]) -> list[SignalModel]:
    """The declared signals whose features are among these views.

    What is trained from them may be left out of a run, for want of days: nothing else should wait for it.
    """
    there = {view.name for view in views}
    return [one for one in models_of_kind(SignalModel) if {view.name for view in inputs_of(one).views} <= there]


def build_model_assets(views: Iterable[FeatureView], api_url: str) -> list[dg.AssetsDefinition]:
    """The signals over these views. `api_url`: where what is reported of them is served."""
    models = signals_over(views)
    made = [build(one) for one in models for build in (_training_set, _champion, _record)]
    reported = [build(one, api_url) for one in models for build in (_report, _drift)]
    return [*made, *reported, _training(models)] if models else []


def _training_set(model: SignalModel) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.training_set),
        deps=[key_of(view.table) for view in inputs_of(model).views],
        description=training_set.spec_of(model).description,
        group_name=MODELS,
        owners=[model.owner],
        kinds={"iceberg", "polars"},
        code_version=training_set.code_hash(model),
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={
            **columns(contract_schema(training_contract(model)), _origins(model)),
        },
    )

    @dg.multi_asset(name=f"build_{model.training_set.rpartition('.')[2]}", specs=[spec])
    def build_training_set(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        made = training_set.update(opened, model)
        if made is None:
            context.log.info(f"{model.training_set} waits for its features")
            return
        labels = made.rows["label"].value_counts(sort=True).drop_nulls()
        yield dg.MaterializeResult(
            asset_key=key_of(model.training_set),
            metadata={
                **table_metadata(opened, model.training_set),
                "made_from_snapshots": {name: str(snapshot) for name, snapshot in made.inputs.items()},
                "labels": dict(labels.iter_rows()),
            },
        )

    return build_training_set


def _training(models: Sequence[SignalModel]) -> dg.AssetsDefinition:
    """One step for all signals, as they write to one ledger: it trains those that are asked for."""
    specs = [
        *(
            dg.AssetSpec(
                key_of(model.asset),
                deps=[key_of(model.training_set)],
                description="Linear and boosted models, judged walk-forward against baselines; the better one is registered as "
                "a candidate. Trained on new data at most once a day, when drift is found, and by hand.",
                group_name=MODELS,
                owners=[model.owner],
                kinds={"scikitlearn", "onnx"},
                skippable=True,
                automation_condition=retrain_on_drift([key_of(model.drift)]),
                metadata={"dagster/column_schema": _signature(model)},
            )
            for model in models
        ),
        dg.AssetSpec(
            TRIALS,
            deps=[key_of(model.training_set) for model in models],
            description=ledger.SPEC.description,
            group_name=MODELS,
            owners=[models[0].owner],
            kinds={"iceberg"},
            skippable=True,
            automation_condition=retrain_on_drift([key_of(model.drift) for model in models]),
            metadata={"dagster/column_schema": contract_schema(Trials)},
        ),
    ]

    @dg.multi_asset(name="train_signals", specs=specs, can_subset=True)
    def train_signals(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened, failed = lake.open(), []
        for model in models:
            if key_of(model.asset) not in context.selected_asset_keys:
                continue
            try:
                told = _train(opened, model, context)
            except Exception as error:  # the other signals are trained all the same
                context.log.error(f"{model.name} could not be trained: {error}")
                failed.append(error)
                continue
            if told is not None:
                yield dg.MaterializeResult(asset_key=key_of(model.asset), metadata=told)
        if TRIALS in context.selected_asset_keys and opened.tables.table(ledger.SPEC.name) is not None:
            yield dg.MaterializeResult(asset_key=TRIALS, metadata=table_metadata(opened, ledger.SPEC.name))
        if failed:
            raise failed[0]

    return train_signals


def _train(lake: Lake, model: SignalModel, context: dg.AssetExecutionContext) -> dict[str, Any] | None:
    """What is told of the version that was registered; None where there is too little to train on."""
    # scikit-learn takes seconds to load, and is needed only here.
    from cryptodudez_assets.models.evaluation.splits import TooFewDays
    from cryptodudez_assets.models.signal.training import LOG, train

    content = content_of(lake.tables.table(model.training_set))
    if content is None:
        context.log.info(f"{model.name} waits for its training set")
        return None
    registry = registry_of(lake.settings, model)
    try:
        trained = train(lake, model, progress=context.log.info)
    except TooFewDays as few:
        rows = lake.tables.scan(model.training_set)
        is_empty = rows is None or rows.head(1).collect().is_empty()
        symbol = model.coin.symbol
        nothing = f"of {symbol} there is no day with a candle and features: does market.crypto_prices have {symbol}? "
        why = f"{nothing if is_empty else ''}{few}"
        context.log.info(f"{model.name} waits for more days: {why}")
        registry.hold(Held(inputs={model.training_set: content}, why=why))
        return None
    manifest = trained.manifest
    return {
        "version": manifest.label,
        "recipe": manifest.recipe,
        "verdict": dg.MetadataValue.md(manifest.verdict.words),
        "trained_on_snapshot": str(manifest.trained_on.snapshot_id),
        "sha256": manifest.files,
        "training_log": dg.MetadataValue.path(registry.uri(manifest.version, LOG)),
        **{name: number(value) for name, value in manifest.metrics.items()},
    }


def _champion(model: SignalModel) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.champion),
        deps=[key_of(model.asset)],
        description="The version that is served: a candidate takes its place only if it has shown skill and is better by "
        "more than noise on the same days; else the champion stays. Before any has, the base rates serve.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"onnx"},
        skippable=True,
        automation_condition=passed_its_checks,
        metadata={"dagster/column_schema": _signature(model)},
    )

    @dg.multi_asset(name=f"promote_{model.name}", specs=[spec])
    def promote(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.signal.promoting import promote_if_better

        registry = registry_of(lake.open().settings, model)
        if not registry.versions():
            context.log.info("there is no model to promote yet")
            return
        done = promote_if_better(registry)
        context.log.info(done)
        champion = registry.champion()
        yield dg.MaterializeResult(
            asset_key=key_of(model.champion),
            metadata={
                "decision": dg.MetadataValue.md(done),
                "champion": champion.label if champion else "none",
                "verdict": registry.verdict(champion.version).label if champion else "none",
            },
        )

    return promote


def _report(model: SignalModel, api_url: str) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.report),
        deps=[key_of(model.asset), key_of(model.champion), key_of(model.record)],
        description="One HTML page for a sceptic: how the newest candidate was judged, against what, what it would have earned "
        "after costs, and what became of the signals that were served.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"html", "matplotlib"},
        skippable=True,
        automation_condition=on_any_update,
        metadata={"report": report_link(api_url, report_name(model))},
    )

    @dg.multi_asset(name=f"report_{model.name}", specs=[spec])
    def report(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.signal import reporting

        written = reporting.write_report(lake.open(), model)
        if written is None:
            context.log.info(f"the report waits for {model.name}")
            return
        pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({uri})") for name, uri in written.pictures.items()}
        yield dg.MaterializeResult(
            asset_key=key_of(model.report),
            metadata={
                "words": dg.MetadataValue.md(written.words),
                **pictures,
                "report_file": dg.MetadataValue.path(written.path),
            },
        )

    return report


def _record(model: SignalModel) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.record),
        deps=[key_of(model.training_set)],
        description="Every signal that was served, from its receipt: its score once the horizon is over, net of costs, beside the "
        "baselines, or why it has none; and whether it stood on the features that the feature store gives.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"iceberg", "polars"},
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={"dagster/column_schema": contract_schema(ScoredSignals)},
    )

    @dg.multi_asset(name=f"keep_record_of_{model.name}", specs=[spec])
    def keep_record(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.signal.record.keeping import update
        from cryptodudez_assets.models.signal.record.summary import summary

        opened = lake.open()
        record = update(opened, model)
        if record is None:
            context.log.info(f"the record of {model.name} waits for its training set, which tells prices")
            return
        told = summary(model, record)
        yield dg.MaterializeResult(
            asset_key=key_of(model.record),
            metadata={
                **table_metadata(opened, model.record),
                "served": told.served,
                "scored": told.scored,
                "unscored": told.unscored,
                "words": dg.MetadataValue.md("\n\n".join(told.words)),
            },
        )

    return keep_record


def _drift(model: SignalModel, api_url: str) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.drift),
        deps=[key_of(model.training_set), key_of(model.champion)],
        description="How unlike its training the champion's latest days are, and the rows that people sent. Thresholds are "
        "calibrated on the training's own days; a replay of the past shows how often an alarm is false.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"iceberg", "scipy"},
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={
            **{f"report_of_{sample}": report_link(api_url, model.drift_page(sample)) for sample in SAMPLES},
            "dagster/column_schema": contract_schema(DriftLooks),
        },
    )

    @dg.multi_asset(name=f"look_for_drift_of_{model.name}", specs=[spec])
    def look_for_drift(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.drift.words import words
        from cryptodudez_assets.models.signal.drifting import look, sent_to

        opened = lake.open()
        looks = look(opened, model)
        if looks is None:
            context.log.info(
                f"no drift of {model.name} to look for: there is no champion, or it was trained on other features"
            )
            return
        yield dg.MaterializeResult(
            asset_key=key_of(model.drift),
            metadata={
                **table_metadata(opened, model.drift),
                "champion": looks.model_version,
                "alarms": looks.alarms,
                **{
                    sample: dg.MetadataValue.md(words(drift, sent_to(model, sample)))
                    for sample, drift in looks.found.items()
                },
                **{f"report_of_{sample}_file": dg.MetadataValue.path(path) for sample, path in looks.pages.items()},
            },
        )

    return look_for_drift


def _signature(model: SignalModel) -> dg.TableSchema:
    """What a model takes and gives."""
    described = {column.name: column.description for column in columns_of(training_contract(model))}
    takes = [dg.TableColumn(name, type="Float32", description=described[name]) for name in inputs_of(model).names]
    gives = [
        dg.TableColumn(f"probability_{name.lower()}", type="Float64", description=f"Of {name}.") for name in CLASSES
    ]
    return dg.TableSchema(columns=takes + gives)


def _origins(model: SignalModel) -> Origins:
    by_name = {view.name: key_of(view.table) for view in inputs_of(model).views}
    pairs = (name.split("__") for name in inputs_of(model).names)
    return {f"{view}__{name}": [dg.TableColumnDep(by_name[view], name)] for view, name in pairs}
