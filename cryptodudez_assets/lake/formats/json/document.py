"""JSON documents: one value that is all of a file, with the rows below a path in it. Held in memory, up to a stated size.

A document is no format for much data: its text is held whole, since what it says beside its rows may stand behind them. The rows are
handed out in chunks, and each is read alone, so that one that is broken costs itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, BinaryIO, ClassVar

from cryptodudez_assets.lake.formats.archives import FileRefused, Text
from cryptodudez_assets.lake.formats.faults import blaming
from cryptodudez_assets.lake.formats.forms import TEXT_SHOWN, shown
from cryptodudez_assets.lake.formats.json.fields import flattened, told_twice
from cryptodudez_assets.lake.formats.json.parse import MARKING, SKIPPING, SPACE, Broken, end_of, parsed
from cryptodudez_assets.lake.formats.json.records import Found, RecordReader, reject
from cryptodudez_assets.lake.formats.json.spelling import JsonSpelling
from cryptodudez_assets.lake.formats.reader import ParsedChunk, Reject
from cryptodudez_assets.lake.formats.text import utf8_blocks
from cryptodudez_assets.sources.declaration import Layout

MAX_DOCUMENT_BYTES = 128 << 20
CHUNK_BYTES = 4 << 20
READ_BYTES = 4 << 20
ROOT = "$"
BEGIN_NUMBERS = "-0123456789"
ENDS = tuple(",]}" + SPACE)


@dataclass(frozen=True)
class Outline:
    """Where the rows of a document are, and what it says beside them, by path from the root."""

    rows: list[tuple[int, int]] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)
    is_list: bool = True
    """Whether they are a list; a row that is alone need not be in one."""
    is_found: bool = False
    """Whether the path leads to anything: a list may be empty."""


class CutOff(Exception):
    """The document is broken at this place; `outline` is what was found before it."""

    def __init__(self, at: int, told: str, outline: Outline) -> None:
        super().__init__(told)
        self.at, self.outline = at, outline


def text_of(stream: BinaryIO | Text, encoding: str) -> str:
    """All of a document. Raises FileRefused where it is too large, or no text."""
    blocks, size = [], 0
    for block in utf8_blocks(stream, encoding, READ_BYTES):
        size += len(block)
        if size > MAX_DOCUMENT_BYTES:
            raise FileRefused(
                f"a JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MiB, which is held in memory to be read: write its rows as "
                "JSON lines (a record a line), which are read at any size, or ask for less at a time"
            )
        blocks.append(block)
    data = b"".join(blocks)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused(f"a JSON document that is no UTF-8 in line {line}: save the file as UTF-8") from None


def outlined(text: str, rows: str) -> Outline:
    """Find the rows below this path. Raises CutOff where the document is broken in other places than within a row."""
    walk = _Walk(text, rows.split(".")[1:])
    try:
        outline, at = walk.value(walk.blank(0), 0, ROOT)
        if walk.blank(at) < len(text):
            raise Broken("more_than_one", "something follows its end", walk.blank(at))
    except Broken as error:
        raise CutOff(error.at, error.told, walk.outline) from None
    return outline


class _Walk:
    """One way through a document. Values that are not on the path are skipped by the scanner, rows are told by their ends."""

    def __init__(self, text: str, path: Sequence[str]) -> None:
        self.text, self.path, self.outline = text, path, Outline()

    def blank(self, at: int) -> int:
        """Where the next character is that is no blank."""
        while at < len(self.text) and self.text[at] in SPACE:
            at += 1
        return at

    def value(self, at: int, depth: int, name: str) -> tuple[Outline, int]:
        """Walk through the value that begins here, `depth` steps down the path."""
        if depth == len(self.path):
            self.outline = replace(self.outline, is_found=True)
            if self.text.startswith("[", at):
                at = self._rows(at)
            else:
                self.outline = replace(self.outline, is_list=False)
                end = self._end(at)
                self.outline.rows.append((at, end))
                at = end
        elif self.text.startswith("{", at):
            at = self._object(at, depth, name)
        else:
            at = self._end(at)
        return self.outline, at

    def _object(self, begin: int, depth: int, name: str) -> int:
        names: set[str] = set()
        for item in self._items(begin, "}"):
            key, at = self._key(item)
            if key in names or f"{name}.{key}" in self.outline.beside:
                raise Broken(
                    "repeated_field", f"the field {shown(key, TEXT_SHOWN)} is there twice: which is meant?", item
                )
            names.add(key)
            if key == self.path[depth]:
                _, at = self.value(at, depth + 1, f"{name}.{key}")
            else:
                end = self._end(at)
                self.outline.beside[f"{name}.{key}"] = self.text[at:end]
                at = end
            self._after = at
        return self._closed

    def _rows(self, begin: int) -> int:
        for at in self._items(begin, "]"):
            end = self._end(at)
            self.outline.rows.append((at, end))
            self._after = end
        return self._closed

    def _items(self, at: int, closing: str) -> Iterator[int]:
        """Where the items of an object or list begin; whoever walks them leaves in `_after` where each ends."""
        at = self.blank(at + 1)
        if self.text.startswith(closing, at):
            self._closed = at + 1
            return
        while True:
            yield at
            at = self.blank(self._after)
            if self.text.startswith(closing, at):
                self._closed = at + 1
                return
            if not self.text.startswith(",", at):
                raise Broken("no_json", f"a comma or {closing} is missing", at)
            at = self.blank(at + 1)

    def _key(self, at: int) -> tuple[str, int]:
        if not self.text.startswith('"', at):
            raise Broken("no_json", "a name in quotes is missing", at)
        try:
            key, at = scanstring(self.text, at + 1, False)
        except json.JSONDecodeError as error:
            raise Broken("no_json", error.msg, error.pos) from None
        at = self.blank(at)
        if not self.text.startswith(":", at):
            raise Broken("no_json", "a colon is missing", at)
        return key, self.blank(at + 1)

    def _end(self, at: int) -> int:
        """Where the value that begins here ends, whatever is wrong within it."""
        try:
            end: int = SKIPPING(self.text, at)[1]
        except (StopIteration, json.JSONDecodeError, RecursionError):
            return self._end_of_broken(at)
        # A number may end before what is written ends, as in 01.
        goes_on = self.text[at] in BEGIN_NUMBERS and not self.text.startswith(ENDS, end)
        return self._end_of_broken(at) if goes_on else end

    def _end_of_broken(self, at: int) -> int:
        """By its brackets; what begins with none ends before the next comma or bracket."""
        if not self.text.startswith(("[", "{"), at):
            end = min((found for one in ",]}\n" if (found := self.text.find(one, at)) >= 0), default=len(self.text))
            if end in (at, len(self.text)):
                raise Broken("no_json", "a value is missing", end)
            return len(self.text[:end].rstrip(SPACE)) if self.text[at:end].strip(SPACE) else end
        closed = end_of(self.text, at)
        if closed is None:
            raise Broken("no_json", "it ends in the middle", len(self.text))
        return closed


def beside_of(outline: Outline) -> dict[str, Any]:
    """What a document says beside its rows, by path; what is broken says nothing."""
    found: dict[str, Any] = {}
    for name, text in outline.beside.items():
        try:
            value = parsed(text, MARKING)
        except Broken:
            continue
        found[name] = value
        if isinstance(value, dict) and told_twice(value) is None:
            found |= flattened(value, f"{name}.")
    return found


@dataclass(frozen=True)
class DocumentReader:
    """Reads the rows of a document."""

    layout: Layout
    keeps_extra: bool
    encoding: str
    chunk_bytes: int = CHUNK_BYTES
    tells_empty: ClassVar[bool] = True
    beside: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What the document says beside its rows, of the columns that the layout reads."""

    @cached_property
    def records(self) -> RecordReader:
        """Reads the rows themselves."""
        return RecordReader(self.layout, self.keeps_extra, self.beside)

    @property
    def spelling(self) -> JsonSpelling:
        """How its rows are written."""
        return self.records.spelling

    def chunks(self, stream: BinaryIO | Text) -> Iterator[ParsedChunk]:
        """All rows of the document."""
        text, path = text_of(stream, self.encoding), self.layout.rows or ROOT
        try:
            outline = outlined(text, path)
        except CutOff as error:
            raise FileRefused(why_broken(text, error)) from None
        told = beside_of(outline)
        reader = replace(self, beside={name: told[name] for name in self.layout.told_beside_rows if name in told})
        yield from reader._rows(text, outline, path)

    def _rows(self, text: str, outline: Outline, path: str) -> Iterator[ParsedChunk]:
        first_row, line, at = 1, 1, 0
        for start, end in pairwise(self._cuts(outline)):
            found = []
            for number, (begin, stop) in enumerate(outline.rows[start:end], start):
                line, at = line + text.count("\n", at, begin), begin
                place = f"{path}[{number}]" if outline.is_list else path
                found.append(Found(text[begin:stop], line, place))
            with blaming(f"the rows from {found[0].place} on cannot be read"):
                yield self._parsed(found, first_row)
            first_row += len(found)

    def _cuts(self, outline: Outline) -> list[int]:
        """The first row of each chunk, and the end."""
        cuts, begun = [0], 0
        for number, (start, _) in enumerate(outline.rows):
            begun = begun if number else start
            if start - begun >= self.chunk_bytes:
                cuts.append(number)
                begun = start
        return [*cuts, len(outline.rows)] if outline.rows else []

    def _parsed(self, found: Sequence[Found], first_row: int) -> ParsedChunk:
        typed = self.records.read(found, first_row)

        def find(broken: Mapping[int, Sequence[str]]) -> list[Reject]:
            return [reject(found[row - first_row], row, rules) for row, rules in broken.items()]

        n_bytes = sum(len(one.text) for one in found)
        return ParsedChunk(self, first_row, len(found), n_bytes, typed.table, typed.rejects, find)


def why_broken(text: str, error: CutOff) -> str:
    """Why a document cannot be read."""
    line = text.count("\n", 0, error.at) + 1
    n = len(error.outline.rows)
    if error.at >= len(text.rstrip(SPACE)):
        behind = f", behind {n:,} whole rows" if n else ""
        return f"a JSON document that ends in the middle, in line {line}{behind}: it was cut off; fetch the file again"
    return f"a JSON document that is broken in line {line}, behind {n:,} rows: {error}; fetch or write the file again"
