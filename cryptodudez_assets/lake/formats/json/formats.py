"""JSON lines and JSON documents as formats in which files come: which of the two a text is, and which layout it follows."""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.format import CSV
from cryptodudez_assets.lake.formats.csv.headers import all_shown, nearest_of, nearly, nearly_in_words
from cryptodudez_assets.lake.formats.json.document import (
    ROOT,
    CutOff,
    DocumentReader,
    Outline,
    beside_of,
    outlined,
    text_of,
    why_broken,
)
from cryptodudez_assets.lake.formats.json.fields import any_within, names_in, unknown_in
from cryptodudez_assets.lake.formats.json.lines import LineReader
from cryptodudez_assets.lake.formats.json.parse import MARKING, SPACE, Broken, parsed
from cryptodudez_assets.lake.formats.reader import Content, Format, Reader, Recognised, Written
from cryptodudez_assets.lake.formats.signatures import no_text
from cryptodudez_assets.lake.formats.text import HEAD_BYTES, decode
from cryptodudez_assets.sources.declaration import Layout

BEGINS = re.compile(r'\s*[\[{]\s*(?:["{\[\]}]|-?[0-9]|true\b|false\b|null\b|$)')
OPENS = re.compile(rb"\s*(?:[^\n]*+\n){0,9}?[\[{]")
"""One of the first lines does. To look through all of a head costs more than to recognise most CSV."""
SAMPLE = 100
"""Records or lines that are looked at."""


@dataclass(frozen=True)
class Seen:
    """A text that is JSON: its lines, each with the value that it is, if it is one."""

    encoding: str
    text: str
    is_all: bool
    lines: list[tuple[str, Any]]
    """The first whole lines that are not blank, with what each says, None where it is no object and no list."""

    @property
    def good(self) -> list[Any]:
        """What the lines say that are JSON."""
        return [value for _, value in self.lines if value is not None]

    @property
    def begins(self) -> bool:
        """Whether it begins as JSON does."""
        return BEGINS.match(self.text) is not None

    @property
    def is_lines(self) -> bool:
        """Whether each line is a value, but for some that are broken."""
        if len(self.lines) == 1 and self.begins and not self.is_all:
            return False  # a value, and the beginning of another?
        return bool(self.good) and (2 * len(self.good) >= len(self.lines) or self.lines[0][1] is not None)

    @property
    def is_one(self) -> bool:
        """Whether it may be one value as well as one line."""
        return self.begins and (len(self.lines) == 1 or not self.lines)


def looked_at(content: Content) -> Seen | None:
    """A text that may be JSON; None where it is none."""
    return seen_in(content.head, is_all=content.is_all)


def seen_in(head: bytes, *, is_all: bool) -> Seen | None:
    """A text that may be JSON, by its beginning; None where it is none."""
    encoding, data = decode(head)
    if not OPENS.match(data) or (b"\0" in data and (no_text(head) or no_text(data))):
        return None
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data, final=is_all)
    whole = text.split("\n") if is_all else text.split("\n")[:-1]
    lines = islice((line.strip(SPACE) for line in whole if line.strip(SPACE)), SAMPLE)
    seen = Seen(encoding, text, is_all, [(line, _value(line)) for line in lines])
    return seen if seen.begins or seen.is_lines else None


def _value(line: str) -> Any:
    try:
        value = parsed(line, MARKING)
    except Broken:
        return None
    return value if isinstance(value, dict | list) else None


def _of(layouts: Sequence[Layout], name: str) -> list[Layout]:
    """The layouts whose files may be of this format."""
    beside = name == "json"
    return [
        one
        for one in layouts
        if one.format == name or (not one.format and (beside or not (one.rows or one.told_beside_rows)))
    ]


@dataclass(frozen=True)
class _Fields:
    """What records have: the names of all fields with their types, and how long lists are."""

    types: Mapping[str, str]
    records: Sequence[Any]
    is_open: bool = False
    """Whether the rows are where a layout says, and nothing can be told of them: there are none, or all that are looked at are broken."""

    def header(self, layout: Layout | None) -> tuple[str, ...]:
        """The fields by name, an object by its own where a layout reads it whole; of lists the names of the layout."""
        if layout and self.is_open:
            return tuple(dict.fromkeys([*layout.names, *layout.columns]))
        read = set(layout.columns) if layout else set()
        whole = [name for name in read if name not in self.types and any_within(name, self.types)]
        by_position = layout.names if layout and any(isinstance(one, list) for one in self.records) else []
        return tuple(dict.fromkeys([*by_position, *unknown_in(self.types, whole), *sorted(whole)]))

    def lacking(self, layout: Layout) -> list[str]:
        """The columns that a layout needs and none of the records has."""
        lists = [one for one in self.records if isinstance(one, list)]
        fits = layout.names and any(len(one) == len(layout.names) for one in lists)
        if lists and not fits and not any(isinstance(one, dict) for one in self.records):
            return [*layout.columns]
        by_position = layout.names if fits else []
        rows = [one for one in layout.columns if one not in layout.told_beside_rows] if self.is_open else by_position
        return [one for one in layout.missing_from([*self.types, *rows]) if not any_within(one, self.types)]

    def best(self, layouts: Sequence[Layout]) -> Layout | None:
        """Of the layouts that they follow the one that reads most of them."""
        fitting = [one for one in layouts if not self.lacking(one)]
        return max(fitting, key=lambda layout: len(layout.columns), default=None)


def _fields(records: Sequence[Any], beside: Mapping[str, Any] | None = None, *, is_open: bool = False) -> _Fields:
    names = names_in([one for one in records if isinstance(one, dict)] + [dict(beside or {})])
    return _Fields(names, records, is_open and not records)


class JsonLines:
    """A record on each line."""

    name = "jsonl"

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """By the fields of its first records."""
        found = self.recognise(content, layouts)
        return found is not None and found.layout is not None

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised | None:
        """By its first lines. None where it is none, or may as well be a document, or is a CSV that looks like it."""
        seen = looked_at(content)
        mine = _of(layouts, self.name)
        if seen is None or not (seen.is_lines or (seen.is_one and self._is_meant(seen, mine, layouts))):
            return None
        fields = _fields(seen.good)
        layout = fields.best(mine)
        if layout is None and (seen.is_one or _is_csv(content, layouts)):
            return None
        return _recognised(self.name, "JSON lines", seen, fields, layout, mine)

    def _is_meant(self, seen: Seen, mine: Sequence[Layout], layouts: Sequence[Layout]) -> bool:
        """Whether what may be one long line is one, rather than a document."""
        if any(one.format == "json" or one.rows or one.told_beside_rows for one in layouts):
            return False
        return any(one.format == self.name for one in mine) or seen.text.lstrip(SPACE).startswith("{")

    def reader(self, written: Written, layout: Layout, keeps_extra: bool) -> Reader:
        """Reads its lines."""
        return LineReader(layout, keeps_extra, written.encoding or "utf-8")


class JsonDocument:
    """One value, with rows in it."""

    name = "json"

    def follows(self, content: Content, layouts: Sequence[Layout]) -> bool:
        """By the fields of its first rows, and what it says beside them."""
        try:
            found = self.recognise(content, layouts)
        except FileRefused:
            return False
        return found is not None and found.layout is not None

    def recognise(self, content: Content, layouts: Sequence[Layout]) -> Recognised | None:
        """By its first rows below the path of a layout. Raises FileRefused where it is broken."""
        seen = looked_at(content)
        if seen is None or not seen.begins or (seen.is_lines and not seen.is_one):
            return None
        mine = _of(layouts, self.name)
        try:
            found = self._found(content, seen, mine)
        except FileRefused:
            if _is_csv(content, layouts):
                return None
            raise
        layout = next((one for one, fields in found if not fields.lacking(one)), None)
        if layout is None and _is_csv(content, layouts):
            return None
        fields = next((fields for one, fields in found if one is layout), found[0][1] if found else _fields(seen.good))
        return _recognised(self.name, "a JSON document", seen, fields, layout, mine)

    def _found(self, content: Content, seen: Seen, layouts: Sequence[Layout]) -> list[tuple[Layout, _Fields]]:
        """The layouts, the largest first, with the fields below the path of each."""
        text, known = seen.text, dict[str, _Fields]()
        ordered = sorted(layouts, key=lambda one: -len(one.columns))
        for path in dict.fromkeys(one.rows or ROOT for one in ordered):
            outline = _outline(text, path, seen.is_all)
            needed = [name for one in ordered if (one.rows or ROOT) == path for name in one.told_beside_rows]
            if not seen.is_all and (not outline.rows or not {*needed} <= {*beside_of(outline)}):
                with content.whole() as opened:
                    text = text_of(opened, seen.encoding)
                outline = _outline(text, path, True)
            sample = [_value(text[start:end]) for start, end in outline.rows[:SAMPLE]]
            records = [one for one in sample if one is not None]
            is_open = path != ROOT and outline.is_found and outline.is_list
            known[path] = _fields(records, beside_of(outline), is_open=is_open)
        return [(one, known[one.rows or ROOT]) for one in ordered]

    def reader(self, written: Written, layout: Layout, keeps_extra: bool) -> Reader:
        """Reads its rows."""
        return DocumentReader(layout, keeps_extra, written.encoding or "utf-8")


def _outline(text: str, path: str, is_all: bool) -> Outline:
    try:
        return outlined(text, path)
    except CutOff as error:
        if is_all:
            raise FileRefused(why_broken(text, error)) from None
        return error.outline


def _is_csv(content: Content, layouts: Sequence[Layout]) -> bool:
    return CSV.follows(content, layouts)


def _recognised(
    name: str, called: str, seen: Seen, fields: _Fields, layout: Layout | None, layouts: Sequence[Layout]
) -> Recognised:
    header = fields.header(layout)
    line_end = "crlf" if "\r\n" in seen.text[:HEAD_BYTES] else "lf"
    written = Written(name, header, seen.encoding, line_end=line_end)
    types = {one: fields.types.get(one, "Struct") for one in header}
    if layout is None:
        return Recognised(written, None, problem=_why_unknown(called, header, fields, layouts), infer=lambda: types)
    known = [*layout.columns, *layout.ignored, *layout.names]
    added = unknown_in([one for one in header if not one.startswith("$.")], known)
    return Recognised(written, layout, tuple(added), infer=lambda: types)


def _why_unknown(called: str, header: Sequence[str], fields: _Fields, layouts: Sequence[Layout]) -> str:
    found = f"found {all_shown(header)}" if header else f"found {_described(fields.records)}"
    if not layouts:
        return f"{called}, and no layout of the source is of that format; {found}"
    nearest = nearest_of(layouts, fields.lacking, header)
    missing = fields.lacking(nearest)
    added = unknown_in(header, [*nearest.columns, *nearest.ignored])
    near = nearly(missing, added)
    if not near and len(missing) == len(nearest.columns):
        where = f" below {nearest.rows}" if nearest.rows else ""
        return f"{called} of no known layout: expected records{where} with fields such as {all_shown([*nearest.columns])}, {found}"
    renamed = f"; unknown in their place: {all_shown(added)} (renamed?)" if added else ""
    return f"{called}, in which fields are missing for layout {nearest.name}: {missing}{renamed}{nearly_in_words(near)}"


def _described(records: Sequence[Any]) -> str:
    lists: Iterator[list[Any]] = (one for one in records if isinstance(one, list))
    first = next(lists, None)
    return "no record" if first is None else f"lists of {len(first)} values"


LINES: Format = JsonLines()
DOCUMENT: Format = JsonDocument()
