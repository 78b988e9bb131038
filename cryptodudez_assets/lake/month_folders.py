"""Tables as Parquet files in folders by year and month, as object stores have them: all of a table's files replaced together.

A table's folder holds `.made_from.json`, written last: what the files were made from, and how large each is. Single files are in
`exports.py`.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import BinaryIO

import polars as pl

from cryptodudez_assets.lake.exports import FOLDER, parquet_writer, written
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.beside_lake import link_from_home
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.stored import ObjectStore

NOTE = ".made_from.json"


def export_by_month(
    lake: Lake,
    table: str,
    columns: Mapping[str, str],
    sort_by: Sequence[str],
    by_month: str,
    target: str,
    code_hash: str = "",
) -> int:
    """Write a table's rows into the lake's folder `target`, a file for each month (UTC) of the column `by_month`; returns how many
    rows there are.

    `columns`: the files', each with the table's column that it is of. Rows of a file are sorted by `sort_by`. Raises LookupError
    where there is no table, or nothing was ever written to it.
    """
    found = lake.tables.table(table)
    content = content_of(found)
    if found is None or content is None:
        raise LookupError(f"there are no rows in {table} yet; land something for it first")
    rows, made, n_rows = scan(found), MadeFrom(code_hash, {table: content}), 0
    schema = rows.collect_schema()
    chosen = [written(of, schema[of]).alias(name) for name, of in columns.items()]
    name = target.rpartition("/")[2]

    def parts() -> Iterator[tuple[str, BinaryIO]]:
        nonlocal n_rows
        sizes: dict[str, int] = {}
        for first, within in _months(rows, by_month, schema[by_month]):
            part = rows.filter(within).sort(sort_by).select(chosen).collect()
            key = f"year={first.year}/month={first.month}/{name}.parquet"
            content = io.BytesIO()
            with parquet_writer(content, part.schema, made.note) as write:
                write(part)
            sizes[key] = content.seek(0, io.SEEK_END)
            content.seek(0)
            yield key, content
            n_rows += len(part)
        yield NOTE, io.BytesIO(json.dumps({"made_from": made.as_json, "bytes": sizes}).encode())

    with exclusive(lake.settings, f"exports.{name}"):
        lake.store.replace(target, parts(), NOTE)
    link_from_home(lake.settings, FOLDER)
    return n_rows


def exported_by_month_from(store: ObjectStore, target: str) -> MadeFrom | None:
    """What the files of a table were made from; None where there are none, or not those that were written."""
    try:
        told = json.loads(store.read(f"{target}/{NOTE}"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    sizes = {
        found.key.removeprefix(f"{target}/"): found.size
        for found in store.list(target)
        if found.key.endswith(".parquet")
    }
    return MadeFrom.parse(told["made_from"]) if told["bytes"] == sizes else None


def _months(rows: pl.LazyFrame, column: str, dtype: pl.DataType) -> Iterator[tuple[date, pl.Expr]]:
    """The first day of each month with rows, and which rows these are."""
    months = (
        rows.select(pl.col(column).dt.month_start().cast(pl.Date).unique().sort()).collect().to_series().drop_nulls()
    )
    for first in months:
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        low, high = (_as(dtype, day) for day in (first, after))
        yield first, pl.col(column).is_between(pl.lit(low), pl.lit(high), closed="left")


def _as(dtype: pl.DataType, day: date) -> date | datetime:
    return day if dtype == pl.Date else datetime(day.year, day.month, day.day, tzinfo=UTC)
