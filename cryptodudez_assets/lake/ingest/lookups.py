"""Columns that another table tells: filled in when rows are read, brought up to date when that table has changed."""

from collections import Counter
from collections.abc import Callable, Mapping

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.rules import breaking, evaluate_rules
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, made_from
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.sources.declaration import Lookup, Source


def values_of(tables: IcebergTables, source: Source) -> pl.DataFrame | None:
    """What the other table tells now, by the column that both have; None where there is nothing to look up."""
    if source.lookup is None:
        return None
    rows = tables.scan(source.lookup.table)
    return source.lookup.values(rows).collect() if rows is not None else None


def told_now(tables: IcebergTables, source: Source) -> MadeFrom | None:
    """Which content of the other table `values_of`, asked later, tells at the least; None where there is nothing to look up."""
    lookup = source.lookup
    content = content_of(tables.table(lookup.table)) if lookup else None
    return MadeFrom(code_hash_of(lookup), {lookup.table: content}) if lookup and content is not None else None


def outdated_by(tables: IcebergTables, source: Source, told: MadeFrom | None) -> Mapping[str, str]:
    """What the source's table is to note of its rows when others join them that were filled from this: that they agree with nothing,
    where its rows agree with something else."""
    agreed = made_from(tables.table(source.table)) if source.lookup else None
    return MadeFrom("", {}).note if agreed not in (None, told) else {}


def filled(rows: pl.DataFrame, source: Source, values: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with the column as `values` tell it."""
    if source.lookup is None or values is None:
        return rows
    # Rows of one file mostly share a value: each run of it is looked up once.
    by, column = source.lookup.by, source.lookup.column
    runs = rows.select(pl.col(by).rle()).unnest(by).select(pl.col("value").alias(by))
    told = runs.join(values, on=by, how="left", maintain_order="left", validate="m:1")[column]
    return rows.with_columns(told.gather(rows[by].rle_id()).alias(column))


def bring_up_to_date(lake: Lake, source: Source, progress: Callable[[str], None] = lambda _: None) -> int:
    """Rewrite the files in which a value differs from what the other table tells now; returns how many rows did.

    The table notes which content of the other one its rows agree with, so that mostly there is nothing to look at.
    """
    lookup, now, table = source.lookup, told_now(lake.tables, source), lake.tables.table(source.table)
    values = None if table is None or now in (None, made_from(table)) else values_of(lake.tables, source)
    if lookup is None or now is None or values is None:
        return 0
    n_rows, warned = 0, Counter[str]()

    def corrected(before: pl.DataFrame) -> pl.DataFrame:
        nonlocal n_rows
        after = filled(before, source, values)
        differs = before[lookup.column].ne_missing(after[lookup.column])
        n_rows += int(differs.sum())
        warned.update(_warned(source, after.filter(differs)))
        warned.subtract(_warned(source, before.filter(differs)))
        return after

    with lake.tables.changing(table_spec(source)) as change:
        stale = [path for path in change.paths(AlwaysTrue()) if _is_stale(change.rows_of(path), lookup, values)]
        if stale:
            progress(f"{source.table}: {lookup.column} changed in {len(stale)} files")
        change.rewrite(stale, corrected).remember(now.note)
    file_entries.add_warned(lake.tables, source.name, {file_id: n for file_id, n in warned.items() if n})
    return n_rows


def code_hash_of(lookup: Lookup) -> str:
    """A hash of what is looked up how."""
    return hash_of_code(lookup.values, more=(lookup.column, lookup.by))


def _warned(source: Source, rows: pl.DataFrame) -> dict[str, int]:
    """How many rows of which file break a rule that only warns."""
    warned = breaking(evaluate_rules(source.contract, rows), warnings=True)
    return {} if warned is None else dict(rows["file_id"].filter(warned).value_counts().iter_rows())


def _is_stale(rows: pl.LazyFrame, lookup: Lookup, values: pl.DataFrame) -> bool:
    told = rows.select(lookup.by, lookup.column).unique().collect(engine="streaming")
    now = told.join(values.rename({lookup.column: " now"}), on=lookup.by, how="left", maintain_order="left")[" now"]
    return bool(told[lookup.column].ne_missing(now).any())
