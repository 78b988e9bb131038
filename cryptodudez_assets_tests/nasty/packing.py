"""In what the text of a nasty file lies: alone, in archives, or as something that only looks like it."""

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """`whole`: what the reason must say if a file that is packed so is set aside, whatever is in it."""

    ending: str
    pack: Callable[[bytes], bytes]
    whole: tuple[str, ...] = ()


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def _tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("data.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _sqlite(content: bytes) -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("create table data (content)")
        database.execute("insert into data values (?)", [content])
        return database.serialize()


READ = [
    Packing("csv", bytes),
    Packing("csv.gz", _gzip),
    Packing("gz", lambda text: _gzip(text[: len(text) // 2]) + _gzip(text[len(text) // 2 :])),
    Packing("zip", lambda text: zipped({"data.csv": text})),
    Packing(
        "folder.zip", lambda text: zipped({"deep/er/data.csv": text, "deep/": b"", "__MACOSX/deep/._data.csv": b"\0"})
    ),
    Packing("txt", bytes),
]
"""In which what is packed is read."""

BINARY = "binary data, not text"
SET_ASIDE = [
    Packing("twice.gz", lambda text: _gzip(_gzip(text)), ("inside a gzip: gzip", BINARY, "unpack")),
    Packing("zip.gz", lambda text: _gzip(zipped({"data.csv": text})), ("inside a gzip: zip", BINARY, "unpack")),
    Packing(
        "twice.zip",
        lambda text: zipped({"data.zip": zipped({"data.csv": text})}),
        ("an archive inside an archive", "unpack"),
    ),
    Packing("hidden.zip", lambda text: zipped({"data.csv": _gzip(text)}), ("inside a zip: gzip", BINARY, "unpack")),
    Packing("bz2", bz2.compress, ("bzip2", BINARY, "unpack")),
    Packing("xz", lzma.compress, ("xz", BINARY, "unpack")),
    Packing("tar", _tar, ("a tar archive", BINARY, "unpack")),
    Packing("tar.gz", lambda text: _gzip(_tar(text)), ("inside a gzip: a tar archive", "unpack")),
    Packing("db.csv", _sqlite, ("an SQLite database", BINARY, "export")),
    Packing("pickle.csv", pickle.dumps, ("a Python pickle", BINARY, "export")),
    Packing(
        "parquet",
        lambda text: b"PAR1\x15\4\x15" + text + b"PAR1",
        ("damaged Parquet", "footer", "fetch the file again"),
    ),
    Packing(
        "old.xls",
        lambda text: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99) + text,
        ("Excel", BINARY, "save its sheet"),
    ),
    Packing(
        "xlsx",
        lambda text: zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>", "xl/data.xml": text}),
        ("an Excel workbook (xlsx)", "save its sheet as CSV"),
    ),
    Packing("more.gz", lambda text: _gzip(text) + b"more", ("bytes follow the end of the gzip",)),
    Packing("short.gz", lambda text: _gzip(text)[:-5], ("damaged or truncated gz", "cut off")),
    Packing("short.zip", lambda text: zipped({"data.csv": text})[:-25], ("damaged or truncated zip", "cut off")),
]
"""In which nothing is read."""
