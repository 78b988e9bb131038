"""What changed in a table between two snapshots: rows that are new, and rows that are gone."""

from collections.abc import Sequence

import polars as pl

from cryptodudez_assets.lake.tables import Lakehouse, planned_files, scan_files


def changed_rows(
    tables: Lakehouse, name: str, since: int | None, until: int | None, columns: Sequence[str]
) -> pl.DataFrame | None:
    """Distinct values of `columns` in rows that were added or removed after snapshot `since`, up to `until`.

    Only files that differ are read; rows that merely moved between files do not count. None where the older snapshot is not
    kept any more (or there was none), so that everything must be taken for changed.
    """
    table = tables.table(name)
    if table is None or since is None or table.snapshot_by_id(since) is None:
        return None
    if since == until:
        return scan_files(table, []).select(columns).collect()
    before, after = (set(planned_files(table, snapshot_id=snapshot)) for snapshot in (since, until))
    gone = scan_files(table, sorted(before - after)).collect()
    came = scan_files(table, sorted(after - before)).collect()
    both = [column for column in came.columns if column in gone.columns]
    differing = [
        came.join(gone, on=both, how="anti", nulls_equal=True),
        gone.join(came, on=both, how="anti", nulls_equal=True),
    ]
    return pl.concat([rows.select(columns) for rows in differing]).unique(maintain_order=True)
