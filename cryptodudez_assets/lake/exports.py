"""Tables as files for whoever wants files: Parquet or CSV, with the column names that they expect, whole or not at all.

What a Parquet file was made from stands in its own metadata, so that it comes and goes with the rows; of a CSV in a file beside it.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.lake.iceberg.provenance import (
    MADE_FROM,
    NOTHING,
    MadeFrom,
    content_of,
    note_beside,
    noted_beside,
)
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.beside_lake import link_from_home
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.lake.store.stored import ObjectStore

FOLDER = "exports"
"""Of the lake."""
ROWS_AT_ONCE = 500_000
Write = Callable[[pl.DataFrame], object]


def export(
    lake: Lake,
    table: str,
    columns: Mapping[str, str],
    sort_by: Sequence[str],
    target: str,
    code_hash: str = "",
    absent: type[Contract] | None = None,
) -> int:
    """Write a table's rows, sorted, to one object of the lake, with these columns; returns how many there are.

    `columns`: the file's, each with the table's column that it is of; days are written as YYYY-MM-DD. As many values of the first
    column of `sort_by` are read at a time as have about `ROWS_AT_ONCE` rows; `code_hash` is that of the columns. Whether it is CSV or
    Parquet, the target's key tells. `absent`: the contract of a table that has no rows as long as it is not there; of any other, or one
    to which nothing was ever written, LookupError is raised.
    """
    found = lake.tables.table(table)
    content = content_of(found)
    if found is not None and content is not None:
        rows = scan(found)
    elif absent is not None:
        rows = pl.LazyFrame(schema=polars_schema(absent))
    else:
        raise LookupError(f"there are no rows in {table} yet; land something for it first")
    made = MadeFrom(code_hash, {table: NOTHING if content is None else content})
    schema = rows.collect_schema()
    chosen = [written(of, schema[of]).alias(name) for name, of in columns.items()]
    is_csv = target.endswith(".csv")
    begin = _csv if is_csv else partial(parquet_writer, note=made.note)
    n_rows = 0
    with unnamed_file(lake) as out:
        with begin(out, rows.select(chosen).collect_schema()) as write:
            for within in _portions(rows, sort_by[0]):
                part = rows.filter(within).sort(sort_by).select(chosen).collect()
                write(part)
                n_rows += len(part)
        out.seek(0)
        lake.store.write(target, out)
    if is_csv:
        note_beside(lake.store, target, made)
    link_from_home(lake.settings, FOLDER)
    return n_rows


def exported_from(store: ObjectStore, target: str) -> MadeFrom | None:
    """What an export was made from; None where there is none, or no whole one."""
    if target.endswith(".csv"):
        return noted_beside(store, target)
    try:
        with store.open(target) as content:
            told = pq.read_metadata(content).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    note = told.get(MADE_FROM.encode())
    return MadeFrom.parse(note.decode()) if note else None


def unnamed_file(lake: Lake) -> BinaryIO:
    """A file for what is on its way into the lake: on the disk of the home, and gone with whoever writes it."""
    return cast(BinaryIO, tempfile.TemporaryFile(dir=make_private(lake.settings.home)))


def written(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column of a table as it is written to a file."""
    return pl.col(name).dt.to_string("%F") if dtype == pl.Date else pl.col(name)


def _portions(rows: pl.LazyFrame, first: str) -> Iterator[pl.Expr]:
    """Parts of the rows by this column, in its order: first those without a value, then values of about so many rows at a time."""
    counted = rows.group_by(first).len().sort(first).collect()
    if counted[first].null_count():
        yield pl.col(first).is_null()
    counted = counted.drop_nulls(first).with_columns(part=(pl.col("len").cum_sum() - 1) // ROWS_AT_ONCE)
    for some in counted.partition_by("part", maintain_order=True):
        yield pl.col(first).is_between(pl.lit(some[first][0]), pl.lit(some[first][-1]))


@contextmanager
def parquet_writer(out: BinaryIO, schema: pl.Schema, note: Mapping[str, str]) -> Iterator[Write]:
    """Writes frames of this schema to one file, with a note.

    Floats are split by byte, which packs prices better and faster than a dictionary does.
    """
    with pq.ParquetWriter(
        out,
        schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema.with_metadata(dict(note)),
        compression="lz4",
        use_dictionary=[name for name, dtype in schema.items() if dtype == pl.String],
        use_byte_stream_split=[name for name, dtype in schema.items() if dtype.is_float()],
    ) as writer:
        yield lambda part: writer.write_table(part.to_arrow(compat_level=pl.CompatLevel.oldest()))


@contextmanager
def _csv(out: BinaryIO, schema: pl.Schema) -> Iterator[Write]:
    """Text is always in quotes, so that empty text and null stay apart, and so do numbers and text that looks like one."""
    schema.to_frame().write_csv(out)

    def write(part: pl.DataFrame) -> None:
        part.write_csv(out, include_header=False, quote_style="non_numeric", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")

    yield write
