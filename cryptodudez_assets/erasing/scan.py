"""Look for an identity in every file: in its bytes as they are, and in what they mean, unpacked and decoded. Changes nothing.

It is looked for in UTF-8 and UTF-16, plain and as JSON and CSV write it.
"""

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import pyarrow as pa

from cryptodudez_assets.lake.erasing.decoded import Stream, as_bytes, meanings
from cryptodudez_assets.lake.erasing.identity import spellings
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS

LONGEST_WORD = 4 << 10
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
    """Values as they stand in bytes. `anywhere`: also within a longer word, as a long one always counts."""

    def __init__(self, *values: str, anywhere: bool = False) -> None:
        self.values, self._anywhere = values, anywhere
        self.ways = [way for value in values for way in _ways(value)]

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(map(self._found_as, self.values)) or rb"(?!)")

    def _found_as(self, value: str) -> bytes:
        either = b"|".join(map(re.escape, _ways(value)))
        if self._anywhere or len(value) >= LONG:
            return either
        return rb"(?<!%b)(?:%b)(?!%b)" % (NEIGHBOUR, either, NEIGHBOUR)

    def times_in(self, data: bytes) -> int:
        """How often it stands there."""
        if not any(way in data for way in self.ways):
            return 0
        return len(self._pattern.findall(data))

    def times_in_stream(self, stream: Stream) -> int:
        """How often it stands in what the blocks are together."""
        n, before = 0, b""
        for block in stream:
            n += self.times_in(before + block) - self.times_in(before)
            before = (before + block)[-LONGEST_WORD:]
        return n


def _ways(value: str) -> list[bytes]:
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    return list(dict.fromkeys(way.encode(one, "surrogatepass") for way in spellings(value) for one in encodings))


def times_in(content: BinaryIO, needle: Needle) -> int:
    """How often the identity stands in a file, in its bytes or in what they mean."""
    return max(needle.times_in_stream(as_bytes(content)), sum(map(needle.times_in_stream, meanings(content))))


def scan_files(paths: Iterable[tuple[str, BinaryIO]], *values: str) -> Scanned:
    """Look for these values in all of these files, each told by a name; they are closed."""
    needle, found, n_files, n_bytes = Needle(*values), list[Found](), 0, 0
    for place, content in paths:
        with content:
            n_files += 1
            n_bytes += content.seek(0, 2)
            times = needle.times_in(place.encode("utf-8", "surrogateescape"))
            try:
                times += times_in(content, needle)
            except (*ARCHIVE_ERRORS, OSError, pa.ArrowException, sqlite3.Error) as error:
                times += needle.times_in_stream(as_bytes(content))
                if not times:
                    found.append(Found(place, 0, f"it could not be looked into: {error}"))
        if times:
            found.append(Found(place, times))
    return Scanned(n_files, n_bytes, found)
