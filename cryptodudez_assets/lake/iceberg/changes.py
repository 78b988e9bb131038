"""What changed in a table between two snapshots: rows that are new, and rows that are gone."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.types import StringType

from cryptodudez_assets.lake.iceberg.planning import files_that_differ
from cryptodudez_assets.lake.iceberg.scan import scan_files
from cryptodudez_assets.lake.iceberg.tables import IcebergTables

PROVENANCE = ["file_id", "file_row"]
# About so many rows of files that differ are compared at a time.
COMPARED_ROWS = 1 << 19


def changed_rows(
    tables: IcebergTables,
    name: str,
    since: int | None,
    until: int | None,
    columns: Sequence[str],
    read: Sequence[str] = (),
) -> Iterator[pl.DataFrame] | None:
    """Values of `columns`, in parts, in rows that were added or removed after snapshot `since`, up to `until`.

    Only files that differ are read, partition by partition, and where the table is sorted by text, a range of it at a time.
    Rows that merely moved between files do not count, nor those that now come from another raw file, unless `read` (what is
    made of the table) names that. None where the older snapshot is not kept any more (or there was none), so that everything
    must be taken for changed.
    """
    table = tables.table(name)
    return None if table is None else changed_rows_of(table, since, until, columns, read)


def changed_rows_of(
    table: Table, since: int | None, until: int | None, columns: Sequence[str], read: Sequence[str] = ()
) -> Iterator[pl.DataFrame] | None:
    """The same of a table that was loaded when it had both snapshots."""
    if since is None or table.snapshot_by_id(since) is None:
        return None
    return _changed(table, since, until, columns, read) if since != until else iter(())


def _changed(
    table: Table, since: int, until: int | None, columns: Sequence[str], read: Sequence[str]
) -> Iterator[pl.DataFrame]:
    came, gone = files_that_differ(table, since, until)
    for partition in sorted({str(file.partition) for file in gone + came}):
        theirs = [[file for file in files if str(file.partition) == partition] for files in (came, gone)]
        for part in _ranges(table, [file for files in theirs for file in files]):
            here, there = (scan_files(table, [file.file_path for file in files]).filter(part) for files in theirs)
            compared = [name for name in here.collect_schema().names() if name in read or name not in PROVENANCE]
            yield from _differing(here, there, columns, compared)


def _ranges(table: Table, files: Sequence[DataFile]) -> Iterator[pl.Expr]:
    """Ranges of the column that the table is sorted by, so that each has a bounded number of rows, if it is text."""
    order = table.sort_order().fields
    field = table.schema().find_field(order[0].source_id) if order else None
    if field is None or field.field_type != StringType():
        yield pl.lit(value=True)
        return
    bounds = (file.lower_bounds.get(field.field_id) for file in files)
    starts = sorted(
        (from_bytes(field.field_type, bound) if bound else "", file.record_count)
        for file, bound in zip(files, bounds, strict=True)
    )
    cuts, n_rows = [], 0
    for start, count in starts:
        if n_rows >= COMPARED_ROWS and start not in cuts:
            cuts.append(start)
            n_rows = 0
        n_rows += count
    column = pl.col(field.name)
    if not cuts:
        yield pl.lit(value=True)
        return
    yield column.is_null() | (column < cuts[0])
    yield from (column.is_between(pl.lit(low), pl.lit(high), closed="left") for low, high in pairwise(cuts))
    yield column >= cuts[-1]


def _differing(
    came: pl.LazyFrame, gone: pl.LazyFrame, columns: Sequence[str], compared: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """What is only in one of them. Rows are told apart by 128 bits of hash, which takes far less memory than the rows."""
    hashes = [pl.struct(compared).hash(seed).alias(f" {seed}") for seed in (1, 2)]
    names = [" 1", " 2"]
    here, there = pl.collect_all([came.select(hashes), gone.select(hashes)])
    for rows, own, other in ((came, here, there), (gone, there, here)):
        only = own.join(other, on=names, how="anti")
        if len(only):
            found = rows.select(*columns, *hashes).join(only.unique().lazy(), on=names, how="semi")
            yield found.select(columns).unique().collect()
