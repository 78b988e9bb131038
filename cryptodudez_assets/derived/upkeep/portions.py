"""Computing a portion of a derived table: a plain function of what it is handed. Nothing is written.

Which portions there are is in `dividing.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.declaration import Derived, Frames, Input, Reaches
from cryptodudez_assets.derived.upkeep.gates import refuse_unsound
from cryptodudez_assets.derived.upkeep.reach import EARLIEST, AffectedRange, keys_in
from cryptodudez_assets.derived.upkeep.shape import conform
from cryptodudez_assets.lake.iceberg.scan import TableAt

# Within so many days before a change, most keys have the rows that a window needs.
NEAR = timedelta(days=92)


def compute(
    inputs: Mapping[str, TableAt], table: Derived, reach: AffectedRange | None, before: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The rows within reach (None: all), from the inputs, and from those `before` them where the table accumulates.

    Raises ValueError in words where Polars cannot make them, and `Refused` where they may not take the place of others.
    """
    frames = _Inputs({one.table: _read(inputs.get(one.table), one, reach, table) for one in table.inputs})
    if before is not None:
        frames[table.table] = before.lazy()
    try:
        rows, schema = _made(table, frames), polars_schema(table.contract)
        if reach:
            time = table.time_column  # what its type is, the contract says: a long plan need not be asked
            rows = reach.of(rows, time, dtype=schema[time] if time else None)
        computed = rows.select(schema.names()).collect()
    except pl.exceptions.PolarsError as error:
        said = str(error).partition("\n\nResolved plan")[0]
        raise ValueError(f"{table.table}: {' '.join(said.split())}") from error
    refuse_unsound(table, computed, frames)
    return computed


class _Inputs(dict[str, pl.LazyFrame]):
    """Inputs by name. One that is not declared is told with those that are."""

    def __missing__(self, name: str) -> pl.LazyFrame:
        raise ValueError(f"the transform reads {name}, and its inputs are {', '.join(self)}: declare it, too")


def _made(table: Derived, frames: Frames) -> pl.LazyFrame:
    if table.statement is not None:
        from cryptodudez_assets.derived.upkeep.sql import run  # DuckDB takes long to load

        return run(table, table.statement, frames)
    if table.transform is None:
        raise ValueError(f"{table.table} has neither a transform nor SQL")
    rows: object = table.transform(frames)
    if not isinstance(rows, pl.LazyFrame | pl.DataFrame):
        raise ValueError(f"{table.table}: its transform gives a {type(rows).__name__}, expected a LazyFrame")
    return rows.lazy() if table.has_own_types else conform(table, rows.lazy().collect()).lazy()


def _read(rows_of: TableAt | None, one: Input, reach: AffectedRange | None, table: Derived) -> pl.LazyFrame:
    columns, reaches = table.reads(one), table.reaches(one)
    if rows_of is None:
        return without_rows(one).select(columns)
    if reach is None or reaches == "all":
        return rows_of.scan().select(columns)
    reach = replace(reach, keys=keys_in(reach.keys, one, table))
    rows = rows_of.scan(reach.values).select(columns)
    if reaches == "keys":
        return reach.of(rows, None)
    if table.counts_back is None or reach.keys is None or reach.start is None:
        return reach.of(rows, one.time, _looks_back(table, reaches))
    return _with_rows_before(rows, one, reach, table.counts_back)


def without_rows(one: Input) -> pl.LazyFrame:
    """An input that is not there yet."""
    if one.absent is None:
        raise ValueError(f"there are no rows in {one.table}")
    return pl.LazyFrame(schema=polars_schema(one.absent))


def _looks_back(table: Derived, reaches: Reaches) -> timedelta | None:
    """How far before a day its rows look (None: to the beginning)."""
    if isinstance(reaches, timedelta):
        return reaches
    return timedelta(0) if table.accumulates else None


def _with_rows_before(rows: pl.LazyFrame, one: Input, reach: AffectedRange, n: int) -> pl.LazyFrame:
    """Rows of these keys within reach, and the `n` rows before it of each key."""
    keys, start = reach.keys, reach.start
    if keys is None or start is None or start == EARLIEST:
        return reach.of(rows, one.time)
    key = keys.columns
    near = AffectedRange(keys, start - NEAR, start).of(rows, one.time).collect()
    enough = near.group_by(key).len().filter(pl.col("len") >= n)
    few = keys.join(enough, on=key, how="anti")
    far = AffectedRange(few, start, start - NEAR).of(rows, one.time, back=None).collect() if len(few) else near.clear()
    before = pl.concat([far, near]).sort(*key, one.time).group_by(key, maintain_order=True).tail(n)
    return pl.concat([before.lazy().select(one.all_columns), reach.of(rows, one.time)])
