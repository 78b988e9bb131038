"""`catalog.tables`: the list of all tables with their sizes and ages."""

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Tables
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.tables import TableSpec

TABLES = TableSpec("catalog.tables", Tables, (), ("name",))


def take_inventory(lake: Lake) -> pl.DataFrame:
    """Look at every table and write down what is found."""
    rows = [_describe(lake, name) for name in lake.tables.names() if name != TABLES.name]
    found = pl.DataFrame(rows, schema=polars_schema(Tables))
    with lake.tables.changing(TABLES) as change:
        change.delete(AlwaysTrue()).add(found)
    return found


def _describe(lake: Lake, name: str) -> dict[str, object]:
    table = lake.tables.load(name)
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
