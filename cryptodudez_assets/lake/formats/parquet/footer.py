"""What a Parquet file says of itself at its end: columns, row groups and their sizes; and why it is not read, before it is.

A footer may say anything. Nothing is read of a file whose footer points outside of it, contradicts itself, or declares more
rows than its bytes can hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Never

import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.lake.formats.archives import CUT_OFF, FileRefused, refuse_bomb

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
TAIL = 8  # the footer's length, and the magic
MAX_FOOTER_BYTES = 64 << 20
# A few bytes of a footer may claim to be gigabytes.
LIMITS = {"thrift_string_size_limit": 16 << 20, "thrift_container_size_limit": 1 << 20}
# What a value takes at least, for the bomb limit: a column of one value is a few bytes, however many rows it has.
VALUE_BYTES = 8
# What Arrow raises for a file that is no sound Parquet; a disk's errors among them carry a number.
PARQUET_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, LookupError, RuntimeError)
RECODE = "write it anew with Snappy, gzip or Zstandard"


@dataclass(frozen=True)
class Footer:
    """What was said, and held to be possible. `types` are those of all columns, the ones in structures by path (`user.name`)."""

    metadata: pq.FileMetaData
    schema: pa.Schema
    names: tuple[str, ...]
    types: dict[str, pa.DataType]


def read_footer(content: BinaryIO) -> Footer:
    """The footer of a file that can be read at any place. Raises FileRefused where the file is not to be read."""
    size = content.seek(0, 2)
    _insist_on_end(content, size)
    try:
        metadata = pq.ParquetFile(content, **LIMITS).metadata
        schema = metadata.schema.to_arrow_schema()
        _insist_on_sound(metadata, size)
    except PARQUET_ERRORS as error:
        refuse(error, "its footer cannot be read")
    named = list(_leaves(schema))
    return Footer(metadata, schema, tuple(name for name, _ in named), dict(named))


def refuse(error: BaseException, what: str) -> Never:
    """Raise FileRefused for what Arrow raised; what the disk or the memory did is passed on."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        raise error
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if "codec" in said.lower():
        raise FileRefused(f"{what}: it is compressed in a way that is not read ({said}): {RECODE}") from error
    if "ncrypt" in said or "decrypt" in said:
        raise FileRefused("encrypted Parquet: decrypt it, and land it without encryption") from error
    raise FileRefused(f"damaged Parquet: {what} ({said.rstrip('.')}); fetch the file again") from error


def _insist_on_end(content: BinaryIO, size: int) -> None:
    content.seek(0)
    head = content.read(len(MAGIC))
    if size < len(MAGIC) + TAIL:
        raise FileRefused(f"damaged Parquet: it has {size} bytes, fewer than any: {CUT_OFF}")
    content.seek(size - TAIL)
    tail = content.read(TAIL)
    if ENCRYPTED in (head, tail[4:]):
        raise FileRefused("encrypted Parquet: decrypt it, and land it without encryption")
    if tail[4:] != MAGIC:
        raise FileRefused(f"damaged Parquet: its footer, which should be at the end, is not there: {CUT_OFF}")
    told = int.from_bytes(tail[:4], "little")
    if told > size - TAIL - len(MAGIC):
        raise FileRefused(
            f"damaged Parquet: its footer is said to have {told:,} bytes, the file has {size:,}: fetch the file again"
        )
    if told > MAX_FOOTER_BYTES:
        raise FileRefused(f"its footer has {told:,} bytes, at most {MAX_FOOTER_BYTES:,} are read: write fewer row groups")


def _insist_on_sound(metadata: pq.FileMetaData, size: int) -> None:
    rows = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows < 0:
            raise ValueError(f"row group {number + 1} is said to have {group.num_rows:,} rows")
        rows += group.num_rows
        for index in range(group.num_columns if group.num_rows else 0):
            column = group.column(index)
            _insist_on_column(column, f"row group {number + 1}, column {column.path_in_schema}", size)
    if rows != metadata.num_rows:
        raise ValueError(f"it is said to have {metadata.num_rows:,} rows, and its row groups to have {rows:,}")
    refuse_bomb(rows * VALUE_BYTES, size)


def _insist_on_column(column: pq.ColumnChunkMetaData, where: str, size: int) -> None:
    """Never ask a column for its `compression`: pyarrow 26 aborts the process where it is of no kind that there is."""
    first = start_of(column)
    if column.file_path:
        raise FileRefused(f"{where} lies in another file, {column.file_path!r}: land files that hold their data")
    if first < len(MAGIC) or column.total_compressed_size < 0 or first + column.total_compressed_size > size - TAIL:
        raise ValueError(f"{where} is said to be where the file is not")
    if column.total_uncompressed_size < 0 or column.num_values < 0:
        raise ValueError(f"{where} is said to have less than nothing")
    refuse_bomb(column.num_values * VALUE_BYTES, size)


def start_of(column: pq.ColumnChunkMetaData) -> int:
    """Where its first page is."""
    return int(min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset))


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """The columns, those in structures by path."""
    pending = [(field.name, field.type) for field in reversed(list(schema))]
    while pending:
        name, dtype = pending.pop()
        if pa.types.is_struct(dtype) and dtype.num_fields:
            pending += [(f"{name}.{inner.name}", inner.type) for inner in reversed(list(dtype))]
        else:
            yield name, dtype
