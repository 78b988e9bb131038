"""Tables as files for whoever wants files: Parquet or CSV, with the column names that they expect, whole or not at all.

What a Parquet file was made from stands in its own metadata, so that it comes and goes with the rows; of a CSV in a file beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.lake.iceberg.provenance import MADE_FROM, MadeFrom, content_of, note_beside, noted_beside
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake

ROWS_AT_ONCE = 500_000
Write = Callable[[pl.DataFrame], object]


def export(
    lake: Lake, table: str, columns: Mapping[str, str], sort_by: Sequence[str], target: Path, code_hash: str = ""
) -> int:
    """Write a table's rows, sorted, to one file, with these columns; returns how many there are.

    `columns`: the file's, each with the table's column that it is of; days are written as YYYY-MM-DD. As many values of the first
    column of `sort_by` are read at a time as have about `ROWS_AT_ONCE` rows; `code_hash` is that of the columns. Whether it is CSV or
    Parquet, the target's name tells. Raises LookupError where there is no table, or nothing was ever written to it.
    """
    found = lake.tables.table(table)
    content = content_of(found)
    if found is None or content is None:
        raise LookupError(f"there are no rows in {table} yet; land something for it first")
    rows, made = scan(found), MadeFrom(code_hash, {table: content})
    schema = rows.collect_schema()
    chosen = [written(of, schema[of]).alias(name) for name, of in columns.items()]
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{uuid4().hex}.part")
    is_csv = target.suffix == ".csv"
    begin = _csv if is_csv else partial(parquet_writer, note=made.note)
    try:
        n_rows = 0
        with begin(unfinished, rows.select(chosen).collect_schema()) as write:
            for within in _portions(rows, sort_by[0]):
                part = rows.filter(within).sort(sort_by).select(chosen).collect()
                write(part)
                n_rows += len(part)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    if is_csv:
        note_beside(target, made)
    return n_rows


def exported_from(path: Path) -> MadeFrom | None:
    """What an export was made from; None where there is none, or no whole one."""
    if path.suffix == ".csv":
        return noted_beside(path)
    try:
        told = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    note = told.get(MADE_FROM.encode())
    return MadeFrom.parse(note.decode()) if note else None


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
def parquet_writer(path: Path, schema: pl.Schema, note: Mapping[str, str]) -> Iterator[Write]:
    """Writes frames of this schema to one file, with a note.

    Floats are split by byte, which packs prices better and faster than a dictionary does.
    """
    with pq.ParquetWriter(
        path,
        schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema.with_metadata(dict(note)),
        compression="lz4",
        use_dictionary=[name for name, dtype in schema.items() if dtype == pl.String],
        use_byte_stream_split=[name for name, dtype in schema.items() if dtype.is_float()],
    ) as out:
        yield lambda part: out.write_table(part.to_arrow(compat_level=pl.CompatLevel.oldest()))


@contextmanager
def _csv(path: Path, schema: pl.Schema) -> Iterator[Write]:
    """Text is always in quotes, so that empty text and null stay apart, and so do numbers and text that looks like one."""
    with path.open("wb") as out:
        schema.to_frame().write_csv(out)

        def write(part: pl.DataFrame) -> None:
            part.write_csv(
                out, include_header=False, quote_style="non_numeric", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ"
            )

        yield write
