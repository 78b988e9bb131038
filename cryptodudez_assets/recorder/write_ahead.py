"""The write-ahead file of a window: what is in it survives a kill, a loss of power and a full disk.

Entries are framed with a mark, their length and a checksum. An entry that does not fit is left out when reading, and told; what
comes behind it is found by its mark. What entries mean belongs to `window.py`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any

import google_crc32c
import msgspec

from cryptodudez_assets.recorder.gaps import Gap
from cryptodudez_assets.recorder.record import Record

MARK = b"\xc5\x1dWA"
HEAD = Struct("<4sII")
LONGEST = 1 << 24


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """First entry: which window this is, and at which second recording of it began (None: of an older version)."""

    instance: str
    start: int
    seconds: int
    first: int | None = None


class Second(msgspec.Struct, frozen=True, tag="second"):
    """The records of a second, one a book, and the gaps that ended or last."""

    second: int
    records: list[Record]
    gaps: list[Gap] = []


Entry = Opened | Second
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


@dataclass(frozen=True)
class ReadBack:
    """What a file held: its entries, and how many bytes were no entries (a torn end, a damaged middle)."""

    entries: Sequence[Entry]
    damaged_bytes: int
    torn_bytes: int
    end: int
    """Where the last entry ends: behind it, new ones are appended."""


def framed(entry: Entry) -> bytes:
    """An entry as it stands in the file."""
    payload = _encode(entry)
    return HEAD.pack(MARK, len(payload), google_crc32c.value(payload)) + payload


def read_back(path: Path) -> ReadBack:
    """All entries of a file that are whole."""
    data = path.read_bytes()
    entries: list[Entry] = []
    position = end = damaged = 0
    while (found := data.find(MARK, position)) >= 0:
        entry, behind = _entry_at(data, found)
        if entry is None:
            position = found + 1
            continue
        damaged += found - end
        entries.append(entry)
        position = end = behind
    return ReadBack(entries, damaged, len(data) - end, end)


def _entry_at(data: bytes, position: int) -> tuple[Entry | None, int]:
    if position + HEAD.size > len(data):
        return None, position
    _, length, checksum = HEAD.unpack_from(data, position)
    begin = position + HEAD.size
    payload = data[begin : begin + length]
    if length > LONGEST or len(payload) < length or google_crc32c.value(payload) != checksum:
        return None, position
    try:
        entry: Entry = _decode(payload)
    except msgspec.DecodeError:
        return None, position
    return entry, begin + length


class WriteAheadFile:
    """A file that entries are appended to. After `append` they are on the disk, or an OSError says why none of them is."""

    def __init__(self, path: Path, end: int = 0) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = end
        os.ftruncate(self._file, end)
        _sync_folder(path.parent)

    def append(self, entries: Sequence[Entry]) -> None:
        """All of them, or none."""
        data = b"".join(framed(entry) for entry in entries)
        try:
            _write_all(self._file, data, self._end)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)

    def close(self) -> None:
        """Leave the file as it is."""
        os.close(self._file)


def _write_all(file: int, data: bytes, offset: int) -> None:
    view: Any = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _sync_folder(folder: Path) -> None:
    """So that the file's name is on the disk, too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
