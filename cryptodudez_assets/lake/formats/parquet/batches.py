"""Rows of a Parquet file in batches that fit into memory, whatever its row groups and dictionaries come to.

Of a row group a page of each column is held at a time. How many rows are a batch is found from what they weigh in the file, and
from the longest text of a dictionary, since a few bytes may stand for a megabyte in each row. What comes out heavier, since a few
rows hold most of it, is halved.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.parquet.footer import (
    BYTE_ARRAY,
    LIMITS,
    PARQUET_ERRORS,
    ColumnChunk,
    Footer,
    RowGroup,
    refuse,
)
from cryptodudez_assets.lake.formats.parquet.pages import page_sizes
from cryptodudez_assets.lake.formats.parquet.values import is_text

BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 64 << 10
MAX_TEXT_BYTES = 64 << 20  # in a batch, if each of its rows had the longest text
PAGE_BUFFER_BYTES = 1 << 20
# The largest pages of all columns, and their dictionaries, are held together.
MAX_PAGES_BYTES = 512 << 20
# A heavier row is none, as a line of text of that length is.
MAX_ROW_BYTES = 16 << 20


class Batch(NamedTuple):
    """Rows of a row group (1 is the first), the first of which is its row number `first` (1 is the first)."""

    group: int
    first: int
    rows: pa.RecordBatch


def batches(content: BinaryIO, footer: Footer, batch_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """All rows in their order. Raises FileRefused where the file turns out to be damaged."""
    for index, group in enumerate(footer.groups):
        read = 0
        try:
            _insist_on_small_pages(content, group, index + 1)
            for decoded in _of_group(content, footer, index, batch_bytes):
                for rows in halved(decoded):
                    yield Batch(index + 1, read + 1, rows)
                    read += rows.num_rows
        except PARQUET_ERRORS as error:
            refuse(error, f"row group {index + 1} cannot be read from its row {read + 1} on")
        if read != group.n_rows:
            refuse(ValueError(f"{group.n_rows:,} are said to be in it"), f"row group {index + 1} has {read:,} rows")


def _insist_on_small_pages(content: BinaryIO, group: RowGroup, number: int) -> None:
    held = sum(
        sum(sorted(page_sizes(content, column.start, column.packed))[-2:])  # a dictionary, and a page of values
        for column in group.columns
    )
    if held > MAX_PAGES_BYTES:
        raise FileRefused(
            f"row group {number} has pages of {held:,} bytes that must be read at once, at most {MAX_PAGES_BYTES:,} are: "
            "write it anew with smaller pages (1 MB is usual)"
        )


def _of_group(content: BinaryIO, footer: Footer, index: int, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    group = footer.groups[index]
    if not group.n_rows:
        return
    per_row = sum(column.unpacked / group.n_rows + column.width for column in group.columns)
    longest = sum(_longest_in_dictionary(content, footer, index, column) for column in group.columns)
    n_rows = min(MAX_BATCH_ROWS, batch_bytes / max(1, per_row), MAX_TEXT_BYTES / max(1, longest))
    for rows in _opened(content, footer).iter_batches(max(1, int(n_rows)), row_groups=[index], use_threads=False):
        rows.validate()
        yield rows


def halved(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows in pieces, none of which weighs more than one row may, but for rows that do so alone."""
    pending = [rows]
    while pending:
        piece = pending.pop()
        if piece.num_rows <= 1 or weight(piece.columns) <= MAX_ROW_BYTES:
            yield piece
        else:
            middle = piece.num_rows // 2
            pending += [piece.slice(middle), piece.slice(0, middle)]


def weight(columns: Iterable[pa.Array]) -> int:
    """What the values weigh in bytes, each text of a dictionary as often as it is there."""
    found, pending = 0, list(columns)
    while pending:
        values = pending.pop()
        if pa.types.is_dictionary(values.type):
            found += _weight_in_dictionary(values)
        elif pa.types.is_nested(values.type):
            pending += values.flatten() if pa.types.is_struct(values.type) else [values.flatten()]
        else:
            found += values.nbytes
    return found


def _weight_in_dictionary(values: pa.DictionaryArray) -> int:
    if not is_text(values.dictionary.type):
        return int(values.indices.nbytes)
    return int(pc.sum(pc.binary_length(values.dictionary).cast(pa.int64()).take(values.indices)).as_py() or 0)


def _longest_in_dictionary(content: BinaryIO, footer: Footer, group: int, column: ColumnChunk) -> int:
    """The longest text in a column's dictionary: a few bytes of a page may stand for it in every row."""
    if column.kind != BYTE_ARRAY or not column.has_dictionary:
        return 0
    opened = _opened(content, footer, [column.path])
    first = next(opened.iter_batches(1, [group], [column.path], use_threads=False))
    values = first.column(0)
    while pa.types.is_nested(values.type):
        values = values.flatten()[0] if pa.types.is_struct(values.type) else values.flatten()
    if not pa.types.is_dictionary(values.type) or not is_text(values.dictionary.type):
        return 0
    return int(pc.max(pc.binary_length(values.dictionary)).as_py() or 0)


def _opened(content: BinaryIO, footer: Footer, in_dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    return pq.ParquetFile(
        content,
        metadata=footer.metadata,
        read_dictionary=list(in_dictionaries),
        pre_buffer=False,
        buffer_size=PAGE_BUFFER_BYTES,
        coerce_int96_timestamp_unit="us",  # in nanoseconds, times of other centuries would become others without a word
        page_checksum_verification=True,
        **LIMITS,
    )


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
