"""`catalog.tables`: the list of all tables with their sizes and ages."""

from itertools import starmap

import polars as pl
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import Table

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Tables
from cryptodudez_assets.lake.iceberg.provenance import NOTHING, MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake, now

TABLES = TableSpec("catalog.tables", Tables, (), ("name",))
RECEIPTS = "ml.receipts"
"""It grows whenever somebody asks for a signal, which is no reason to take inventory: it is listed as it was at the last one."""


def take_inventory(lake: Lake) -> pl.DataFrame:
    """Look at every table and write down what is found."""
    tables = {name: lake.tables.load(name) for name in lake.tables.names() if name != TABLES.name}
    found = pl.DataFrame(list(starmap(_describe, tables.items())), schema=polars_schema(Tables))
    noted = {name: content_of(table) or NOTHING for name, table in tables.items() if name != RECEIPTS}
    made = MadeFrom("", noted)
    with lake.tables.changing(TABLES) as change:
        change.delete(AlwaysTrue()).add(found).remember(made.note)
    return found


def _describe(name: str, table: Table) -> dict[str, object]:
    files = [task.file for task in table.scan().plan_files()]
    snapshot = table.current_snapshot()
    return {
        "name": name,
        "location": table.location(),
        "columns": [f"{field.name} {field.field_type}" for field in table.schema().fields],
        "rows": sum(file.record_count for file in files),
        "files": len(files),
        "bytes": sum(file.file_size_in_bytes for file in files),
        "snapshots": len(table.metadata.snapshots),
        "snapshot_id": str(snapshot.snapshot_id) if snapshot else None,
        "written_at": pl.from_epoch(pl.Series([snapshot.timestamp_ms]), time_unit="ms").dt.replace_time_zone("UTC")[0]
        if snapshot
        else None,
        "seen_at": now(),
    }
