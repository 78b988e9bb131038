"""Columns that another table tells: filled in when rows are read, brought up to date when that table has changed."""

from collections import Counter
from collections.abc import Callable

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.rules import breaking, judge
from cryptodudez_assets.lake import catalogue
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.merge import table_spec
from cryptodudez_assets.lake.tables import PATH, Lakehouse
from cryptodudez_assets.sources.declaration import Lookup, Source


def values_of(tables: Lakehouse, source: Source) -> pl.DataFrame | None:
    """What the other table tells now, by the column that both have; None where there is nothing to look up."""
    if source.lookup is None:
        return None
    rows = tables.scan(source.lookup.table)
    return source.lookup.values(rows).collect() if rows is not None else None


def filled(rows: pl.DataFrame, source: Source, values: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with the column as `values` tell it."""
    if source.lookup is None or values is None:
        return rows
    return _joined(rows.lazy(), source.lookup, values).collect().select(rows.columns)


def bring_up_to_date(lake: Lake, source: Source, progress: Callable[[str], None] = lambda _: None) -> int:
    """Rewrite the files in which a value differs from what the other table tells now; returns how many rows do."""
    values = values_of(lake.tables, source)
    if source.lookup is None or values is None or lake.tables.table(source.table) is None:
        return 0
    warned: Counter[str] = Counter()

    def corrected(before: pl.DataFrame) -> pl.DataFrame:
        after = filled(before, source, values)
        differs = before[lookup.column].ne_missing(after[lookup.column])
        warned.update(_warned(source, after.filter(differs)))
        warned.subtract(_warned(source, before.filter(differs)))
        return after

    lookup = source.lookup
    with lake.tables.changing(table_spec(source)) as change:
        rows = _stale(change.rows_with_path(AlwaysTrue()), lookup, values)
        stale = rows.group_by(PATH).len().collect(engine="streaming")
        n_rows = int(stale["len"].sum())
        if not n_rows:
            return 0
        progress(f"{source.table}: {lookup.column} changed in {n_rows:,} rows of {len(stale)} files")
        change.rewrite(set(stale[PATH]), corrected)
    catalogue.add_warned(lake.tables, source.name, {file_id: n for file_id, n in warned.items() if n})
    return n_rows


def _warned(source: Source, rows: pl.DataFrame) -> dict[str, int]:
    """How many rows of which file break a rule that only warns."""
    warned = breaking(judge(source.contract, rows), warnings=True)
    return {} if warned is None else dict(rows["file_id"].filter(warned).value_counts().iter_rows())


def _joined(rows: pl.LazyFrame, lookup: Lookup, values: pl.DataFrame) -> pl.LazyFrame:
    return rows.drop(lookup.column).join(values.lazy(), on=lookup.by, how="left", maintain_order="left")


def _stale(rows: pl.LazyFrame, lookup: Lookup, values: pl.DataFrame) -> pl.LazyFrame:
    told = values.lazy().rename({lookup.column: "told"})
    narrow = rows.select(lookup.by, lookup.column, PATH).join(told, on=lookup.by, how="left")
    return narrow.filter(pl.col(lookup.column).ne_missing(pl.col("told")))
