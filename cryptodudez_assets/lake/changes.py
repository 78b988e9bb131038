"""What changed in a table between two snapshots: rows that are new, and rows that are gone."""

from collections.abc import Sequence

import polars as pl

from cryptodudez_assets.lake.tables import Lakehouse, data_files, scan_files

PROVENANCE = ["file_id", "file_row"]


def changed_rows(
    tables: Lakehouse, name: str, since: int | None, until: int | None, columns: Sequence[str]
) -> pl.DataFrame | None:
    """Distinct values of `columns` in rows that were added or removed after snapshot `since`, up to `until`.

    Only files that differ are read, partition by partition. Rows that merely moved between files do not count, nor those that
    are now read from another raw file, unless `columns` name it. None where the older snapshot is not kept any more (or there
    was none), so that everything must be taken for changed.
    """
    table = tables.table(name)
    if table is None or since is None or table.snapshot_by_id(since) is None:
        return None
    if since == until:
        return scan_files(table, []).select(columns).collect()
    before, after = (
        {file.file_path: str(file.partition) for file in data_files(table, snapshot_id=snapshot)}
        for snapshot in (since, until)
    )
    gone = {path: partition for path, partition in before.items() if path not in after}
    came = {path: partition for path, partition in after.items() if path not in before}
    parts = [scan_files(table, []).select(columns).collect()]
    for partition in sorted({*gone.values(), *came.values()}):
        here, there = (
            scan_files(table, sorted(path for path, its in files.items() if its == partition)) for files in (came, gone)
        )
        parts += _differing(here, there, columns)
    return pl.concat(parts).unique(maintain_order=True)


def _differing(came: pl.LazyFrame, gone: pl.LazyFrame, columns: Sequence[str]) -> list[pl.DataFrame]:
    """What is only in one of them."""
    both = [name for name in came.collect_schema().names() if name in columns or name not in PROVENANCE]
    here, there = pl.collect_all([came.select(both), gone.select(both)])
    pairs = ((here, there), (there, here))
    return [one.join(other, on=both, how="anti", nulls_equal=True).select(columns).unique() for one, other in pairs]
