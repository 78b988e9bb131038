"""What of a derived table is computed at a time, and computing it: plain functions of what they are handed. Nothing is written."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.declaration import Derived, Frames, Input, Reaches
from cryptodudez_assets.derived.upkeep.gates import refuse_unsound
from cryptodudez_assets.derived.upkeep.reach import EARLIEST, AffectedRange, keys_in
from cryptodudez_assets.derived.upkeep.shape import conform
from cryptodudez_assets.derived.upkeep.stretches import stretches_of
from cryptodudez_assets.lake.iceberg.scan import TableAt

# Of tables that look so many rows back, keys with about so many rows are computed at a time.
PORTION_ROWS = 50_000


# Within so many days before a change, most keys have the rows that a window needs.
NEAR = timedelta(days=92)


def portions_of(
    inputs: Mapping[str, TableAt],
    table: Derived,
    changes: pl.DataFrame | None,
    reaches: Sequence[AffectedRange] | None,
) -> Sequence[AffectedRange | None]:
    """What is computed at a time: each reach (None: everything), in stretches of days where it is long and the table can be cut so, or
    parts of the keys where rows are counted back."""
    if table.counts_back is None:
        whole: Sequence[AffectedRange | None] = [None] if reaches is None else reaches
        return [one for reach in whole for one in stretches_of(inputs, table, reach)] if table.is_cut_by_time else whole
    start = EARLIEST if reaches is None else reaches[0].start or EARLIEST
    sizes = _rows_per_key(inputs, table, start if start == EARLIEST else start - NEAR)
    if changes is None:
        firsts = sizes.select(table.key).with_columns(event_ts=pl.lit(EARLIEST))
    else:
        firsts = changes.select(*table.key, event_ts=pl.col("first").fill_null(EARLIEST))
    # Those that begin together are computed together, and neighbours, since they lie in the same files.
    sized = firsts.join(sizes, on=table.key, how="left", nulls_equal=True).sort("event_ts", *table.key)
    n_rows = pl.col("len").fill_null(0)
    numbered = sized.with_columns(((n_rows.cum_sum() - n_rows) // PORTION_ROWS).alias(" part"))
    parts = numbered.partition_by(" part", maintain_order=True)
    return [AffectedRange(part.select(table.key), part["event_ts"][0], None) for part in parts]


def _rows_per_key(inputs: Mapping[str, TableAt], table: Derived, since: datetime) -> pl.DataFrame:
    counts = []
    for one in (one for one in table.inputs if one.table in inputs):
        rows_of = inputs[one.table]
        for paths in ([], *([path] for path in rows_of.paths)):  # one at a time
            rows = rows_of.scan_files(paths).filter(pl.col(one.time) >= pl.lit(since))
            counts.append(rows.group_by(table.key).len().collect())
    return pl.concat(counts).group_by(table.key).agg(pl.col("len").sum())


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
    reach = AffectedRange(keys_in(reach.keys, one, table), reach.start, reach.end)
    rows = rows_of.scan(reach.values).select(columns)
    if reaches == "keys":
        return reach.of(rows, None)
    if table.counts_back is None or reach.keys is None or reach.start is None:
        return reach.of(rows, one.time, _looks_back(table, reaches))
    return _with_rows_before(rows, one, reach.keys, reach.start, table.counts_back)


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


def _with_rows_before(rows: pl.LazyFrame, one: Input, keys: pl.DataFrame, start: datetime, n: int) -> pl.LazyFrame:
    """Rows of these keys from `start` on, and the `n` rows before it of each key."""
    key = keys.columns
    if start == EARLIEST:
        return AffectedRange(keys, start, None).of(rows, one.time)
    near = AffectedRange(keys, start - NEAR, start).of(rows, one.time).collect()
    enough = near.group_by(key).len().filter(pl.col("len") >= n)
    few = keys.join(enough, on=key, how="anti")
    far = AffectedRange(few, start, start - NEAR).of(rows, one.time, back=None).collect() if len(few) else near.clear()
    before = pl.concat([far, near]).sort(*key, one.time).group_by(key, maintain_order=True).tail(n)
    return pl.concat([before.lazy().select(one.all_columns), AffectedRange(keys, start, None).of(rows, one.time)])
