"""Look for an identity in every file: in its bytes as they are, and in what they mean, unpacked and decoded. Changes nothing.

It is looked for in UTF-8 and UTF-16, plain and as JSON and CSV write it, as a word of its own; a long one also within a word, where
that is nobody who stays; of one that was cut by an ellipsis, the pieces. Where what the bytes mean is all that they are, the bytes
themselves do not count: packed, half of a word that somebody else is called may look like this one.
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import pyarrow as pa

from cryptodudez_assets.lake.erasing import cut, identity
from cryptodudez_assets.lake.erasing.decoded import AVRO, PARQUET, SQLITE, WIDE, IsThere, Stream, as_bytes, meanings
from cryptodudez_assets.lake.erasing.identity import JOINED_ON, in_utf8, is_joined, spellings
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS

LONGEST_WORD = 4 << 10
ENCODINGS = {"utf-8": rb"%b", "utf-16-le": rb"%b\x00", "utf-16-be": rb"\x00%b"}
"""Each with how a sign of ASCII is written in it."""
WORD, JOINS = identity.NO_NEIGHBOUR.encode(), identity.JOINS.encode()
FIELD = rb'(?:(?<=[,;\t|"\n:])|(?<=[:,] ))%b(?=[,;\t|"\r\n\\}\]])'
LONG = 16  # such a value is found within longer words, too
PAGES = (SQLITE, b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
"""How a database and what lies beside it begin: values stand there without anything between them."""


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
    """Values as they stand in bytes. `anywhere`: also within a longer word. `others`: who has one in the name, and is somebody else.
    `in_data`: a number that is all of a field is one like others: whether its column tells of identities is not known here. What is cut
    is looked for elsewhere only: in data it is as somebody wrote it.
    """

    def __init__(
        self, *values: str, anywhere: bool = False, others: Collection[str] = (), in_data: bool = False
    ) -> None:
        self.values, self.others, self._anywhere, self._in_data = values, others, anywhere, in_data
        self.ways = [way.encode(one, "surrogatepass") for v in values for way in spellings(v) for one in ENCODINGS]

    @cached_property
    def _patterns(self) -> list[re.Pattern[bytes]]:
        return [self._pattern(one, others_are_whole=True) for one in ENCODINGS]

    @cached_property
    def _patterns_in_pages(self) -> list[re.Pattern[bytes]]:
        return [self._pattern(one, others_are_whole=False) for one in ENCODINGS]

    def _pattern(self, encoding: str, *, others_are_whole: bool) -> re.Pattern[bytes]:
        """Finds whoever stays, as no group, and these values as one."""
        word, joins = ENCODINGS[encoding] % WORD, ENCODINGS[encoding] % JOINS
        joined_on = JOINED_ON.encode() if encoding == "utf-8" else joins + word
        ends = rb"(?!%b)(?!%b)" % (word, joined_on) if others_are_whole else b""
        numbers = [FIELD % value.encode() for value in self.values if self._in_data and value.isdigit()]
        longer = [b"(?:%b)%b" % (_ways(one, encoding), ends) for one in sorted(self.others, key=len, reverse=True)]
        joined = rb"(?<!%b%b)" % (word, joins), rb"(?!%b)" % joined_on
        plain = b"", rb"(?!%b%b)" % (ENCODINGS[encoding] % b"@", word)
        whole = rb"(?<!%b)" % word, rb"(?!%b)" % word
        found = list[bytes]()
        for value in self.values:
            around = [] if self._anywhere else [joined if is_joined(value) else plain]
            around += [] if self._anywhere or len(value) >= LONG else [whole]
            starts, ends = (b"".join(one[side] for one in around) for side in (0, 1))
            found.append(starts + b"(?:%b)" % _ways(value, encoding) + ends)
        return re.compile(b"|".join([*longer, *numbers, b"(%b)" % (b"|".join(found) or rb"(?!)")]))

    @cached_property
    def _may_be_cut(self) -> dict[bytes, bytes]:
        told = () if self._anywhere or self._in_data else self.values
        return {in_utf8(way): b"" for value in told for way in spellings(value)}

    @cached_property
    def _others_in_bytes(self) -> list[bytes]:
        return list(map(in_utf8, self.others))

    def times_in(self, data: bytes, *, in_pages: bool = False) -> int:
        """How often it stands there, whole or cut."""
        n_cut = sum(1 for _ in cut.pieces(data, self._may_be_cut, self._others_in_bytes)) if self._may_be_cut else 0
        return n_cut + self._times_whole_in(data, in_pages=in_pages)

    def _times_whole_in(self, data: bytes, *, in_pages: bool) -> int:
        if not any(way in data for way in self.ways):
            return 0
        patterns = self._patterns_in_pages if in_pages else self._patterns
        return sum(found.group(1) is not None for one in patterns for found in one.finditer(data))

    def times_in_stream(self, stream: Stream, *, in_pages: bool = False) -> int:
        """How often it stands in what the blocks are together."""
        n, before = 0, b""
        for block in stream:
            n += self.times_in(before + block, in_pages=in_pages) - self.times_in(before, in_pages=in_pages)
            before = (before + block)[-LONGEST_WORD:]
        return n


def _ways(value: str, encoding: str) -> bytes:
    return b"|".join(re.escape(way.encode(encoding, "surrogatepass")) for way in spellings(value))


def times_in(content: BinaryIO, needle: Needle, is_there: IsThere = lambda _: False) -> int:
    """How often the identity stands in a file, in its bytes or in what they mean. `is_there`: as of `meanings`."""
    meant = sum(map(needle.times_in_stream, meanings(content, is_there=is_there)))
    content.seek(0)
    head = content.read(len(SQLITE))
    if head.startswith((AVRO, PARQUET)) or head[:2] in WIDE:
        return meant
    return max(meant, needle.times_in_stream(as_bytes(content), in_pages=head.startswith(PAGES)))


def scan_files(
    paths: Iterable[tuple[str, BinaryIO]],
    *values: str,
    others: Collection[str] = (),
    is_data: Callable[[str], bool] = lambda _: False,
    is_there: IsThere = lambda _: False,
) -> Scanned:
    """Look for these values in all of these files, each told by a name; they are closed.

    `others`: who has one of them in the name, and is somebody else. `is_data`: whether a file, by its name, holds rows, in which a number
    may be an amount. `is_there`: whether a data file is among the files.
    """
    found, n_files, n_bytes = list[Found](), 0, 0
    needles = {one: Needle(*values, others=others, in_data=one) for one in (True, False)}
    for place, content in paths:
        needle = needles[is_data(place)]
        with content:
            n_files += 1
            n_bytes += content.seek(0, 2)
            times = needle.times_in(place.encode("utf-8", "surrogateescape"))
            try:
                times += times_in(content, needle, is_there)
            except (*ARCHIVE_ERRORS, OSError, pa.ArrowException, sqlite3.Error) as error:
                times += needle.times_in_stream(as_bytes(content))
                if not times:
                    found.append(Found(place, 0, f"it could not be looked into: {error}"))
        if times:
            found.append(Found(place, times))
    return Scanned(n_files, n_bytes, found)
