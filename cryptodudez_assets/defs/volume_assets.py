"""The volume model as an asset: trained on the rolling features, judged on later days, promoted where it is better."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.defs.automation import daily_on_new_data
from cryptodudez_assets.defs.loads_check import build_loads_check
from cryptodudez_assets.defs.metadata import MODELS, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.registry import Held, Registry
from cryptodudez_assets.models.volume.options import FEATURES, TABLE, VOLUME, VolumeOptions
from cryptodudez_assets.products.models import VOLUME_MODEL

MODEL = key_of(VOLUME_MODEL)


def build_volume_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The model, if its features are among the views."""
    return [_volume_model(view) for view in views if view.table == TABLE]


def build_volume_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """Its checks."""
    return [build_loads_check(MODEL, VOLUME)] if build_volume_assets(views) else []


def _volume_model(view: FeatureView) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        MODEL,
        deps=[key_of(TABLE)],
        description="Predicts the volume of a stock's day from its rolling mean volume and median price. Chosen on a time split by mean "
        "absolute error, against the brief's forest; a file of at most 1 MB, `models/volume_model/model.bin` in the home.",
        group_name=MODELS,
        owners=["team:quant-research"],
        kinds={"scikitlearn", "onnx"},
        skippable=True,
        automation_condition=daily_on_new_data,
        metadata={"dagster/column_schema": _signature(view)},
    )

    @dg.multi_asset(name="train_volume_model", specs=[spec])
    def train_volume_model(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # scikit-learn takes seconds to load, and is needed only here.
        from cryptodudez_assets.models.volume.data import TooFewRows

        try:
            metadata = _train(lake.open(), context)
        except TooFewRows as few:
            context.log.info(f"the volume model waits for more rows: {few}")
            return
        if metadata is None:
            context.log.info(f"the volume model waits for {TABLE}")
            return
        yield dg.MaterializeResult(asset_key=MODEL, metadata=metadata)

    return train_volume_model


def _train(lake: Lake, context: dg.AssetExecutionContext) -> dict[str, Any] | None:
    from cryptodudez_assets.models.volume.data import TooFewRows
    from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
    from cryptodudez_assets.models.volume.training import LOG, TrainedFrom, findings_of, registry_of, train

    table = lake.tables.table(TABLE)
    content = content_of(table)
    if table is None or content is None:
        return None
    registry = registry_of(lake.settings)
    manifest = _unfinished(registry, content)
    if manifest is None:
        try:
            trained = train(
                scan(table), TrainedFrom(TABLE, content, {}), lake.settings, VolumeOptions(), context.log.info
            )
        except TooFewRows as few:
            registry.hold(Held(inputs={TABLE: content}, why=str(few)))
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
        "training_log": dg.MetadataValue.path(str(registry.path(manifest.version, LOG))),
        "model_bin": dg.MetadataValue.path(str(registry.folder / FILE)),
        **{name: dg.MetadataValue.float(value) for name, value in manifest.metrics.items()},
    }


def _unfinished(registry: Registry, content: int) -> Manifest | None:
    """The version that a run trained on these very rows, and died before it was decided whether it serves."""
    versions = registry.versions()
    if not versions or registry.settled() == versions[-1]:
        return None
    newest = registry.manifest(versions[-1])
    return newest if newest.trained_on.snapshot_id == content else None


def _signature(view: FeatureView) -> dg.TableSchema:
    described = {column.name: column.description for column in columns_of(view.contract)}
    takes = [dg.TableColumn(name, type="Float32", description=described[name]) for name in FEATURES]
    return dg.TableSchema(
        columns=[*takes, dg.TableColumn("volume", type="Float64", description="Shares traded on the day.")]
    )
