"""What is inside a raw object: itself, or the members of a zip, or the text in a gzip. Read in place, never unpacked to disk.

Archives are not trusted: bombs, encrypted or unsafely named members and archives in archives are refused with the reason,
and so is whatever turns out to be damaged while it is read.
"""

import errno
import gzip
import hashlib
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast

BOMB_RATIO = 200
BOMB_FLOOR_BYTES = 64 << 20
MAX_MEMBERS = 100_000
READ_BYTES = 4 << 20

Format = Literal["csv", "gz", "zip"]

# What the standard library raises on a truncated, damaged or lying archive; beside these, OSErrors that no disk has made.
ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
)

CUT_OFF = "it was cut off; fetch the file again"

UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".swp", "~")
REQUEST = ".request.json"
"""How names end that tell how the answer of a venue beside them was asked for."""
EMPTY = ".empty"
"""Before the suffix of an answer that tells of nothing, in a folder of answers."""
ANSWERS = "series="
JUNK_NAMES = {"thumbs.db", "desktop.ini"}
PACKED = {".zip", ".gz", ".7z", ".rar", ".tar", ".bz2", ".xz", ".zst"}


@dataclass(frozen=True)
class Member:
    """One entry of an archive. `ignored` or `refused` say why it is not read."""

    name: str
    size: int
    ignored: str | None = None
    refused: str | None = None


class FileRefused(Exception):
    """The archive or file must not be read on; the message says why."""


def format_of(head: bytes) -> Format:
    """Format by the first bytes, since names lie. Whatever is not an archive is taken for text."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "gz" if head.startswith(b"\x1f\x8b") else "csv"


def why_ignored(name: str) -> str | None:
    """Why an object or member of this name is not looked into, or None."""
    path = PurePosixPath(name.replace("\\", "/"))
    if name.endswith("/"):
        return "folder"
    if "__MACOSX" in path.parts or path.name.startswith("._"):
        return "macOS metadata"
    if path.name.lower() in JUNK_NAMES or any(part.startswith(".") and part != ".." for part in path.parts):
        return "hidden or system file"
    if path.name.endswith(REQUEST):
        return "tells how the answer beside it was asked for"
    if PurePosixPath(path.stem).suffix == EMPTY and path.parent.name.startswith(ANSWERS):
        return "an answer that tells of nothing"
    return "unfinished download" if path.name.endswith(UNFINISHED) else None


def members(archive: BinaryIO, archive_size: int) -> Iterator[Member]:
    """The entries of a zip, in its own order. Raises Refused for a bomb, a damaged or an ambiguous archive."""
    with _refusing("zip"), zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    if len(entries) > MAX_MEMBERS:
        raise FileRefused(f"{len(entries):,} members; at most {MAX_MEMBERS:,} are read")
    refuse_bomb(sum(entry.file_size for entry in entries), archive_size)
    seen: set[str] = set()
    for entry in entries:
        ignored = why_ignored(entry.filename)
        if entry.filename in seen and not ignored:
            raise FileRefused(f"two members have the name {entry.filename!r}: which of them is meant?")
        if entry.filename not in seen:
            seen.add(entry.filename)
            yield Member(entry.filename, entry.file_size, ignored, None if ignored else _why_refused(entry))


def _why_refused(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "unsafe member name (it points out of the archive)"
    if entry.flag_bits & 1:
        return "encrypted member: unpack it with its password, and land what is in it"
    if path.suffix.lower() in PACKED:
        return "an archive inside an archive: unpack it once"
    return None


class Container:
    """An opened raw object whose text, or whose members' texts, are read one after the other."""

    def __init__(self, opened: BinaryIO) -> None:
        self.opened = opened

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        # Its directory is read once, not for every member: that would be quadratic.
        return zipfile.ZipFile(self.opened)

    @contextmanager
    def text(self, format_: str, member: str | None, size: int) -> Iterator["Text"]:
        """The bytes of a file, of a gzip's content or of a zip's member. Raises Refused where it is damaged."""
        if member is not None:
            with _refusing("zip"):
                content = self._zip.open(member)
            with content:
                hashed = _Hashed(cast(BinaryIO, _Unpacked(cast(BinaryIO, content), "zip")))
                yield Text(cast(BinaryIO, hashed), hashed)
        else:
            self.opened.seek(0)
            hashed = _Hashed(self.opened)
            with _unpacked(cast(BinaryIO, hashed), format_, size) as content_of_file:
                yield Text(content_of_file, hashed)


class Text:
    """A file's text while it is read, and the hash of the bytes that it is read from."""

    def __init__(self, content: BinaryIO, hashed: "_Hashed") -> None:
        self._content, self._hashed = content, hashed

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the text. Raises Refused where it is damaged."""
        return self._content.read(size)

    def sha256(self) -> str:
        """Of all bytes of the object, or of the member: what the catalogue knows it by. Reads what was left unread."""
        while self._hashed.read(READ_BYTES):
            pass
        return self._hashed.digest.hexdigest()

    def is_still(self, sha256: str) -> bool:
        """Whether it was read from these bytes. What was read whole before and is damaged now is not."""
        try:
            return self.sha256() == sha256
        except FileRefused:
            return False


class _Hashed:
    """Hashes bytes on their way: what is hashed is what is read, whatever happens to the file meanwhile."""

    def __init__(self, content: BinaryIO) -> None:
        self.content, self.digest = content, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.content.read(size)
        self.digest.update(data)
        return data


@contextmanager
def _unpacked(opened: BinaryIO, format_: str, size: int) -> Iterator[BinaryIO]:
    if format_ == "gz":
        with gzip.GzipFile(fileobj=opened) as unzipped:
            yield cast(BinaryIO, _Unpacked(cast(BinaryIO, unzipped), "gz", size))
    else:
        yield opened


class _Unpacked:
    """Reads packed content, and stops where it is damaged or comes to far more than it weighs.

    `packed_size` is for gzip, which has no directory to tell beforehand; a zip's member ends where its directory says.
    """

    def __init__(self, content: BinaryIO, format_: Format, packed_size: int | None = None) -> None:
        self.content, self.format, self.packed_size, self.seen = content, format_, packed_size, 0

    def read(self, size: int = -1) -> bytes:
        with _refusing(self.format):
            data = self.content.read(size)
        self.seen += len(data)
        if self.packed_size is not None:
            refuse_bomb(self.seen, self.packed_size)
        return data


@contextmanager
def _refusing(format_: Format) -> Iterator[None]:
    """Turn what a damaged archive raises into Refused."""
    try:
        yield
    except (OSError, *ARCHIVE_ERRORS) as error:
        # A disk's errors carry a number, and zipfile may hide them behind its own. Decompressors raise OSErrors without one,
        # and seeking to nonsense is EINVAL.
        for cause in (error, error.__context__):
            if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):
                raise cause from None
        raise FileRefused(f"damaged or truncated {format_}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    said = str(error) or type(error).__name__
    if said == "File is not a zip file":
        return f"its directory, which should be at the end, is not there: {CUT_OFF}"
    if said.startswith("Not a gzipped file"):  # it begins as one, so this is about what follows
        return "bytes follow the end of the gzip that are none of it; pack the file again, alone"
    if said.startswith("Compressed file ended"):
        return f"{said}: {CUT_OFF}"
    return f"{said}; fetch the file again"


def refuse_bomb(unpacked: int, packed: int) -> None:
    """Raise FileRefused where so few bytes come to so many that nobody means it."""
    if unpacked > BOMB_FLOOR_BYTES and unpacked > BOMB_RATIO * packed:
        raise FileRefused(f"looks like a bomb: {packed:,} bytes unpack to {unpacked:,} or more")
