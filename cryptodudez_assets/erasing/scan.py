"""Look for an identity in bytes: of every file as they are, and of what is in it unpacked and decoded. Changes nothing.

Archives, gzip and zstd are unpacked, Parquet and Avro are decoded, SQLite is read row by row: what is packed is not found in the
bytes of a file. An identity is looked for in UTF-8 and UTF-16, plain and as JSON and CSV write it.
"""

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.avro.file import AvroFile
from pyiceberg.io.pyarrow import PyArrowFileIO

from cryptodudez_assets.erasing.databases import MAGIC as SQLITE
from cryptodudez_assets.erasing.databases import tables_of
from cryptodudez_assets.lake.erasing.identity import spellings
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS

BLOCK_BYTES, LONGEST_WORD = 4 << 20, 4 << 10
IN_MEMORY_BYTES = 32 << 20
BATCH_ROWS = 1 << 16
DEEPEST = 3
PARQUET, AVRO, ZIP, GZ, ZSTD = b"PAR1", b"Obj\x01", b"PK", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
NEIGHBOUR = rb"[0-9A-Za-z_-]"
LONG = 16  # such a value is found wherever it stands, a shorter one as a whole word


@dataclass(frozen=True)
class Found:
    """A file in which an identity stands, and how often; or why it could not be looked into."""

    place: str
    times: int
    problem: str | None = None


@dataclass(frozen=True)
class Scanned:
    """What was looked at, and where it was found."""

    files: int
    bytes: int
    found: list[Found]


class Needle:
    """An identity as it stands in bytes. `anywhere`: also within a longer word, as a long one always counts."""

    def __init__(self, value: str, *, anywhere: bool = False) -> None:
        self.value, self._anywhere = value, anywhere or len(value) >= LONG
        self.ways = list(
            dict.fromkeys(
                way.encode(encoding, "surrogatepass")
                for way in spellings(value)
                for encoding in ("utf-8", "utf-16-le", "utf-16-be")
            )
        )

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        either = b"|".join(map(re.escape, self.ways))
        return re.compile(either if self._anywhere else rb"(?<!%b)(?:%b)(?!%b)" % (NEIGHBOUR, either, NEIGHBOUR))

    def times_in(self, data: bytes) -> int:
        """How often it stands there."""
        if not any(way in data for way in self.ways):
            return 0
        return len(self._pattern.findall(data))

    def times_in_blocks(self, blocks: Iterable[bytes]) -> int:
        """How often it stands in what blocks are together."""
        n, before = 0, b""
        for block in blocks:
            n += self.times_in(before + block) - self.times_in(before)
            before = (before + block)[-LONGEST_WORD:]
        return n


def times_in(content: BinaryIO, needle: Needle, depth: int = 0) -> int:
    """How often the identity stands in a file, in its bytes or in what they mean."""
    content.seek(0)
    head = content.read(len(SQLITE))
    content.seek(0)
    as_bytes = needle.times_in_blocks(iter(lambda: content.read(BLOCK_BYTES), b""))
    content.seek(0)
    return max(as_bytes, _times_inside(content, head, needle, depth))


def _times_inside(content: BinaryIO, head: bytes, needle: Needle, depth: int) -> int:
    if head.startswith(PARQUET):
        return needle.times_in_blocks(_parquet(content))
    if head.startswith(AVRO):
        return needle.times_in_blocks(_avro(content))
    if head == SQLITE:
        return needle.times_in_blocks(_rows(content))
    if head.startswith(ZIP) and depth < DEEPEST:
        return sum(times_in(inside, needle, depth + 1) for inside in _members(content))
    if head.startswith(GZ) and depth < DEEPEST:
        with _kept(gzip.GzipFile(fileobj=content)) as inside:
            return times_in(inside, needle, depth + 1)
    if head.startswith(ZSTD) and depth < DEEPEST:
        with _kept(pa.CompressedInputStream(content, "zstd")) as inside:
            return times_in(inside, needle, depth + 1)
    return 0


@contextmanager
def _kept(packed: Any) -> Iterator[BinaryIO]:
    """What is packed, where it can be sought in."""
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as inside:
        while block := packed.read(BLOCK_BYTES):
            inside.write(block)
        inside.seek(0)
        yield cast(BinaryIO, inside)


def _members(content: BinaryIO) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(content) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as packed, _kept(packed) as inside:
                yield inside


def _parquet(content: BinaryIO) -> Iterator[bytes]:
    file = pq.ParquetFile(content)
    for batch in file.iter_batches(BATCH_ROWS):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_nested(column.type):
                yield (name + "\n" + "\n".join(map(repr, column.to_pylist()))).encode("utf-8", "surrogatepass")
            elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                values = column.unique().to_pylist() if len(column) else []
                yield "\n".join(str(value) for value in values).encode("utf-8", "surrogatepass") + b"\n"
            elif pa.types.is_dictionary(column.type):
                yield "\n".join(map(str, column.dictionary.to_pylist())).encode("utf-8", "surrogatepass") + b"\n"
            elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
                yield b"\n".join(value or b"" for value in column.to_pylist()) + b"\n"


def _avro(content: BinaryIO) -> Iterator[bytes]:
    with NamedTemporaryFile() as copy:
        copy.write(content.read())
        copy.flush()
        with AvroFile(PyArrowFileIO().new_input(copy.name)) as file:
            for record in file:
                yield _told(record)


def _told(record: Any) -> bytes:
    """All that a record of Avro says, texts and bounds as they are."""
    if isinstance(record, bytes):
        return record + b"\n"
    if isinstance(record, dict):
        return b"".join(map(_told, (*record.keys(), *record.values())))
    if isinstance(record, list | tuple):
        return b"".join(map(_told, record))
    if hasattr(record, "_data"):
        return _told(record._data)
    return f"{record}\n".encode("utf-8", "surrogatepass")


def _rows(content: BinaryIO) -> Iterator[bytes]:
    """Of a database that others may be writing to: with what is not brought over yet."""
    path = Path(getattr(content, "name", "") or "")
    if not path.is_file():
        return
    with closing(sqlite3.connect(path)) as connection:
        names = [table.replace('"', '""') for table, _ in tables_of(connection)]
        connection.text_factory = bytes
        for name in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                texts = (value if isinstance(value, bytes) else str(value).encode() for value in row if value is not None)
                yield b"\n".join(texts) + b"\n"


def scan_files(paths: Iterable[tuple[str, BinaryIO]], value: str) -> Scanned:
    """Look at all of these, each told by a name; they are closed."""
    needle, found, n_files, n_bytes = Needle(value), list[Found](), 0, 0
    for place, content in paths:
        with content:
            try:
                times = needle.times_in(place.encode("utf-8", "surrogateescape")) + times_in(content, needle)
                content.seek(0, 2)
                n_bytes += content.tell()
            except (*ARCHIVE_ERRORS, OSError, pa.ArrowException, sqlite3.Error) as error:
                content.seek(0)
                times = needle.times_in_blocks(iter(lambda: content.read(BLOCK_BYTES), b""))  # noqa: B023
                if not times:
                    found.append(Found(place, 0, f"it could not be looked into: {error}"))
        n_files += 1
        if times:
            found.append(Found(place, times))
    return Scanned(n_files, n_bytes, found)
