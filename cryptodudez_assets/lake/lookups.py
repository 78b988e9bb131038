"""Columns that another table tells: filled in when rows are read, brought up to date when that table has changed."""

from collections import Counter
from collections.abc import Callable

import polars as pl

from cryptodudez_assets.contracts.rules import broken_rules, judge
from cryptodudez_assets.lake import catalogue
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.merge import is_within, partitions, table_spec, within
from cryptodudez_assets.lake.tables import Lakehouse, any_of
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
    """Rewrite the partitions in which a value differs from what the other table tells now; returns how many rows do."""
    values = values_of(lake.tables, source)
    rows = lake.tables.scan(source.table)
    if source.lookup is None or values is None or rows is None:
        return 0
    spec = table_spec(source)
    with lake.tables.changing(spec) as change:
        days = pl.col("event_ts").dt.truncate("1d")
        stale = _stale(change.rows(), source.lookup, values).group_by(days).len().collect(engine="streaming")
        spans, n_rows = list(partitions(stale["event_ts"], source.partition_by)), int(stale["len"].sum())
        if not spans:
            return 0
        progress(f"{source.table}: {source.lookup.column} changed in {n_rows:,} rows of {len(spans)} partitions")
        kept = [change.rows(within(span)).filter(is_within(span)) for span in spans]
        change.delete(any_of(within(span) for span in spans))
        warned: Counter[str] = Counter()
        for part in kept:
            before = part.collect()
            after = _joined(before.lazy(), source.lookup, values).collect().select(before.columns)
            differs = before[source.lookup.column].ne_missing(after[source.lookup.column])
            warned.update(_warned(source, after.filter(differs)))
            warned.subtract(_warned(source, before.filter(differs)))
            change.add(after)
    catalogue.add_warned(lake.tables, source.name, {file_id: n for file_id, n in warned.items() if n})
    return n_rows


def _warned(source: Source, rows: pl.DataFrame) -> dict[str, int]:
    """How many rows of which file break a rule that only warns."""
    warned = broken_rules(list(judge(source.contract, rows)), warnings=True)
    return {} if warned is None else dict(rows["file_id"].filter(warned.list.len() > 0).value_counts().iter_rows())


def _joined(rows: pl.LazyFrame, lookup: Lookup, values: pl.DataFrame) -> pl.LazyFrame:
    return rows.drop(lookup.column).join(values.lazy(), on=lookup.by, how="left", maintain_order="left")


def _stale(rows: pl.LazyFrame, lookup: Lookup, values: pl.DataFrame) -> pl.LazyFrame:
    told = values.lazy().rename({lookup.column: "told"})
    narrow = rows.select(lookup.by, lookup.column, "event_ts").join(told, on=lookup.by, how="left")
    return narrow.filter(pl.col(lookup.column).ne_missing(pl.col("told")))
