"""From a feature view's declaration to its assets, and the registry of all views."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.metadata import INVENTORY, contract_schema, key_of, markdown, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.feature_store.materialize import materialize, table_specs, without_rows
from cryptodudez_assets.feature_store.registry import REGISTRY, publish
from cryptodudez_assets.feature_store.statistics import statistics
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.spec import TableSpec


def view_keys(view: FeatureView) -> list[dg.AssetKey]:
    """The assets of a view: its tables."""
    return [key_of(spec.name) for spec in table_specs(view)]


def build_feature_assets(view: FeatureView) -> dg.AssetsDefinition:
    """The tables of a view, computed together. Where an input is not there yet they are skipped."""

    @dg.multi_asset(
        name=f"compute_{view.name}", specs=[_spec(view, spec) for spec in table_specs(view)], can_subset=True
    )
    def compute_view(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        if missing := without_rows(opened, view):
            context.log.info(f"{view.name} waits for rows in {', '.join(missing)}")
            return
        done = materialize(opened, view, progress=context.log.info)
        reach = str(done.reach) if done.reach else "everything" if done.rows else "nothing, no input row changed"
        snapshots = {table: str(snapshot_id) for table, snapshot_id in done.snapshots.items()}
        for spec in table_specs(view):
            if key_of(spec.name) not in context.selected_asset_keys:
                continue
            yield dg.MaterializeResult(
                asset_key=key_of(spec.name),
                metadata={
                    **table_metadata(opened, spec.name),
                    "rows_computed": done.rows,
                    "computed": reach,
                    "made_from_snapshots": snapshots,
                    "data_card": markdown(statistics(opened, view, spec.name)),
                },
            )

    return compute_view


def _spec(view: FeatureView, spec: TableSpec) -> dg.AssetSpec:
    is_newest = spec.name == view.table
    older = "" if is_newest else "Every version of each row, by the time at which it became known. "
    return dg.AssetSpec(
        key_of(spec.name),
        deps=[key_of(one.table) for one in view.inputs],
        description=older + view.description + (f"\n\nDeprecated: {view.deprecated}" if view.deprecated else ""),
        group_name="features",
        owners=[view.owner],
        kinds={"iceberg", "polars"},
        tags={**view.tags, **({"deprecated": "true"} if view.deprecated else {})},
        code_version=view.code_hash,
        skippable=True,
        metadata={
            "dagster/column_schema": contract_schema(view.contract),
            "dagster/column_lineage": _lineage(view),
            "key": ", ".join(view.key) or "none: one row for the market",
            "ttl": str(view.ttl),
            "window": _window(view),
        },
    )


def _window(view: FeatureView) -> str:
    if view.rows_back is not None:
        return f"{view.rows_back + 1} rows"
    return str(view.window) if view.window else "all of the past"


def _lineage(view: FeatureView) -> dg.TableColumnLineage:
    """A feature may depend on whatever its view reads."""
    read = [dg.TableColumnDep(key_of(one.table), column) for one in view.inputs for column in one.all_columns]
    return dg.TableColumnLineage(dict.fromkeys(view.features, read))


def build_registry(views: Sequence[FeatureView]) -> dg.AssetsDefinition:
    """The asset that publishes the declarations as a table."""

    @dg.asset(
        key=key_of(REGISTRY.name),
        deps=[key for view in views for key in view_keys(view)],
        description=REGISTRY.description,
        group_name=INVENTORY,
        owners=["team:platform"],
        kinds={"iceberg"},
        metadata={"dagster/column_schema": contract_schema(REGISTRY.contract)},
    )
    def registry_of_features(lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        new = publish(opened, views)
        return dg.MaterializeResult(metadata={**table_metadata(opened, REGISTRY.name), "new_versions": new})

    return registry_of_features
