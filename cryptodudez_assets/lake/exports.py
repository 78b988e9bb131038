"""Tables as Parquet files for whoever wants files: with the column names that they expect, whole or not at all.

What a file was made from stands in its own metadata, so that it comes and goes with the rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.lake.iceberg.provenance import MADE_FROM, MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake

KEYS_AT_ONCE = 200


def export(
    lake: Lake, table: str, columns: Mapping[str, pl.Expr], sort_by: Sequence[str], target: Path, code_hash: str = ""
) -> int:
    """Write a table's rows, sorted, to one file, with these columns; returns how many there are.

    So many values of the first column of `sort_by` are read at a time; `code_hash` is that of the columns. Raises
    LookupError where there is no table, or nothing was ever written to it.
    """
    found = lake.tables.table(table)
    content = content_of(found)
    if found is None or content is None:
        raise LookupError(f"there are no rows in {table} yet; land something for it first")
    rows, note = scan(found), MadeFrom(code_hash, {table: content}).note
    keys = rows.select(pl.col(sort_by[0]).unique().sort()).collect().to_series()
    chosen = [expression.alias(name) for name, expression in columns.items()]
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{uuid4().hex}.part")
    try:
        n_rows = 0
        with _writer(unfinished, rows.select(chosen).collect_schema(), note) as out:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                within = pl.col(sort_by[0]).is_between(pl.lit(some[0]), pl.lit(some[-1]))
                part = rows.filter(within).sort(sort_by).select(chosen).collect()
                out.write_table(part.to_arrow(compat_level=pl.CompatLevel.oldest()))
                n_rows += len(part)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_rows


def exported_from(path: Path) -> MadeFrom | None:
    """What an export was made from; None where there is none, or no whole one."""
    try:
        told = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    note = told.get(MADE_FROM.encode())
    return MadeFrom.parse(note.decode()) if note else None


def _writer(path: Path, schema: pl.Schema, note: Mapping[str, str]) -> pq.ParquetWriter:
    """Floats are split by byte, which packs prices better and faster than a dictionary does."""
    return pq.ParquetWriter(
        path,
        schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema.with_metadata(dict(note)),
        compression="lz4",
        use_dictionary=[name for name, dtype in schema.items() if dtype == pl.String],
        use_byte_stream_split=[name for name, dtype in schema.items() if dtype.is_float()],
    )
