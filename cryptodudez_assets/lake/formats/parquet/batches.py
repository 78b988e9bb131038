"""Rows of a Parquet file in batches that fit into memory, whatever its row groups and dictionaries come to.

Of a row group a page of each column is held at a time. Texts that a dictionary holds once stay in it until it is known how
much they come to, since a few bytes may stand for a megabyte in each row.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cryptodudez_assets.lake.formats.parquet.footer import LIMITS, PARQUET_ERRORS, Footer, refuse

BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 64 << 10
PAGE_BUFFER_BYTES = 1 << 20


class Batch(NamedTuple):
    """Rows of a row group (1 is the first), the first of which is its row number `first` (1 is the first)."""

    group: int
    first: int
    rows: pa.RecordBatch


def batches(content: BinaryIO, footer: Footer, batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """All rows in their order. Raises FileRefused where the file turns out to be damaged."""
    for group in range(footer.metadata.num_row_groups):
        told = footer.metadata.row_group(group)
        read = 0
        try:
            for rows in _of_group(content, footer, group, batch_bytes):
                for part in _halved(rows, batch_bytes):
                    yield Batch(group + 1, read + 1, part)
                    read += part.num_rows
        except PARQUET_ERRORS as error:
            refuse(error, f"row group {group + 1} cannot be read from its row {read + 1} on")
        if read != told.num_rows:
            refuse(ValueError(f"{told.num_rows:,} rows are said to be in it"), f"row group {group + 1} has {read:,} rows")


def _of_group(content: BinaryIO, footer: Footer, group: int, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    told = footer.metadata.row_group(group)
    if not told.num_rows:
        return
    size = sum(told.column(index).total_uncompressed_size for index in range(told.num_columns))
    size += told.num_rows * sum(max(0, footer.metadata.schema.column(index).length) for index in range(told.num_columns))
    n_rows = min(MAX_BATCH_ROWS, max(1, batch_bytes * told.num_rows // max(1, size)))
    opened = pq.ParquetFile(
        content,
        metadata=footer.metadata,
        read_dictionary=_texts_in_dictionaries(told),
        pre_buffer=False,
        buffer_size=PAGE_BUFFER_BYTES,
        coerce_int96_timestamp_unit="us",  # in nanoseconds, times of other centuries would become others without a word
        page_checksum_verification=True,
        **LIMITS,
    )
    for rows in opened.iter_batches(n_rows, row_groups=[group], use_threads=False):
        rows.validate()
        yield rows


def _texts_in_dictionaries(group: pq.RowGroupMetaData) -> list[str]:
    columns = [group.column(index) for index in range(group.num_columns)]
    return [one.path_in_schema for one in columns if one.physical_type == "BYTE_ARRAY" and one.has_dictionary_page]


def _halved(rows: pa.RecordBatch, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """Parts of which the texts come to little more than a batch should have; a single row is as large as it is."""
    if rows.num_rows < 2 or sum(map(_size_of_texts, rows.columns)) <= 2 * batch_bytes:
        yield rows
        return
    middle = rows.num_rows // 2
    for half in (rows.slice(0, middle), rows.slice(middle)):
        yield from _halved(half, batch_bytes)


def _size_of_texts(column: pa.Array) -> int:
    """What the texts come to that stand in dictionaries."""
    if pa.types.is_struct(column.type):
        return sum(_size_of_texts(pc.struct_field(column, [index])) for index in range(column.type.num_fields))
    if not pa.types.is_dictionary(column.type) or not _has_length(column.dictionary.type):
        return 0
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)


def _has_length(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_binary(dtype) or pa.types.is_large_string(dtype)


def column_of(rows: pa.RecordBatch, name: str) -> pa.Array:
    """A column by its name or its path, without a dictionary; within a structure that is null, its values are."""
    column = rows.column(name) if name in rows.schema.names else _within(rows, name)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _within(rows: pa.RecordBatch, path: str) -> pa.Array:
    names = path.split(".")
    for width in range(1, len(names)):  # names may have dots in them
        if (first := ".".join(names[:width])) in rows.schema.names:
            return _inside(rows.column(first), names[width:])
    raise KeyError(path)


def _inside(column: pa.Array, names: list[str]) -> pa.Array:
    for width in range(1, len(names) + 1):
        first, behind = ".".join(names[:width]), names[width:]
        if pa.types.is_struct(column.type) and column.type.get_field_index(first) >= 0:
            inner = pc.struct_field(column, [column.type.get_field_index(first)])
            return _inside(inner, behind) if behind else inner
    raise KeyError(".".join(names))
