"""What rows of a table that accumulates add up on: of each key the last row before the days that are computed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.portions import compute
from cryptodudez_assets.derived.upkeep.reach import AffectedRange
from cryptodudez_assets.lake.iceberg.scan import TableAt

FEW_ROWS = 1_000_000
"""A table with no more is looked through at once."""
# In others most keys have a row within so long before; those that have none are looked for further back, and at last everywhere.
BACK = (timedelta(days=62), timedelta(days=434), None)


def compute_in_order(
    inputs: Mapping[str, TableAt], table: Derived, own: TableAt | None, portions: Sequence[AffectedRange | None]
) -> Iterator[pl.DataFrame]:
    """The rows of each portion. Of one that follows another the last rows are known already, and are not read again.

    `own`: the table as it is, by which the first is told what came before; None where everything is computed.
    """
    before, previous = pl.DataFrame(), None
    for portion in portions:
        if not _follows(portion, previous):
            before = last_before(own, table, portion)
        rows = compute(inputs, table, portion, before)
        before, previous = _last(pl.concat([before, rows]).lazy(), table).collect(), portion
        yield rows


def _follows(portion: AffectedRange | None, previous: AffectedRange | None) -> bool:
    if portion is None or previous is None or portion.start is None:
        return False
    return portion.keys is previous.keys and portion.part is previous.part and portion.start == previous.end


def last_before(own: TableAt | None, table: Derived, portion: AffectedRange | None) -> pl.DataFrame:
    """Of each key within reach its last row before it, from the table as it is."""
    schema = polars_schema(table.contract)
    if own is None or portion is None or portion.start is None:
        return pl.DataFrame(schema=schema)
    keys, until = portion.keys, portion.start
    if keys is None or set(keys.columns) != set(table.carried_key) or own.n_rows <= FEW_ROWS:
        return _newest(own, table, AffectedRange(keys, None, until, portion.part))
    found = []
    for back in BACK:
        since = None if back is None else portion.start - back
        found.append(_newest(own, table, AffectedRange(keys, since, until, portion.part)))
        keys, until = keys.join(found[-1], on=keys.columns, how="anti", nulls_equal=True), since or until
        if keys.is_empty():
            break
    return pl.concat(found)


def _newest(own: TableAt, table: Derived, within: AffectedRange) -> pl.DataFrame:
    """Of each key its last row within a range. Which that is, the key and the time tell; of other columns only those rows are read."""
    schema, time = polars_schema(table.contract), str(table.time_column)
    key = table.carried_key
    rows = within.of(own.scan().select(schema.names()), time, dtype=schema[time])
    newest = rows.select(*key, time).group_by(key).agg(pl.col(time).max()).collect()
    if newest.is_empty():
        return pl.DataFrame(schema=schema)
    there = rows.filter(pl.col(time).is_between(newest[time].min(), newest[time].max()))
    return there.join(newest.lazy(), on=[*key, time], how="semi", nulls_equal=True).collect()


def _last(rows: pl.LazyFrame, table: Derived) -> pl.LazyFrame:
    time = str(table.time_column)
    newest = rows.group_by(table.carried_key).agg(pl.col(time).max())
    return rows.join(newest, on=[*table.carried_key, time], how="semi", nulls_equal=True)
