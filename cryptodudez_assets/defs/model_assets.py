"""The Ethereum signal as assets: training set, candidate, champion, report."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.contracts.drift import DriftLooks
from cryptodudez_assets.contracts.trials import Trials
from cryptodudez_assets.defs.automation import DRIFT, on_any_update, on_sound_update_of_all, passed_its_checks, retrain
from cryptodudez_assets.defs.metadata import MODELS, contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.eth_signal import options, training_set
from cryptodudez_assets.models.eth_signal.contract import EthTrainingSet
from cryptodudez_assets.models.eth_signal.inputs import NAMES, VIEWS
from cryptodudez_assets.models.eth_signal.options import CLASSES, SignalOptions
from cryptodudez_assets.models.registry import Held
from cryptodudez_assets.products import look
from cryptodudez_assets.products import models as products

OWNER = "team:quant-research"
TRAINING_SET, TRIALS = key_of(training_set.SPEC.name), key_of(ledger.SPEC.name)
MODEL, CHAMPION, REPORT = map(key_of, (look.MODEL, options.CHAMPION, products.REPORT))


def training_set_keys(views: Iterable[FeatureView]) -> list[dg.AssetKey]:
    """The training sets whose features are there.

    What is trained from them may be left out of a run, for want of days: nothing else should wait for it.
    """
    return [TRAINING_SET] if {view.name for view in VIEWS} <= {view.name for view in views} else []


def build_model_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The models over these views."""
    return [_training_set(), _training(), _champion(), _report(), _drift()] if training_set_keys(views) else []


def _training_set() -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        TRAINING_SET,
        deps=[key_of(view.table) for view in VIEWS],
        description=training_set.SPEC.description,
        group_name=MODELS,
        owners=[OWNER],
        kinds={"iceberg", "polars"},
        code_version=training_set.code_hash(),
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={"dagster/column_schema": contract_schema(EthTrainingSet), "dagster/column_lineage": _lineage()},
    )

    @dg.multi_asset(name="build_eth_training_set", specs=[spec])
    def build_training_set(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        made = training_set.update(opened, SignalOptions())
        if made is None:
            context.log.info("the training set waits for its features")
            return
        labels = made.rows["label"].value_counts(sort=True).drop_nulls()
        yield dg.MaterializeResult(
            asset_key=TRAINING_SET,
            metadata={
                **table_metadata(opened, training_set.SPEC.name),
                "made_from_snapshots": {name: str(snapshot) for name, snapshot in made.inputs.items()},
                "labels": dict(labels.iter_rows()),
            },
        )

    return build_training_set


def _training() -> dg.AssetsDefinition:
    common: dict[str, Any] = {
        "deps": [TRAINING_SET],
        "group_name": MODELS,
        "owners": [OWNER],
        "skippable": True,
        "automation_condition": retrain,
    }
    specs = [
        dg.AssetSpec(
            MODEL,
            description="Linear and boosted models, judged walk-forward against baselines; the better one is registered as "
            "a candidate. Trained on new data at most once a day, when drift is found, and by hand.",
            kinds={"scikitlearn", "onnx"},
            metadata={"dagster/column_schema": _signature()},
            **common,
        ),
        dg.AssetSpec(
            TRIALS,
            description=ledger.SPEC.description,
            kinds={"iceberg"},
            metadata={"dagster/column_schema": contract_schema(Trials)},
            **common,
        ),
    ]

    @dg.multi_asset(name="train_eth_signal", specs=specs, can_subset=True)
    def train_eth_signal(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        # scikit-learn takes seconds to load, and is needed only here.
        from cryptodudez_assets.models.eth_signal.training import LOG, registry_of, train
        from cryptodudez_assets.models.evaluation.splits import TooFewDays

        opened = lake.open()
        content = content_of(opened.tables.table(training_set.SPEC.name))
        if content is None:
            context.log.info("the signal's models wait for the training set")
            return
        registry = registry_of(opened.settings)
        try:
            trained = train(opened, SignalOptions(), context.log.info)
        except TooFewDays as few:
            context.log.info(f"the signal's models wait for more days: {few}")
            registry.hold(Held(inputs={training_set.SPEC.name: content}, why=str(few)))
            return
        manifest = trained.manifest
        told: dict[str, Any] = {
            "version": manifest.label,
            "recipe": manifest.recipe,
            "verdict": dg.MetadataValue.md(manifest.verdict.words),
            "trained_on_snapshot": str(manifest.trained_on.snapshot_id),
            "sha256": manifest.files,
            "training_log": dg.MetadataValue.path(str(registry.path(manifest.version, LOG))),
            **{name: dg.MetadataValue.float(value) for name, value in manifest.metrics.items()},
        }
        for key, metadata in ((MODEL, told), (TRIALS, table_metadata(opened, ledger.SPEC.name))):
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return train_eth_signal


def _champion() -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        CHAMPION,
        deps=[MODEL],
        description="The version that is served: a candidate takes its place only if it has shown skill and is better by "
        "more than noise on the same days; else the champion stays. Before any has, the base rates serve.",
        group_name=MODELS,
        owners=[OWNER],
        kinds={"onnx"},
        skippable=True,
        automation_condition=passed_its_checks,
        metadata={"dagster/column_schema": _signature()},
    )

    @dg.multi_asset(name="promote_eth_signal", specs=[spec])
    def promote_eth_signal(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.eth_signal.promoting import promote_if_better
        from cryptodudez_assets.models.eth_signal.training import registry_of

        registry = registry_of(lake.open().settings)
        if not registry.versions():
            context.log.info("there is no model to promote yet")
            return
        done = promote_if_better(registry)
        context.log.info(done)
        champion = registry.champion()
        yield dg.MaterializeResult(
            asset_key=CHAMPION,
            metadata={
                "decision": dg.MetadataValue.md(done),
                "champion": champion.label if champion else "none",
                "verdict": registry.verdict(champion.version).label if champion else "none",
            },
        )

    return promote_eth_signal


def _report() -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        REPORT,
        deps=[MODEL, CHAMPION],
        description="One HTML page for a sceptic: how the newest candidate was judged, against what, and what it would have "
        "earned after costs.",
        group_name=MODELS,
        owners=[OWNER],
        kinds={"html", "matplotlib"},
        skippable=True,
        automation_condition=on_any_update,
    )

    @dg.multi_asset(name="report_eth_signal", specs=[spec])
    def report_eth_signal(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.eth_signal import reporting

        written = reporting.write_report(lake.open())
        if written is None:
            context.log.info("the report waits for a model")
            return
        pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({uri})") for name, uri in written.pictures.items()}
        yield dg.MaterializeResult(
            asset_key=REPORT,
            metadata={
                "words": dg.MetadataValue.md(written.words),
                **pictures,
                "report": dg.MetadataValue.path(written.path),
            },
        )

    return report_eth_signal


def _drift() -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        DRIFT,
        deps=[TRAINING_SET, CHAMPION],
        description="How unlike its training the champion's latest days are, and the rows that people sent. Thresholds are "
        "calibrated on the training's own days; a replay of the past shows how often an alarm is false.",
        group_name=MODELS,
        owners=[OWNER],
        kinds={"iceberg", "scipy"},
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={"dagster/column_schema": contract_schema(DriftLooks)},
    )

    @dg.multi_asset(name="look_for_drift_of_eth_signal", specs=[spec])
    def look_for_drift(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        from cryptodudez_assets.models.drift.words import words
        from cryptodudez_assets.models.eth_signal.drifting import SENT_TO, SPEC, look

        opened = lake.open()
        looks = look(opened)
        if looks is None:
            context.log.info("no drift to look for: there is no champion, or it was trained on other features")
            return
        yield dg.MaterializeResult(
            asset_key=DRIFT,
            metadata={
                **table_metadata(opened, SPEC.name),
                "champion": looks.model_version,
                "alarms": looks.alarms,
                **{
                    sample: dg.MetadataValue.md(words(drift, SENT_TO.get(sample, "")))
                    for sample, drift in looks.found.items()
                },
                **{f"page_{sample}": dg.MetadataValue.path(path) for sample, path in looks.pages.items()},
            },
        )

    return look_for_drift


def _signature() -> dg.TableSchema:
    """What a model takes and gives."""
    described = {column.name: column.description for column in columns_of(EthTrainingSet)}
    takes = [dg.TableColumn(name, type="Float32", description=described[name]) for name in NAMES]
    gives = [
        dg.TableColumn(f"probability_{name.lower()}", type="Float64", description=f"Of {name}.") for name in CLASSES
    ]
    return dg.TableSchema(columns=takes + gives)


def _lineage() -> dg.TableColumnLineage:
    by_name = {view.name: key_of(view.table) for view in VIEWS}
    pairs = (name.split("__") for name in NAMES)
    return dg.TableColumnLineage({f"{view}__{name}": [dg.TableColumnDep(by_name[view], name)] for view, name in pairs})
