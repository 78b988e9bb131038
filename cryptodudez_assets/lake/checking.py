"""What a source's own checks are handed: the newest rows of its table, and the files that they may be from."""

import polars as pl
from pyiceberg.expressions import GreaterThan

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.sources.declaration import Finding, Source, SourceCheck


def look_back(lake: Lake, source: Source, check: SourceCheck) -> Finding | None:
    """What the check finds now; None where the table has no rows."""
    everything = lake.tables.scan(source.table)
    newest = None if everything is None else everything.select(pl.col("event_ts").max()).collect().item()
    if newest is None:
        return None
    since = newest - check.looks_back
    rows = lake.tables.scan(source.table, GreaterThan("event_ts", since.isoformat()))
    files = file_entries.files_of(lake.tables, source.name).filter(
        pl.col("status") == Status.LOADED, pl.col("as_of") > since
    )
    assert rows is not None  # noqa: S101  (for the type checker: it was there)
    return check.judge(rows.filter(pl.col("event_ts") > since), files.collect())
