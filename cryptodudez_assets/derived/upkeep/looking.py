"""What a table's own checks are handed: its rows, and those that it was made from, at one moment. Judging is up to the check."""

import polars as pl

from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.own_checks import Finding, TableCheck
from cryptodudez_assets.derived.upkeep.portions import without_rows
from cryptodudez_assets.lake.iceberg.provenance import content_of, kept, made_from
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.lake import Lake


class NotKept(LookupError):
    """What the table was made from cannot be read any more; the message says what to do."""


def look(lake: Lake, table: Derived, check: TableCheck) -> Finding | None:
    """What the check finds now; None where the table has not been made. Raises `NotKept`."""
    own = lake.tables.table(table.table)
    if own is None or content_of(own) is None:
        return None
    made = made_from(own)
    frames = {table.table: TableAt(own).scan()}
    for one in table.inputs:
        if made and one.absent is not None and one.table not in made.inputs:
            frames[one.table] = without_rows(one)
            continue
        read = lake.tables.table(one.table)
        snapshot = kept(read, made.inputs.get(one.table)) if made else None
        if read is None or snapshot is None:
            raise NotKept(
                f"{table.table} was made from rows of {one.table} that are not kept any more, so that nobody can compare them: "
                "compute it anew"
            )
        frames[one.table] = TableAt(read, snapshot).scan()
    for name in check.beside:
        rows = lake.tables.scan(name)
        frames[name] = pl.LazyFrame() if rows is None else rows
    return check.judge(frames)
