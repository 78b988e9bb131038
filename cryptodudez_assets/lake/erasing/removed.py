"""Tables and counts of files from which records were taken out: the rows go, those behind them have other numbers now."""

from collections.abc import Collection, Sequence
from functools import partial

import polars as pl
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.erasing.raw import Note, Now, finish_noted
from cryptodudez_assets.lake.erasing.rows import changing
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.quarantine import quarantine

DONE = "cryptodudez.records_taken_out"
"""In the summary of a snapshot: of which file, so that its rows are not numbered anew twice."""


def finish_rewriting(lake: Lake, source: str) -> None:
    """Do to its end what somebody died over: an object was written anew, and the catalogue does not know it yet."""
    for _ in finish_noted(lake, source, partial(take_out, lake)):
        pass


def take_out(lake: Lake, note: Note, entries: Collection[Entry]) -> None:
    """Bring the tables of the file's source, and what its entries count, along. Done again, it changes nothing."""
    for entry in entries:
        now = note.after if entry.member is None else note.members.get(entry.member)
        if now is None or not now.removed or entry.file_id is None:
            continue
        source = lake.sources.get(entry.source)
        tables = [source.table, source.observations] if source else []
        for name in filter(None, [*tables, quarantine.ROWS.name]):
            _renumber(lake.tables, name, entry.file_id, now)
        if source and entry.rows_read is not None:
            _count(lake, source.table, entry, len(now.removed))


def _renumber(tables: IcebergTables, name: str, file_id: str, now: Now) -> None:
    table = tables.table(name)
    done = f"{file_id} {now.sha256}"
    if table is None or any(
        one.summary and one.summary.additional_properties.get(DONE) == done for one in table.metadata.snapshots
    ):
        return
    where = EqualTo("file_id", file_id)
    with changing(tables, name) as change:
        paths = change.paths(where)
        if paths:
            change.note({DONE: done}).rewrite(paths, lambda rows: _renumbered(rows, file_id, now.removed))


def _renumbered(rows: pl.DataFrame, file_id: str, removed: Sequence[int]) -> pl.DataFrame:
    theirs = pl.col("file_id") == file_id
    before = pl.Series(sorted(removed)).search_sorted(rows["file_row"], side="left").cast(pl.Int64)
    kept = rows.with_columns(before.alias(" before")).filter(~(theirs & pl.col("file_row").is_in(list(removed))))
    told = kept.with_columns(
        file_row=pl.when(theirs).then(pl.col("file_row") - pl.col(" before")).otherwise("file_row")
    ).drop(" before")
    if "row_id" in told.columns:
        told = told.with_columns(
            row_id=pl.when(theirs).then(pl.format("{}-{}", "file_id", "file_row")).otherwise("row_id")
        )
    return told


def _count(lake: Lake, table: str, entry: Entry, n_removed: int) -> None:
    """Every record that is left is counted where it is now."""
    valid = lake.tables.scan(table, EqualTo("file_id", str(entry.file_id)))
    here = pl.col("file_id") == entry.file_id
    n_valid = 0 if valid is None else int(valid.filter(here).select(pl.len()).collect().item())
    open_rows = quarantine.rows_of(lake.tables, entry.source).filter(here, pl.col("status") == Fate.OPEN)
    n_open = int(open_rows.select(pl.len()).collect().item()) if entry.rows_quarantined else 0
    entry.rows_read = (entry.rows_read or 0) - n_removed
    entry.rows_valid, entry.rows_quarantined = n_valid, n_open
    entry.rows_duplicate = max(0, entry.rows_read - n_valid - n_open)
