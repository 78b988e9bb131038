"""What all formats of raw files have in common: how they are recognised, and how their records become typed raw columns.

A format is a room beside this file with a `Format` in it, which `registry.py` lists. What is done with the records, and whether
they keep the rules of a contract, is none of a format's business.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO, Protocol

import polars as pl
import pyarrow as pa

from cryptodudez_assets.contracts.base import EXACT
from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.sources.declaration import Layout

ROW = " row"  # the record's number, beside the raw columns: no name of theirs begins with a blank
EXTRA = " extra"  # the values of the columns that the layout does not know, as JSON
KEPT_OF_RAW = 64 << 10
ARROW_TYPES = {
    pl.String: pa.string(),
    pl.Int64: pa.int64(),
    pl.Float64: pa.float64(),
    pl.Decimal: pa.decimal128(EXACT.precision, EXACT.scale),
    pl.Date: pa.date32(),
}


@dataclass(frozen=True)
class Content:
    """The content of a raw file, unpacked, while it is recognised.

    `head` are its first bytes (`is_all`: it has no more), which tell nearly every file. `whole` opens all of it anew, for formats
    that must look elsewhere: a file that can be sought in, which is gone after the `with`.
    """

    head: bytes
    is_all: bool
    whole: Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True)
class Written:
    """How a file's records are written: what the catalogue keeps of it, and all that reading it needs beside its layout."""

    format: str
    names: tuple[str, ...]
    """The columns or fields in it, in their order; those in fields of fields by path, as `user.id`."""
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    line_end: str | None = None


@dataclass(frozen=True)
class Recognised:
    """What a file is, and the layout that it follows; `problem` says why it cannot be read."""

    written: Written
    layout: Layout | None
    added: tuple[str, ...] = ()
    problem: str | None = None
    infer: Callable[[], Mapping[str, str]] = field(default=dict, compare=False)

    @cached_property
    def types(self) -> Mapping[str, str]:
        """The types that the columns seem to have. Worth its time only for a schema that is new."""
        return self.infer()


@dataclass(frozen=True)
class Reject:
    """A record that does not become a row: where it is, what it says, which rules it breaks.

    `line` is the physical line on which it begins; None where a format has no lines. `place` says where it is where lines do
    not tell. `rules` are `column:rule`, or `record:rule` for the record itself.
    """

    file_row: int
    line: int | None
    raw: str
    rules: tuple[str, ...]
    place: str | None = None

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return self.place or f"line {self.line}"


@dataclass(frozen=True)
class ParsedChunk:
    """What became of some records of a file that follow each other.

    `first_row` is the number of the first of them (the file's first is 1), `n_bytes` what they weigh in memory.
    `table` holds the good ones: the layout's columns in their order, `EXTRA` where the reader keeps it, `ROW`; None where there
    are none. `find` looks up records by their number, as rejects that break the rules given with it.
    """

    reader: "Reader"
    first_row: int
    n_records: int
    n_bytes: int
    table: pa.Table | None
    rejects: Sequence[Reject]
    find: Callable[[Mapping[int, Sequence[str]]], list[Reject]]

    def has(self, row: int) -> bool:
        """Whether the record with this number is among them."""
        return self.first_row <= row < self.first_row + self.n_records

    def reject(self, broken: Mapping[int, Sequence[str]]) -> list[Reject]:
        """Rows of the table that turned out to break rules."""
        return self.find(broken) if broken else []


class Spelling(Protocol):
    """How records are written, for the words that tell what is wrong with one. Equal where the words are; can be hashed."""

    def values(self, raw: str) -> Mapping[str, str]:
        """The text of each raw column in a record; empty where there is no value."""

    def is_header(self, raw: str) -> bool:
        """Whether the record is no record, but the names of the columns once more."""

    def why_none(self, fault: str, raw: str) -> str:
        """Why this is no record that can be read, of which `record:fault` is told."""

    def why_no_value(self, column: str, fault: str) -> str | None:
        """What else than its type is wrong with a value, of which `column:fault` is told; None where that is not of the format."""


class Reader(Protocol):
    """Reads one file. Of its own it knows nothing but bytes: whoever opens it sees to it that they are the catalogued ones."""

    @property
    def layout(self) -> Layout:
        """The layout that it follows."""

    @property
    def keeps_extra(self) -> bool:
        """Whether the values of columns that the layout does not know are kept in `EXTRA`."""

    @property
    def tells_empty(self) -> bool:
        """Whether the format tells an empty text from no value. Where it does not, either is null."""

    @property
    def spelling(self) -> Spelling:
        """How its records are written."""

    def chunks(self, text: Text) -> Iterator[ParsedChunk]:
        """All records, in memory that does not grow with the file. Raises FileRefused where the file cannot be read on."""


class Format(Protocol):
    """A way in which files hold records."""

    name: str

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """Whether it is of this format, and has the columns of one of these layouts."""

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised | None:
        """What the file is; None where it is not of this format. Raises FileRefused where it is, and broken."""

    def reader(self, written: Written, layout: Layout, keeps_extra: bool) -> Reader:
        """Reads a file that was recognised so."""


def kept(raw: str) -> str:
    """The text of a record as it is kept in quarantine: the beginning of it where it is very long."""
    return raw if len(raw) <= KEPT_OF_RAW else f"{raw[:KEPT_OF_RAW]}… ({len(raw):,} characters)"
