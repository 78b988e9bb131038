"""Where records begin and end: the careful reading, which knows each record's physical line, its text and what is wrong with it.

Quotes are taken strictly, so that one that is astray costs its own line and not those behind it. What a record is depends
only on the text from its beginning on; chunks are cut and clean text is recognised so that they agree with it.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# A longer line is not read; a quote that stays open for longer was never meant to open anything.
MAX_RECORD_BYTES = 1 << 20
# So much tells the first record of nearly every file.
BEGINNING_BYTES = 4 << 10

TOO_LONG = "too_long"


class CsvRecord(NamedTuple):
    """One record: on which physical line it starts, its place in the bytes that were read, its fields; `fault` says why it has none."""

    line: int
    start: int
    end: int
    fields: list[str]
    fault: str | None = None


def records(data: bytes, first_line: int, delimiter: str, *, final: bool = True) -> Iterator[CsvRecord]:
    """The records of `data`, blank lines left out. Bytes that are no UTF-8 become surrogates.

    Where more data may follow (not `final`), it ends before the first record that these could still change.
    """
    csv.field_size_limit(MAX_RECORD_BYTES)
    lines = BytesIO(data).readlines()
    at = offset = 0
    while at < len(lines):
        feed = _Feed(lines, at, final)
        try:
            for fields in csv.reader(feed, delimiter=delimiter, strict=True):
                taken, size = feed.taken, feed.size
                if fields:
                    yield CsvRecord(first_line + at, offset, offset + size, fields)
                at, offset = at + taken, offset + size
                feed.begin_record()
            return  # also where a line is still unfinished
        except csv.Error as error:
            if feed.exhausted and not final:
                return
            fault = str(error) if isinstance(error, _TooLong) else _fault(error, feed)
            end = offset + len(lines[at])
            yield CsvRecord(first_line + at, offset, end, [], fault)
            at, offset = at + 1, end


def first_record(data: bytes, delimiter: str, *, final: bool = True) -> CsvRecord | None:
    """The first of the records, None where there is none. Looks at all of `data` only if its beginning does not tell."""
    beginning = data[: data.rfind(b"\n", 0, BEGINNING_BYTES) + 1]
    told = next(records(beginning, 1, delimiter, final=False), None)
    return told or next(records(data, 1, delimiter, final=final), None)


def places(data: bytes, first_line: int, delimiter: str, count: int) -> "Places | list[CsvRecord]":
    """Where the records of `data` are, of which there are `count`. Their fields may be left out, where lines tell enough."""
    text = np.frombuffer(data, np.uint8)
    starts = np.append(0, np.flatnonzero(text == ord("\n")) + 1)
    starts = starts[starts < len(data)]
    filled = np.flatnonzero(np.logical_or.reduceat((text != ord("\n")) & (text != ord("\r")), starts))
    if len(filled) != count:
        return list(records(data, first_line, delimiter))
    return Places(first_line, filled, starts, np.append(starts[1:], len(data)))  # no record is longer than a line


@dataclass(frozen=True)
class Places:
    """Records of one line each, told one by one: which lines are `filled`, and where lines start and end."""

    first_line: int
    filled: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]

    def __getitem__(self, index: int) -> CsvRecord:
        line = self.filled[index]
        return CsvRecord(self.first_line + int(line), int(self.starts[line]), int(self.ends[line]), [])


def is_unambiguous(data: bytes, delimiter: str) -> bool:
    """Whether any reader finds the same records in `data`: each quote opens or closes a whole field, each line ends in a line feed."""
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):  # to search is far faster than to count
        return False
    return b'"' not in data or _unambiguous_pattern(delimiter).fullmatch(data) is not None


def _unambiguous_pattern(delimiter: str) -> re.Pattern[bytes]:
    d = re.escape(delimiter.encode())
    return re.compile(rb'(?:[^"]*+(?<![^\n%b])"(?:[^"]++|"")*+"(?![^\r\n%b]))*+[^"]*+' % (d, d))


class _TooLong(csv.Error):
    pass


class _Feed:
    """Hands lines to the CSV reader, and stops it where a record grows too long. `taken` and `size` are the record's so far."""

    def __init__(self, lines: list[bytes], at: int, final: bool) -> None:
        self.lines, self.next, self.final = lines, at, final
        self.exhausted = False
        self.begin_record()

    def begin_record(self) -> None:
        self.taken = self.size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.next == len(self.lines):
            self.exhausted = True
            raise StopIteration
        line = self.lines[self.next]
        ended = line.endswith(b"\n")
        if not self.taken and len(line) - ended > MAX_RECORD_BYTES:
            raise _TooLong(TOO_LONG)
        if self.taken and self.size + len(line) > MAX_RECORD_BYTES:
            raise csv.Error
        if not ended and not self.final:
            self.exhausted = True
            raise StopIteration
        self.next, self.taken, self.size = self.next + 1, self.taken + 1, self.size + len(line)
        return line.decode("utf-8", "surrogateescape")


def _fault(error: csv.Error, feed: _Feed) -> str:
    # Told by the first line alone, for how far the reader looked on depends on where a chunk ends.
    if feed.taken > 1 or feed.exhausted or not str(error):
        return "unclosed_quote"
    return "stray_carriage_return" if "new-line" in str(error) else "stray_quote"
