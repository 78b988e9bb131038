"""Tables as files below `<lake>/exports/`, a folder each."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.column_lineage import columns
from cryptodudez_assets.defs.metadata import EXPORTS, contract_schema, key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.products.exports import Exported


def build_export_asset(one: Exported) -> dg.AssetsDefinition:
    """The file that a table is exported as. Where the table has no rows yet it is skipped."""
    schema = {column.name: column for column in contract_schema(one.contract).columns}
    written = [
        dg.TableColumn(name, "String" if schema[own].type == "Date" else schema[own].type, schema[own].description)
        for name, own in one.columns.items()
    ]
    origins = {name: [dg.TableColumnDep(key_of(one.table), own)] for name, own in one.columns.items()}
    spec = dg.AssetSpec(
        key_of(one.product),
        deps=[key_of(one.table)],
        description=one.description,
        group_name=EXPORTS,
        owners=[one.owner],
        kinds={one.export.ending},
        skippable=True,
        metadata={
            **columns(dg.TableSchema(written), origins),
            "written to": f"<lake>/exports/{one.export.folder or one.name}/",
        },
    )

    @dg.multi_asset(name=f"export_{one.product.partition('.')[2]}", specs=[spec])
    def write_export(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        if content_of(opened.tables.table(one.table)) is None and not one.is_one_of_several(opened.tables.names()):
            context.log.info(f"the export waits for rows in {one.table}")
            return
        n_rows, place = one.write(opened), one.place(opened)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": n_rows, "file": dg.MetadataValue.path(place), "bytes": one.size(opened)}
        )

    return write_export
