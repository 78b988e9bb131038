"""Ranges of a key, so that a table which days do not divide is computed in parts. Says which rows belong to a range; computes no table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any

import polars as pl

from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.lake.iceberg.scan import TableAt

# Of what is divided by so few keys, most of a part would be looking for them.
RANGE_KEYS = 100_000
# Bounds are chosen by about so many rows, and keys are counted by as many.
SAMPLE_ROWS = 1_000_000
# Keys that something adds up on are at most so many times the rows that it is computed of at a time.
CARRIED = 0.2

Bound = tuple[Any, ...]


@dataclass(frozen=True)
class KeyRange:
    """Rows from `low` on and below `high`, compared column by column (None: no bound). Null is below all values."""

    columns: tuple[str, ...]
    low: Bound | None
    high: Bound | None

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows of this range."""
        if self.low is not None:
            rows = rows.filter(_from(self.columns, self.low))
        return rows if self.high is None else rows.filter(_below(self.columns, self.high))

    @cached_property
    def values(self) -> pl.Series | None:
        """Two values of one column between which all rows lie, by which files can be told apart; None where there are none."""
        if self.low is None or self.high is None or self.low[0] is None or self.high[0] is None:
            return None
        return pl.Series(self.columns[0], [self.low[0], self.high[0]])


def _from(columns: Sequence[str], low: Bound) -> pl.Expr:
    column, value = pl.col(columns[0]), low[0]
    if len(columns) == 1:
        return pl.lit(value=True) if value is None else (column >= pl.lit(value)).fill_null(value=False)
    rest = _from(columns[1:], low[1:])
    if value is None:
        return column.is_not_null() | rest
    return ((column > pl.lit(value)) | ((column == pl.lit(value)) & rest)).fill_null(value=False)


def _below(columns: Sequence[str], high: Bound) -> pl.Expr:
    column, value = pl.col(columns[0]), high[0]
    if len(columns) == 1:
        return pl.lit(value=False) if value is None else (column < pl.lit(value)) | column.is_null()
    rest = _below(columns[1:], high[1:])
    if value is None:
        return column.is_null() & rest
    return (column < pl.lit(value)) | column.is_null() | ((column == pl.lit(value)) & rest)


def dividing_columns(table: Derived) -> list[str]:
    """The columns of a table's key by whose ranges it can be computed: those that all of its inputs have, but such as are read whole.

    A row depends on input rows with its values of them.
    """
    shared = [table.shared_key(one) for one in table.inputs if table.reaches(one) != "all"]
    return [name for name in table.key if shared and all(name in found for found in shared)]


def key_ranges(inputs: Mapping[str, TableAt], table: Derived, parts: int) -> Sequence[KeyRange | None]:
    """A table's key in at most so many ranges with about as many input rows each; [None] where it is not divided.

    By its first column, where that is enough; a value that many rows share is divided by the next one, too.
    """
    columns = dividing_columns(table)
    if parts <= 1 or not columns:
        return [None]
    cuts: list[Bound] = []
    for many in range(1, len(columns) + 1):
        cuts = _cuts(inputs, table, columns[:many], parts)
        if len(cuts) == parts - 1:
            break
    return [KeyRange(tuple(columns[:many]), low, high) for low, high in pairwise([None, *cuts, None])]


def _cuts(inputs: Mapping[str, TableAt], table: Derived, columns: Sequence[str], parts: int) -> list[Bound]:
    """Values at equal steps of a sorted sample, each once."""
    every = max(1, _n_rows(inputs, table) // SAMPLE_ROWS)
    sample = pl.concat([rows.gather_every(every).collect() for rows in _read_one_by_one(inputs, table, columns)])
    if sample.is_empty():
        return []
    found = sample.sort(columns)[[len(sample) * part // parts for part in range(1, parts)]]
    bounds = found.unique(maintain_order=True).iter_rows()
    return [bound for bound in bounds if any(value is not None for value in bound)]


def parts_by_rows(inputs: Mapping[str, TableAt], table: Derived, n_keys: int | None, rows_at_a_time: int) -> int:
    """In how many parts a table is computed whose inputs have so many rows. `n_keys`: how many of its keys are (None: all)."""
    by_rows = _n_rows(inputs, table) // rows_at_a_time
    return by_rows if n_keys is None else min(by_rows, n_keys // RANGE_KEYS)


def parts_by_keys(inputs: Mapping[str, TableAt], table: Derived, n_keys: int | None, rows_at_a_time: int) -> int:
    """In how many parts a table is computed that accumulates, each of which has few keys to carry from stretch to stretch."""
    counted = _count_keys(inputs, table) if n_keys is None else n_keys
    return ceil(counted / (CARRIED * rows_at_a_time))


def _count_keys(inputs: Mapping[str, TableAt], table: Derived) -> int:
    """About how many keys there are, by a sample of them with all their rows."""
    columns = dividing_columns(table)[:1]  # others tell few of them apart, and would have to be read
    if not columns:
        return 0
    one_of = max(1, _n_rows(inputs, table) // SAMPLE_ROWS)
    chosen = [
        rows.filter(pl.col(columns).hash() % one_of == 0).unique().collect()
        for rows in _read_one_by_one(inputs, table, columns)
    ]
    return one_of * (pl.concat(chosen).n_unique() if chosen else 0)


def _read_one_by_one(inputs: Mapping[str, TableAt], table: Derived, columns: Sequence[str]) -> list[pl.LazyFrame]:
    divided = [inputs[one.table] for one in table.inputs if one.table in inputs and table.reaches(one) != "all"]
    return [rows.scan_files([path]).select(columns) for rows in divided for path in rows.paths]


def _n_rows(inputs: Mapping[str, TableAt], table: Derived) -> int:
    return sum(inputs[one.table].n_rows for one in table.inputs if one.table in inputs and table.reaches(one) != "all")
