"""Rows that have one key since an identity became its pseudonym: what landed under that before, and what it was then.

It comes to this where somebody died over an erasure and more landed meanwhile. The row that became known later stays, as where
observations are merged; the others are counted as duplicates.
"""

import polars as pl

from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.erasing.rows import Holding, changing
from cryptodudez_assets.lake.iceberg.scan import PATH, data_files, scan_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.sources.declaration import Source

PLACE = ["file_id", "file_row"]


def leave_one_of_twins(lake: Lake, source: Source, holding: Holding, names: Names) -> int:
    """Leave one row for each key of the source's table; returns how many went."""
    table = lake.tables.table(source.table)
    tagged = [name for name in source.key if name in holding.tagged]
    if table is None or not tagged:
        return 0
    rows = scan_files(table, [file.file_path for file in data_files(table)], with_path=True)
    theirs = pl.any_horizontal(pl.col(name).cast(pl.String).is_in(list(names.instead.values())) for name in tagged)
    found = rows.filter(theirs).select(*source.key, *PLACE, "known_ts", PATH).collect()
    older = found.sort("known_ts", *PLACE).filter(pl.struct(source.key).is_last_distinct().not_())
    if older.is_empty():
        return 0
    with changing(lake.tables, source.table) as change:
        change.rewrite(set(older[PATH]), lambda part: part.join(older, on=PLACE, how="anti", maintain_order="left"))
    counts = dict(older["file_id"].value_counts().iter_rows())
    file_entries.record(lake.tables, source.name, [], counts, counts)
    return len(older)
