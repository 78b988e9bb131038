"""From a derived table's declaration to its assets, and the registry of all views."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from cryptodudez_assets.defs.column_lineage import columns, of_derived
from cryptodudez_assets.defs.derived_checks import refusal_of
from cryptodudez_assets.defs.metadata import INVENTORY, contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.previews import shows
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import markdown
from cryptodudez_assets.defs.without_days import allow_runs_without_days
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.dividing import told_of_division
from cryptodudez_assets.derived.upkeep.gates import Refused
from cryptodudez_assets.derived.upkeep.materialize import (
    Materialized,
    materialize,
    materialize_days,
    table_specs,
    without_rows,
)
from cryptodudez_assets.feature_store.registry import REGISTRY, publish
from cryptodudez_assets.feature_store.statistics import statistics
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake

HANDLES = dg.BackfillPolicy.single_run()
"""Days that somebody has computed again, or fetched, are one run."""
# Dagster (1.13) calls this beta, and says so of each asset, wherever the graph is loaded. People can do nothing about it; that it does
# what it is for is tested, so that a release which changes it is noticed.
warnings.filterwarnings("ignore", r"Parameter `backfill_policy`", dg.BetaWarning)


def derived_keys(table: Derived) -> list[dg.AssetKey]:
    """The assets of a derived table: its tables."""
    return [key_of(spec.name) for spec in table_specs(table)]


def first_day_of(tables: Iterable[Derived]) -> date | None:
    """The first day of any of these tables. A job of Dagster has days of one kind, and sensors have one job for all tables."""
    return min((table.partitions.start for table in tables if table.partitions), default=None)


def days_of(table: Derived, first: date | None = None) -> dg.DailyPartitionsDefinition | None:
    """The days by which people may ask for it, from its own first one or `first` on; today is one of them."""
    if table.partitions is None:
        return None
    return dg.DailyPartitionsDefinition(start_date=f"{first or table.partitions.start:%Y-%m-%d}", end_offset=1)


def build_derived_assets(table: Derived, first_day: date | None = None) -> dg.AssetsDefinition:
    """The tables of a declaration, computed together. Where an input is not there yet they are skipped.

    `first_day`: on which the days of all tables begin, `first_day_of` them; of a table alone, its own. A run for days computes these;
    any other computes what changes of the inputs reach, and says of which days that was.
    """
    allow_runs_without_days()

    @dg.multi_asset(
        name=f"compute_{table.names[0].replace('.', '_')}",
        specs=[_spec(table, spec, first_day) for spec in table_specs(table)],
        can_subset=True,
        backfill_policy=HANDLES if table.partitions else None,
    )
    def compute_table(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        if missing := without_rows(opened, table):
            context.log.info(f"{table.short_name} waits for rows in {', '.join(missing)}")
            return
        try:
            done = _done(context, opened, table)
        except Refused as refused:
            # The check's own step does not come to it: the one that it waits for fails.
            context.instance.report_runless_asset_event(refusal_of(table, refused))
            raise
        reach = str(done.reach) if done.reach else "everything" if done.rows else "nothing, no input row changed"
        snapshots = {name: str(snapshot_id) for name, snapshot_id in done.snapshots.items()}
        for spec in table_specs(table):
            if key_of(spec.name) not in context.selected_asset_keys:
                continue
            card = (
                {"data_card": markdown(statistics(opened, table, spec.name))} if isinstance(table, FeatureView) else {}
            )
            yield dg.MaterializeResult(
                asset_key=key_of(spec.name),
                metadata={
                    **table_metadata(opened, spec.name, shows=shows(table, opened.sources.values())),
                    "rows_computed": done.rows,
                    "computed": reach,
                    "made_from_snapshots": snapshots,
                    "engine": opened.engine.name,
                    "tasks": done.tasks,
                    "divided": told_of_division(table),
                    **card,
                },
            )

    return compute_table


def _done(context: dg.AssetExecutionContext, lake: Lake, table: Derived) -> Materialized:
    if asked := days_asked(context):
        return materialize_days(lake, table, *asked, run_id=context.run.run_id, progress=context.log.info)
    done = materialize(lake, table, run_id=context.run.run_id, progress=context.log.info)
    _tell_days(context, table, done)
    return done


def days_asked(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> tuple[date, date] | None:
    """The first and last day that a run is for; None where it is for whatever changed."""
    tags = context.run.tags
    one = tags.get(PARTITION_NAME_TAG)
    first, last = tags.get(ASSET_PARTITION_RANGE_START_TAG, one), tags.get(ASSET_PARTITION_RANGE_END_TAG, one)
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def _tell_days(context: dg.AssetExecutionContext, table: Derived, done: Materialized) -> None:
    """Have Dagster know which days have rows that were computed now."""
    days = days_of(table)
    known = set() if days is None else set(days.get_partition_keys())
    for day in done.days:
        if day.isoformat() in known:
            context.log_event(dg.AssetMaterialization(key_of(table.table), partition=day.isoformat()))


def _spec(table: Derived, spec: TableSpec, first_day: date | None) -> dg.AssetSpec:
    is_newest = spec.name == table.table
    older = "" if is_newest else "Every version of each row, by the time at which it became known. "
    return dg.AssetSpec(
        key_of(spec.name),
        deps=[key_of(one.table) for one in table.inputs],
        description=older + table.description + (f"\n\nDeprecated: {table.deprecated}" if table.deprecated else ""),
        group_name=table.group,
        owners=[table.owner],
        kinds={"iceberg", "polars" if table.sql is None else "duckdb"},
        tags={**table.tags, **({"deprecated": "true"} if table.deprecated else {})},
        code_version=table.code_hash,
        skippable=True,
        partitions_def=days_of(table, first_day),
        metadata={
            **columns(contract_schema(table.contract), of_derived(table)),
            **table.upkeep,
        },
    )


def build_registry(views: Sequence[FeatureView]) -> dg.AssetsDefinition:
    """The asset that publishes the declarations as a table."""

    @dg.asset(
        key=key_of(REGISTRY.name),
        deps=[key for view in views for key in derived_keys(view)],
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
