"""What bytes of a file mean: unpacked, decoded, row by row. For whoever looks for words in it; nothing is changed.

Archives, gzip and zstd are unpacked, Parquet and Avro are decoded, SQLite is read row by row, UTF-16 becomes UTF-8.
"""

import codecs
import gzip
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.avro.file import AvroFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record

BLOCK_BYTES = 4 << 20
IN_MEMORY_BYTES = 32 << 20
BATCH_ROWS = 1 << 16
DEEPEST = 3  # archives in archives
PARQUET, AVRO, ZIP, GZ, ZSTD = b"PAR1", b"Obj\x01", b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SQLITE = b"SQLite format 3\0"
WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

BOUNDS = ("lower_bounds", "upper_bounds")

Stream = Iterator[bytes]
IsThere = Callable[[str], bool]
"""Whether a file is there, which is looked at by itself."""


def as_bytes(content: BinaryIO) -> Stream:
    """The bytes as they are."""
    content.seek(0)
    return iter(lambda: content.read(BLOCK_BYTES), b"")


def meanings(
    content: BinaryIO, depth: int = 0, *, numbers: bool = False, is_there: IsThere = lambda _: False
) -> Iterator[Stream]:
    """What the bytes mean, where that is not what they are: streams of text. `numbers`: those of Parquet, too, as text.

    `is_there`: of data files that a manifest names. The bounds of these are left out: they are cut off, so that they look like somebody
    else, and say nothing that the file itself does not.
    """
    content.seek(0)
    head = content.read(len(SQLITE))
    content.seek(0)
    if head.startswith(PARQUET):
        yield _parquet(content, numbers=numbers)
    elif head.startswith(AVRO):
        yield _avro(content, is_there)
    elif head == SQLITE:
        yield _rows(content)
    elif head[:2] in WIDE:
        yield _wide(content, WIDE[head[:2]])
    elif depth < DEEPEST:
        for inside in _unpacked(content, head):
            yield as_bytes(inside)
            yield from meanings(inside, depth + 1, numbers=numbers)


def _unpacked(content: BinaryIO, head: bytes) -> Iterator[BinaryIO]:
    if head.startswith(ZIP):
        with zipfile.ZipFile(content) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as packed, _kept(packed) as inside:
                    yield inside
    elif head.startswith(GZ):
        with gzip.GzipFile(fileobj=content, mode="rb") as unzipped, _kept(unzipped) as inside:
            yield inside
    elif head.startswith(ZSTD):
        with pa.CompressedInputStream(pa.PythonFile(content, "r"), "zstd") as decoded, _kept(decoded) as inside:
            yield inside


@contextmanager
def _kept(packed: Any) -> Iterator[BinaryIO]:
    """What is packed, where it can be sought in."""
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as inside:
        while block := packed.read(BLOCK_BYTES):
            inside.write(block)
        inside.seek(0)
        yield cast(BinaryIO, inside)


def _wide(content: BinaryIO, encoding: str) -> Stream:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return (decoder.decode(block).encode("utf-8", "surrogatepass") for block in as_bytes(content))


def _parquet(content: BinaryIO, *, numbers: bool) -> Stream:
    file = pq.ParquetFile(content)
    yield _in_utf8(repr(file.metadata.metadata))
    for batch in file.iter_batches(BATCH_ROWS):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            yield _in_utf8(name)
            yield from _column(column, numbers=numbers)


def _column(column: pa.Array, *, numbers: bool) -> Stream:
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _column(column.dictionary, numbers=numbers)
    elif pa.types.is_nested(kind):
        yield _in_utf8("\n".join(map(repr, column.to_pylist())))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        yield _in_utf8("\n".join(map(str, column.unique().to_pylist())))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield b"\n".join(value or b"" for value in column.to_pylist()) + b"\n"
    elif numbers and pa.types.is_integer(kind):
        yield _in_utf8("\n".join(map(str, column.unique().to_pylist())))


def _in_utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _avro(content: BinaryIO, is_there: IsThere) -> Stream:
    with NamedTemporaryFile() as copy:
        copy.write(content.read())
        copy.flush()
        with AvroFile(PyArrowFileIO().new_input(copy.name)) as file:
            yield _in_utf8(repr(file.header.meta))
            for record in file:
                yield _told(_without_bounds(record, file.schema, is_there))


def _without_bounds(record: Any, schema: Schema, is_there: IsThere) -> Any:
    """An entry of a manifest without the bounds of a file that is there; what is none, as it is."""
    place = next((at for at, one in enumerate(schema.fields) if one.name == "data_file"), None)
    if place is None:
        return record
    names = [one.name for one in schema.fields[place].field_type.fields]
    told = record[place]
    if not is_there(told[names.index("file_path")]):
        return record
    kept = Record(*(told[at] for at, name in enumerate(names) if name not in BOUNDS))
    return Record(*(kept if at == place else value for at, value in enumerate(record._data)))


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
    return _in_utf8(str(record))


def _rows(content: BinaryIO) -> Stream:
    """Of a database that others may be writing to: with what is not brought over yet. One in an archive is bytes."""
    path = Path(str(getattr(content, "name", "") or ""))
    if not path.is_file():
        return
    with closing(sqlite3.connect(path)) as connection:
        names = [name for name, _ in tables_of(connection)]
        connection.text_factory = bytes
        for name in names:
            for row in connection.execute(f"SELECT * FROM {quoted(name)}"):
                texts = (
                    value if isinstance(value, bytes) else str(value).encode() for value in row if value is not None
                )
                yield b"\n".join(texts) + b"\n"


def tables_of(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Every table of a database with its columns."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (table,) in found.fetchall():
        told = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
        yield table, [str(name) for _, name, *_ in told]


def quoted(name: str) -> str:
    """A name of SQLite's in quotes."""
    return '"' + name.replace('"', '""') + '"'
