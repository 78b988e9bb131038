"""What is inside a raw object: itself, or the members of a zip, or the text in a gzip. Read in place, never unpacked to disk.

Archives are not trusted: bombs, encrypted or unsafely named members and archives in archives are refused with the reason.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast

BOMB_RATIO = 200
BOMB_FLOOR_BYTES = 64 << 20
MAX_MEMBERS = 100_000

Format = Literal["csv", "gz", "zip"]

# What a truncated, damaged or lying archive raises while it is read.
ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError)

UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".swp", "~")
JUNK_NAMES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Member:
    """One entry of an archive. `ignored` or `refused` say why it is not read."""

    name: str
    size: int
    ignored: str | None = None
    refused: str | None = None


class Refused(Exception):
    """The archive or file must not be read on; the message says why."""


def format_of(head: bytes) -> Format:
    """Format by the first bytes, since names lie. Whatever is not an archive is taken for text."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "gz" if head.startswith(b"\x1f\x8b") else "csv"


def why_ignored(name: str) -> str | None:
    """Why an object or member of this name is not looked into, or None."""
    path = PurePosixPath(name)
    if name.endswith("/"):
        return "folder"
    if "__MACOSX" in path.parts or path.name.startswith("._"):
        return "macOS metadata"
    if path.name.startswith(".") or path.name.lower() in JUNK_NAMES:
        return "hidden or system file"
    return "unfinished download" if path.name.endswith(UNFINISHED) else None


def members(archive: BinaryIO, archive_size: int) -> Iterator[Member]:
    """The entries of a zip, in its own order. Raises Refused for a bomb, and ARCHIVE_ERRORS for a damaged file."""
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
        if len(entries) > MAX_MEMBERS:
            raise Refused(f"{len(entries)} members; at most {MAX_MEMBERS} are read")
        _refuse_bomb(sum(entry.file_size for entry in entries), archive_size)
        for entry in entries:
            ignored = why_ignored(entry.filename)
            yield Member(entry.filename, entry.file_size, ignored, None if ignored else _why_refused(entry))


def _why_refused(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "unsafe member name (it points out of the archive)"
    if entry.flag_bits & 1:
        return "encrypted member"
    if path.suffix.lower() in {".zip", ".gz", ".7z", ".rar", ".tar", ".bz2", ".xz", ".zst"}:
        return "an archive inside an archive"
    return None


@contextmanager
def open_text(opened: BinaryIO, format_: Format, member: str | None, size: int) -> Iterator[BinaryIO]:
    """The bytes of a file, of a gzip's content or of a zip's member, as a stream."""
    if member is not None:
        with zipfile.ZipFile(opened) as archive, archive.open(member) as content:
            yield cast(BinaryIO, content)
    elif format_ == "gz":
        with gzip.open(opened) as content:
            yield cast(BinaryIO, _Guarded(cast(BinaryIO, content), size))
    else:
        yield opened


class _Guarded:
    """Stops a gzip that unpacks to far more than it weighs; gzip has no directory to tell beforehand."""

    def __init__(self, content: BinaryIO, packed_size: int) -> None:
        self.content, self.packed_size, self.seen = content, packed_size, 0

    def read(self, size: int = -1) -> bytes:
        data = self.content.read(size)
        self.seen += len(data)
        _refuse_bomb(self.seen, self.packed_size)
        return data


def _refuse_bomb(unpacked: int, packed: int) -> None:
    if unpacked > BOMB_FLOOR_BYTES and unpacked > BOMB_RATIO * packed:
        raise Refused(f"looks like a bomb: {packed:,} bytes unpack to {unpacked:,} or more")
