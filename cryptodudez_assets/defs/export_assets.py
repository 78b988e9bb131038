"""Tables as files: Parquet below `<home>/exports/`, a folder each."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.defs.metadata import contract_schema, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.exports import export
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.products.exports import EXPORTS, Export, export_path


def build_export_assets(contracts: Mapping[str, type[Contract]]) -> list[dg.AssetsDefinition]:
    """The exports of those among these tables (with their contracts) that have one."""
    return [_export(one, contracts[one.table]) for one in EXPORTS if one.table in contracts]


def _export(one: Export, contract: type[Contract]) -> dg.AssetsDefinition:
    schema = {column.name: column for column in contract_schema(contract).columns}
    columns = [
        dg.TableColumn(name, "String" if own == "date" else schema[own].type, schema[own].description)
        for name, own in one.columns.items()
    ]
    spec = dg.AssetSpec(
        key_of(one.product),
        deps=[key_of(one.table)],
        description=one.description,
        group_name="exports",
        owners=["team:market-data"],
        kinds={"parquet"},
        skippable=True,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "written to": f"<home>/exports/{one.name}/",
        },
    )

    @dg.multi_asset(name=f"export_{one.name}", specs=[spec])
    def write_export(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        if content_of(opened.tables.table(one.table)) is None:
            context.log.info(f"the export waits for rows in {one.table}")
            return
        path = export_path(opened, one)
        written = {name: pl.col(own) for name, own in one.columns.items()} | {"Date": pl.col("date").dt.to_string("%F")}
        n_rows = export(opened, one.table, written, ["symbol", "date"], path, one.code_hash)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": n_rows, "file": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    return write_export
