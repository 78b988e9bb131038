"""Whether the tables of two places say the same, row by row: read in both, and added up to numbers that do not depend on any order.

Of each data file rows are counted, and hashes added up: of each column, and of whole rows, so that values that changed places within
their column are noticed, too. A snapshot is the sum of its files, so each is read once, however many snapshots have it. That the bytes
of files are the same is told by `copying.py`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.lake.iceberg.planning import all_paths
from cryptodudez_assets.lake.iceberg.scan import scan_files

ROWS, WHOLE = "rows", "whole rows"
HALF = 1 << 32

Changed = Callable[[pl.DataFrame], pl.DataFrame]
Sums = Counter[str]


@dataclass(frozen=True)
class Compared:
    """A table in both places: how much was read, and what differs, in words."""

    table: str
    snapshots: int
    files: int
    rows: int
    columns: int
    differing: list[str]


class _Side:
    """A table in one place; each of its files is read once. `changed`: what its rows are to be in the other place."""

    def __init__(self, table: Table, changed: Changed | None = None) -> None:
        self.table, self._changed = table, changed
        self._known: dict[str, Sums] = {}

    def sums(self, snapshot_id: int | None) -> Sums:
        paths = all_paths(self.table, snapshot_id)
        return sum(map(self._of_file, paths), Sums({ROWS: 0}))

    def _of_file(self, path: str) -> Sums:
        if path not in self._known:
            rows = scan_files(self.table, [path])
            rows = rows if self._changed is None else self._changed(rows.collect()).lazy()
            self._known[path] = sums_of(rows)
        return self._known[path]

    @property
    def files(self) -> int:
        return len(self._known)


def compare(name: str, before: Table, after: Table, changed: Changed | None) -> Compared:
    """A table where it was, and where it is now. `changed`: how the rows of the newest version were to be changed on the way."""
    here, there = _Side(before), _Side(after)
    differing = []
    for snapshot in before.metadata.snapshots:
        differing += _differing(here, there, snapshot.snapshot_id)
    newest = _Side(before, changed).sums(None) if changed else here.sums(None)
    found = there.sums(None)
    differing += [f"{what} of the newest version" for what in _unequal(newest, found)]
    columns = len(after.schema().fields)
    return Compared(name, len(before.metadata.snapshots), there.files, found[ROWS], columns, differing)


def _differing(here: _Side, there: _Side, snapshot_id: int) -> list[str]:
    if there.table.metadata.snapshot_by_id(snapshot_id) is None:
        return [f"the version {snapshot_id} is missing"]
    return [f"{what} of version {snapshot_id}" for what in _unequal(here.sums(snapshot_id), there.sums(snapshot_id))]


def _unequal(one: Mapping[str, int], other: Mapping[str, int]) -> Iterable[str]:
    return [name for name in sorted({*one, *other}) if one.get(name, 0) != other.get(name, 0)]


def sums_of(rows: pl.LazyFrame) -> Sums:
    """Of some rows: how many, and the sum of the hashes of each column's values, and of rows; the same in whatever order they come."""
    names = rows.collect_schema().names()
    hashes = {**{f"the column {name}": pl.col(name) for name in names}, WHOLE: pl.struct(pl.all())}
    halves = [expression.hash().alias(name) for name, expression in hashes.items()]
    low = (pl.all() % HALF).sum().name.suffix(" low")
    high = (pl.all() // HALF).sum().name.suffix(" high")
    found = rows.select(halves).select(pl.len().cast(pl.UInt64).alias(ROWS), low, high).collect().row(0, named=True)
    told = Sums({ROWS: found[ROWS]})
    for name in hashes:
        told[name] = found[f"{name} low"] + HALF * found[f"{name} high"]
    return told
