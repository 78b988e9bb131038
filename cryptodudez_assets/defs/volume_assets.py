"""Volume models and forecasts as assets: trained on their features, judged on later days, promoted where they are better."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, VolumeForecast
from cryptodudez_assets.declared_models.volume import FEATURES, VolumeModel
from cryptodudez_assets.defs.automation import daily_on_new_data
from cryptodudez_assets.defs.loads_check import build_loads_check
from cryptodudez_assets.defs.metadata import MODELS, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import number
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.learned_from import kept_for_training
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.registry import Held, Registry, registry_of

if TYPE_CHECKING:  # scikit-learn takes seconds to load
    from cryptodudez_assets.models.forecast.training import TrainedForecast
    from cryptodudez_assets.models.volume.found import Found
    from cryptodudez_assets.models.volume.training import TrainedVolume

PREDICTS = (
    "Predicts the volume of a stock's day from its rolling mean volume and median price. Chosen on a time split by mean absolute error, "
    "against the brief's forest."
)
FORECASTS = (
    "Forecasts the volume of a stock's next trading day from the days before it alone. Chosen on a time split by mean absolute error, "
    "against the day before, the month's mean, and what knows the day itself."
)
Train = Callable[..., "TrainedVolume | TrainedForecast"]


def build_volume_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The models and forecasts whose features are among the views."""
    tables = {view.table: view for view in views}
    return [_trained(one, tables[one.reads]) for one in _of_volumes() if one.reads in tables]


def build_volume_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """Their checks."""
    tables = {view.table for view in views}
    return [build_loads_check(key_of(one.asset), one.name) for one in _of_volumes() if one.reads in tables]


def _of_volumes() -> list[VolumeModel | VolumeForecast]:
    return [*models_of_kind(VolumeModel), *models_of_kind(VolumeForecast)]


def _trained(model: VolumeModel | VolumeForecast, view: FeatureView) -> dg.AssetsDefinition:
    is_forecast = isinstance(model, VolumeForecast)
    spec = dg.AssetSpec(
        key_of(model.asset),
        deps=[key_of(model.reads)],
        description=f"{FORECASTS if is_forecast else PREDICTS} A file of at most 1 MB, `models/{model.name}/model.bin` in the home.",
        group_name=MODELS,
        owners=[model.owner],
        kinds={"scikitlearn", "onnx"},
        skippable=True,
        automation_condition=daily_on_new_data,
        metadata={"dagster/column_schema": _signature(view, KNOWN_BEFORE if is_forecast else FEATURES)},
    )

    @dg.multi_asset(name=f"train_{model.name}", specs=[spec])
    def train_model(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
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

    return train_model


def _train(lake: Lake, model: VolumeModel | VolumeForecast, context: dg.AssetExecutionContext) -> dict[str, Any] | None:
    from cryptodudez_assets.models.volume.data import TooFewRows
    from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
    from cryptodudez_assets.models.volume.training import LOG

    train, findings_of = _training_of(model)
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
            manifest = train(rows, learned_from, lake.settings, progress=context.log.info).manifest
        except TooFewRows as few:
            registry.hold(Held(inputs={model.reads: content}, why=str(few)))
            raise
    done = promote_if_better(registry, findings_of)
    context.log.info(done)
    return {
        "version": manifest.label,
        "recipe": manifest.recipe,
        "verdict": dg.MetadataValue.md(manifest.verdict.words),
        **{name: dg.MetadataValue.md(told) for name, told in findings_of(registry, manifest.version).words.items()},
        "decision": dg.MetadataValue.md(done),
        "sha256": manifest.files,
        "training_log": dg.MetadataValue.path(registry.uri(manifest.version, LOG)),
        "model_bin": dg.MetadataValue.path(f"{registry.location}/{FILE}"),
        **{name: number(value) for name, value in manifest.metrics.items()},
    }


def _training_of(model: VolumeModel | VolumeForecast) -> tuple[Train, Callable[[Registry, int], "Found"]]:
    """What trains such a model, and what reads what that found."""
    from cryptodudez_assets.models.forecast import training as forecasts
    from cryptodudez_assets.models.volume import training as volumes

    if isinstance(model, VolumeForecast):
        return partial(forecasts.train, model=model), forecasts.findings_of
    return partial(volumes.train, model=model), volumes.findings_of


def _unfinished(lake: Lake, registry: Registry, content: int) -> Manifest | None:
    """The version that a run trained on these very rows, and died before it was decided whether it serves."""
    versions = registry.versions()
    if not versions or registry.settled() == versions[-1]:
        return None
    newest = registry.manifest(versions[-1])
    told = newest.trained_on
    return newest if content_of(lake.tables.table(told.table), told.snapshot_id) == content else None


def _signature(view: FeatureView, features: Iterable[str]) -> dg.TableSchema:
    described = {column.name: column.description for column in columns_of(view.contract)}
    takes = [dg.TableColumn(name, type="Float32", description=described[name]) for name in features]
    return dg.TableSchema(
        columns=[*takes, dg.TableColumn("volume", type="Float64", description="Shares traded on the day.")]
    )
