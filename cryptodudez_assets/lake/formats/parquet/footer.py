"""What a Parquet file says of itself at its end: columns, row groups and their sizes; and why it is not read, before it is.

A footer may say anything. Nothing is read of a file whose footer points outside of it, contradicts itself, or declares more
rows than its bytes can hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Never

import pyarrow as pa
import pyarrow.parquet as pq

from cryptodudez_assets.lake.formats.archives import CUT_OFF, FileRefused, refuse_bomb
from cryptodudez_assets.lake.formats.parquet.thrift import Compact

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
TAIL = 8  # the footer's length, and the magic
MAX_FOOTER_BYTES = 64 << 20
# A few bytes of a footer may claim to be gigabytes.
LIMITS = {"thrift_string_size_limit": 16 << 20, "thrift_container_size_limit": 1 << 20}
# What a value takes at least, for the bomb limit: a column of one value is a few bytes, however many rows it has.
VALUE_BYTES = 8
# What Arrow raises for a file that is no sound Parquet; a disk's errors among them carry a number.
PARQUET_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, LookupError, RuntimeError, TypeError)
# As the format numbers types and codecs.
BYTE_ARRAY, FIXED_LENGTH = 6, 7
CODECS = (None, "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw")


@dataclass(frozen=True)
class ColumnChunk:
    """The values of a column in a row group: where their pages are, and what they weigh."""

    path: str
    kind: int
    n_values: int
    unpacked: int
    packed: int
    start: int
    has_dictionary: bool
    width: int
    """Of values that all have the same; 0 where they have not."""


@dataclass(frozen=True)
class RowGroup:
    """Rows whose columns lie together."""

    n_rows: int
    columns: tuple[ColumnChunk, ...]


@dataclass(frozen=True)
class Footer:
    """What was said, and held to be possible. `types` are those of all columns, the ones in structures by path (`user.name`).

    Of `metadata` nothing may be asked (see `thrift.py`): it is for the reader of pages.
    """

    metadata: pq.FileMetaData
    groups: tuple[RowGroup, ...]
    names: tuple[str, ...]
    types: dict[str, pa.DataType]


def read_footer(content: BinaryIO) -> Footer:
    """The footer of a file that can be read at any place. Raises FileRefused where the file is not to be read."""
    size = content.seek(0, 2)
    told = _end(content, size)
    try:
        footer = Compact(told).struct()
        groups = tuple(_row_group(group, _widths(footer[2])) for group in footer.get(4, []))
        _insist_on_sound(groups, footer[3], size)
        metadata = pq.ParquetFile(content, **LIMITS).metadata
        named = list(_leaves(metadata.schema.to_arrow_schema()))
    except PARQUET_ERRORS as error:
        refuse(error, "its footer cannot be read")
    return Footer(metadata, groups, tuple(name for name, _ in named), dict(named))


def refuse(error: BaseException, what: str) -> Never:
    """Raise FileRefused for what Arrow raised; what the disk or the memory did is passed on."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        raise error
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if "ncrypt" in said or "decrypt" in said:
        raise FileRefused("encrypted Parquet: decrypt it, and land it without encryption") from error
    raise FileRefused(f"damaged Parquet: {what} ({said.rstrip('.')}); fetch the file again") from error


def _end(content: BinaryIO, size: int) -> bytes:
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
        raise FileRefused(
            f"its footer has {told:,} bytes, at most {MAX_FOOTER_BYTES:,} are read: write fewer row groups"
        )
    content.seek(size - TAIL - told)
    return content.read(told)


def _widths(schema: list[dict[int, Any]]) -> list[int]:
    leaves = [element for element in schema if not element.get(5)]
    return [int(element.get(2, 0)) if element.get(1) == FIXED_LENGTH else 0 for element in leaves]


def _row_group(group: dict[int, Any], widths: list[int]) -> RowGroup:
    return RowGroup(group[3], tuple(map(_column, group[1], widths)) if group[3] else ())


def _column(chunk: dict[int, Any], width: int) -> ColumnChunk:
    if 8 in chunk or 3 not in chunk:
        raise FileRefused("encrypted Parquet: decrypt it, and land it without encryption")
    if 1 in chunk:
        raise FileRefused(f"its data lie in another file, {chunk[1]!r}: land files that hold their data")
    told = chunk[3]
    path = b".".join(told[3]).decode("utf-8", "replace")
    codec = CODECS[told[4]] if 0 <= told[4] < len(CODECS) else str(told[4])
    if codec is not None and ((not codec.isalpha() and codec != "lz4_raw") or not _is_available(codec)):
        raise FileRefused(
            f"column {path} is compressed by {codec}, which is not read: write it with Snappy, gzip or Zstandard"
        )
    start = min(told[9], told.get(11) or told[9])
    return ColumnChunk(path, told[1], told[5], told[6], told[7], start, bool(told.get(11)), width)


def _is_available(codec: str) -> bool:
    try:
        return bool(pa.Codec.is_available(codec))
    except ValueError:  # a name that Arrow has never heard of
        return False


def _insist_on_sound(groups: tuple[RowGroup, ...], n_rows: int, size: int) -> None:
    for number, group in enumerate(groups, 1):
        if group.n_rows < 0:
            raise ValueError(f"row group {number} is said to have {group.n_rows:,} rows")
        for column in group.columns:
            _insist_on_column(column, f"row group {number}, column {column.path}", size)
    found = sum(group.n_rows for group in groups)
    if found != n_rows:
        raise ValueError(f"it is said to have {n_rows:,} rows, and its row groups to have {found:,}")
    refuse_bomb(n_rows * VALUE_BYTES, size)


def _insist_on_column(column: ColumnChunk, where: str, size: int) -> None:
    if column.start < len(MAGIC) or column.packed < 0 or column.start + column.packed > size - TAIL:
        raise ValueError(f"{where} is said to be where the file is not")
    if column.unpacked < 0 or column.n_values < 0:
        raise ValueError(f"{where} is said to have less than nothing")
    refuse_bomb(column.n_values * VALUE_BYTES, size)


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """The columns, those in structures by path."""
    pending = [(field.name, field.type) for field in reversed(list(schema))]
    while pending:
        name, dtype = pending.pop()
        if pa.types.is_struct(dtype) and dtype.num_fields:
            pending += [(f"{name}.{inner.name}", inner.type) for inner in reversed(list(dtype))]
        else:
            yield name, dtype
