"""Volume models as assets: trained on the rolling features, judged on later days, promoted where they are better."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.volume import FEATURES, VolumeModel
from cryptodudez_assets.defs.automation import daily_on_new_data
from cryptodudez_assets.defs.loads_check import build_loads_check
from cryptodudez_assets.defs.metadata import MODELS, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.learned_from import kept_for_training
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.registry import Held, Registry, registry_of


def build_volume_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The models whose features are among the views."""
    tables = {view.table: view for view in views}
    return [_volume_model(one, tables[one.reads]) for one in models_of_kind(VolumeModel) if one.reads in tables]


def build_volume_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """Their checks."""
    tables = {view.table for view in views}
    return [
        build_loads_check(key_of(one.asset), one.name) for one in models_of_kind(VolumeModel) if one.reads in tables
    ]


def _volume_model(model: VolumeModel, view: FeatureView) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        key_of(model.asset),
        deps=[key_of(model.reads)],
        description="Predicts the volume of a stock's day from its rolling mean volume and median price. Chosen on a time split by mean "
        f"absolute error, against the brief's forest; a file of at most 1 MB, `models/{model.name}/model.bin` in the home.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"scikitlearn", "onnx"},
        skippable=True,
        automation_condition=daily_on_new_data,
        metadata={"dagster/column_schema": _signature(view)},
    )

    @dg.multi_asset(name=f"train_{model.name}", specs=[spec])
    def train_volume_model(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # scikit-learn takes seconds to load, and is needed only here.
        from cryptodudez_assets.models.volume.data import TooFewRows

        try:
            metadata = _train(lake.open(), model, context)
        except TooFewRows as few:
            context.log.info(f"{model.name} waits for more rows: {few}")
            return
        if metadata is None:
            context.log.info(f"{model.name} waits for {model.reads}")
            return
        yield dg.MaterializeResult(asset_key=key_of(model.asset), metadata=metadata)

    return train_volume_model


def _train(lake: Lake, model: VolumeModel, context: dg.AssetExecutionContext) -> dict[str, Any] | None:
    from cryptodudez_assets.models.volume.data import TooFewRows
    from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
    from cryptodudez_assets.models.volume.training import LOG, findings_of, train

    content = content_of(lake.tables.table(model.reads))
    if content is None:
        return None
    registry = registry_of(lake.settings, model)
    manifest = _unfinished(lake, registry, content)
    if manifest is None:
        learned_from = kept_for_training(lake, model.reads)
        rows = lake.tables.scan(model.reads, snapshot_id=learned_from.snapshot_id)
        if rows is None:
            return None
        try:
            trained = train(rows, learned_from, lake.settings, model, progress=context.log.info)
        except TooFewRows as few:
            registry.hold(Held(inputs={model.reads: content}, why=str(few)))
            raise
        manifest = trained.manifest
    done = promote_if_better(registry)
    context.log.info(done)
    return {
        "version": manifest.label,
        "recipe": manifest.recipe,
        "verdict": dg.MetadataValue.md(manifest.verdict.words),
        "leak_of_the_random_split": dg.MetadataValue.md(findings_of(registry, manifest.version).leak),
        "decision": dg.MetadataValue.md(done),
        "sha256": manifest.files,
        "training_log": dg.MetadataValue.path(registry.uri(manifest.version, LOG)),
        "model_bin": dg.MetadataValue.path(f"{registry.location}/{FILE}"),
        **{name: dg.MetadataValue.float(value) for name, value in manifest.metrics.items()},
    }


def _unfinished(lake: Lake, registry: Registry, content: int) -> Manifest | None:
    """The version that a run trained on these very rows, and died before it was decided whether it serves."""
    versions = registry.versions()
    if not versions or registry.settled() == versions[-1]:
        return None
    newest = registry.manifest(versions[-1])
    told = newest.trained_on
    return newest if content_of(lake.tables.table(told.table), told.snapshot_id) == content else None


def _signature(view: FeatureView) -> dg.TableSchema:
    described = {column.name: column.description for column in columns_of(view.contract)}
    takes = [dg.TableColumn(name, type="Float32", description=described[name]) for name in FEATURES]
    return dg.TableSchema(
        columns=[*takes, dg.TableColumn("volume", type="Float64", description="Shares traded on the day.")]
    )
