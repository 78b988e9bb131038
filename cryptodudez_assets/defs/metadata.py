"""What Dagster shows of an asset: keys, column schemas, counts, previews."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.contracts.base import Column, Contract, columns_of
from cryptodudez_assets.defs.shown import table as table_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.declaration import Source

PREVIEW_ROWS = 5
NOT_SHOWN = "not shown: what runs remember cannot be taken out when a post is to be removed; ask `cryptodudez sql`"
INVENTORY = "inventory"
"""The group of the tables about tables."""
EXPORTS = "exports"
"""The group of the files for people."""
MODELS = "models"
"""The group of the models and what is made for them."""


def key_of(table: str) -> dg.AssetKey:
    """An asset is named as its table: `market.crypto_prices` is `market/crypto_prices`."""
    return dg.AssetKey(table.split("."))


def contract_schema(contract: type[Contract]) -> dg.TableSchema:
    """Columns of a contract with their descriptions, units and rules."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_type_of(column),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, other=list(column.rules)),
            )
            for column in columns_of(contract)
        ]
    )


def _type_of(column: Column) -> str:
    if isinstance(column.dtype, pl.Datetime):
        return f"timestamp[{column.dtype.time_unit}, {column.dtype.time_zone}]"
    return str(column.dtype) + (f" [{column.unit}]" if column.unit else "")


def raw_schema(source: Source) -> dg.TableSchema:
    """The raw columns that a source's layouts read."""
    layouts: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    for layout in source.layouts:
        for name, dtype in layout.columns.items():
            layouts.setdefault(name, []).append(layout.name)
            types[name] = dtype.__name__
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, type=types[name], description=f"in layout {', '.join(found)}")
            for name, found in layouts.items()
        ]
    )


def inferred_schema(latest: Mapping[str, Any]) -> dg.TableSchema:
    """A row of `catalog.schemas` as a column schema: what the files really look like."""
    pairs = zip(latest["names"], latest["types"], strict=True)
    return dg.TableSchema(columns=[dg.TableColumn(name or "(no name)", type=dtype) for name, dtype in pairs])


def report_link(api_url: str, page: str) -> dg.UrlMetadataValue:
    """Where the API serves a page of the lake's reports: with its plots, which the UI hides behind a click each.

    It is told of an asset, not of a run, so that it is right wherever the API is now.
    """
    return dg.MetadataValue.url(f"{api_url.rstrip('/')}/reports/{page}")


def table_metadata(
    lake: Lake, table: str, where: pl.Expr | None = None, first: Sequence[pl.Expr] = (), *, shows: bool = True
) -> dict[str, Any]:
    """Row count, snapshot, location and a preview of a table (or the part of it that matches `where`).

    `first` columns lead the preview: what lies to the right is out of sight in the UI. `shows`: whether there is one (`previews.py`).
    """
    found, rows = lake.tables.table(table), lake.tables.scan(table)
    if found is None or rows is None:
        return {"dagster/row_count": 0}
    rows = rows if where is None else rows.filter(where)
    snapshot = found.current_snapshot()
    preview = rows.head(PREVIEW_ROWS).select(*first, pl.exclude([column.meta.output_name() for column in first]))
    return {
        "dagster/row_count": int(rows.select(pl.len()).collect().item()),
        "dagster/uri": found.location(),
        "snapshot_id": dg.MetadataValue.text(str(snapshot.snapshot_id) if snapshot else "none"),
        "preview": table_of(preview.collect()) if shows else dg.MetadataValue.text(NOT_SHOWN),
    }
