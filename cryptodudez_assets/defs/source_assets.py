"""From a source's declaration to its assets: raw files, catalogue, table (and observations), quarantine."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.contracts.catalogue import REPLACED, Files, Status
from cryptodudez_assets.contracts.quarantine import QuarantinedRows
from cryptodudez_assets.contracts.x_posts import posts_in
from cryptodudez_assets.defs.column_lineage import Origins, columns, of_source
from cryptodudez_assets.defs.metadata import (
    contract_schema,
    inferred_schema,
    key_of,
    raw_schema,
    table_metadata,
)
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import markdown
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.lake.store.at_once import at_once
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Source

WHY_FIRST = [pl.col("rules").list.join(", "), pl.col("line"), pl.col("raw")]
"""Of the preview of what is in quarantine."""
FETCHED = "fetched"
"""The group of what feeds ask for."""
BUT_FETCHED = dg.AssetSelection.all() - dg.AssetSelection.groups(FETCHED)
"""What follows from files that are there. A job has days of one kind, and those of feeds are not those of derived tables."""


class CatalogueConfig(dg.Config):
    """Which raw objects to catalogue; none named means all that are new."""

    keys: list[str] = []  # noqa: RUF012  (pydantic copies it)


def raw_key(source: Source) -> dg.AssetKey:
    """The raw files of a source."""
    return dg.AssetKey(["raw", source.raw])


def catalogue_key(source: Source) -> dg.AssetKey:
    """The part of `catalog.files` that is about a source."""
    return dg.AssetKey([*file_entries.FILES.name.split("."), source.name])


def quarantine_key(source: Source) -> dg.AssetKey:
    """The part of `quarantine.rows` that is about a source."""
    return dg.AssetKey([*quarantine.ROWS.name.split("."), source.name])


def feed_key(feed: Feed) -> dg.AssetKey:
    """What was fetched for a feed."""
    return dg.AssetKey([FETCHED, feed.name])


def table_keys(source: Source) -> list[dg.AssetKey]:
    """The tables made of a source."""
    return [key_of(table) for table in (source.table, source.observations) if table]


def build_source_assets(source: Source, feed: Feed | None = None) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All assets of a source. `feed`: what fills it, if something does."""
    raw = [] if source.shares_raw_with else [_raw(source, feed)]
    return [*raw, _catalogue(source), _ingest(source)]


def _raw(source: Source, feed: Feed | None) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(source),
        deps=[feed_key(feed)] if feed else [],
        description=source.description,
        group_name="raw",
        owners=[source.owner],
        kinds={"file", *(layout.format or ("json" if layout.rows else "csv") for layout in source.layouts)},
        metadata={"dagster/column_schema": raw_schema(source), "drop files into": f"<lake>/raw/{source.name}/"},
    )


def _catalogue(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        key=catalogue_key(source),
        deps=[raw_key(source)],
        description=f"What is known about the raw files of {source.name}: where, how written, which columns and types, "
        "what became of them.",
        group_name="catalog",
        owners=[source.owner],
        kinds={"iceberg", "polars"},
        metadata={"dagster/column_schema": contract_schema(Files)},
    )
    def catalogue_files(
        context: dg.AssetExecutionContext, config: CatalogueConfig, lake: LakeResource
    ) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        found = _objects(opened, config.keys) if config.keys else discover_all(opened, source.name)
        gone = max(0, len(config.keys) - len(found)) if config.keys else 0
        if gone:
            context.log.info("%s: %d objects are not there any more", source.name, gone)
        written = catalogue_objects(opened, source, found, context.run.run_id, context.log.info)
        if len(written):
            context.log_event(_raw_seen(opened, source, len(found)))
        return dg.MaterializeResult(
            metadata={
                **table_metadata(opened, file_entries.FILES.name, pl.col("source") == source.name),
                "new_entries": len(written),
                "objects_gone": gone + written.filter(pl.col("reason") == REPLACED).height,
                "objects_unreadable": written.filter(pl.col("status") == Status.UNREADABLE).height,
                "newly_catalogued": markdown(written.head(50)),
            }
        )

    return catalogue_files


def _objects(lake: Lake, keys: list[str]) -> list[StoredObject]:
    return [found for found in at_once(lake.store.stat, keys) if found is not None]


def _raw_seen(lake: Lake, source: Source, n_objects: int) -> dg.AssetMaterialization:
    schemas = file_entries.schemas_of(lake.tables, source.name)
    metadata: dict[str, Any] = {"new_objects": n_objects}
    if len(schemas):
        latest = schemas.sort("seen_at").row(-1, named=True)
        metadata |= {"dagster/column_schema": inferred_schema(latest), "latest_layout": latest["layout"] or "none"}
        metadata["schema_versions"] = markdown(
            schemas.select("layout", "version", "added", "problem", "first_uri", "seen_at")
        )
    return dg.AssetMaterialization(raw_key(source), description="files seen in the raw zone", metadata=metadata)


def _ingest(source: Source) -> dg.AssetsDefinition:
    table, *observations = table_keys(source)
    origins = of_source(source, raw_key(source))
    specs = [_table_spec(source, table, source.table_description, source.contract, origins)]
    if source.lookup:
        looked_up = key_of(source.lookup.table)
        specs = [specs[0].merge_attributes(deps=[looked_up])]
    for key in observations:
        older = f"Every observation behind {source.table}, older ones too."
        specs.append(_table_spec(source, key, older, source.contract, origins))
    rejected = f"Records of {source.name} that broke a rule of the contract, with line, raw text and reasons."
    specs.append(_table_spec(source, quarantine_key(source), rejected, QuarantinedRows, {}))

    @dg.multi_asset(name=f"{source.name}_rows", specs=specs, can_subset=True)
    def ingest_source(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        done = ingest(opened, source, context.run.run_id, context.log.info)
        for uri, reason in done.files_set_aside.items():
            context.log.warning("set aside: %s: %s", uri, reason)
        for uri in done.files_left_out:
            context.log.warning("left out: %s: %s", uri, REPLACED)
        status = status_of(opened, source.name)
        engine = {"engine": opened.engine.name}
        counts: dict[str, Any] = {
            "rows_read_now": done.read,
            "files_now": done.files,
            "files_left_out_now": len(done.files_left_out),
            "rows_renamed_now": done.renamed,
            "valid": status.valid,
            "duplicate": status.duplicate,
            "restated": status.restated,
            "warned": status.warned,
            **engine,
        }
        asked, shows_rows = context.selected_asset_keys, not posts_in(source.contract)
        for name in filter(None, (source.table, source.observations)):
            if key_of(name) in asked:
                yield dg.MaterializeResult(
                    asset_key=key_of(name),
                    metadata={**table_metadata(opened, name, shows=shows_rows), **counts},
                )
        if quarantine_key(source) not in asked:
            return
        aside: dict[str, Any] = {"quarantined_now": done.quarantined, "files_set_aside": status.set_aside, **engine}
        of_source = pl.col("source") == source.name
        yield dg.MaterializeResult(
            asset_key=quarantine_key(source),
            metadata={
                **table_metadata(opened, quarantine.ROWS.name, of_source, WHY_FIRST, shows=shows_rows),
                **aside,
            },
        )

    return ingest_source


def _table_spec(
    source: Source, key: dg.AssetKey, description: str, contract: type[Contract], origins: Origins
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=[catalogue_key(source)],
        description=description,
        group_name=key.path[0],
        owners=[source.owner],
        kinds={"iceberg", "polars"},
        code_version=source.code_hash,
        metadata=columns(contract_schema(contract), origins),
    )
