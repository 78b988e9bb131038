"""Identities out of CSV: a field of a tagged column, whatever stands in others; beside these, what can hardly be anything else.

Whatever is not an identity stays, byte for byte: quotes, line ends, blank lines, records that cannot be read.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

from cryptodudez_assets.lake.erasing.edited import Edited, Form
from cryptodudez_assets.lake.erasing.identity import Mode, Names, spellings
from cryptodudez_assets.lake.formats.csv.headers import names_of
from cryptodudez_assets.lake.formats.csv.records import CsvRecord, records

LONGEST_PART = 64 << 20
"""A part is ended here even where a quote seems to be open."""


def edit(blocks: Iterator[bytes], form: Form, names: Names, edited: Edited) -> Iterator[bytes]:
    """The text (UTF-8) without the identities. What was done is added to `edited`."""
    row, is_first = 1, True
    for part in whole_records(blocks):
        if names.mode is Mode.PSEUDONYMISE and not is_first and b'"' not in part:
            yield b"".join(_lines(part, form, names, edited))
            continue
        kept: list[bytes] = []
        end = 0
        for record in records(part, 1, form.delimiter):
            kept.append(part[end : record.start])
            text, end = part[record.start : record.end], record.end
            if is_first and _is_header(record, part, form):
                kept.append(edited.counted(names.distinctive.out_of(text)))
            else:
                kept.append(_record(record, text, row, form, names, edited))
                row += 1
            is_first = False
        kept.append(part[end:])
        yield b"".join(kept)


def _lines(part: bytes, form: Form, names: Names, edited: Edited) -> Iterator[bytes]:
    """The same of a part without quotes, of which each line is a record: only those that mention one of them are looked at."""
    end = 0
    for at in names.places_in(part):
        if at < end:
            continue
        start, stop = part.rfind(b"\n", end, at) + 1 or end, part.find(b"\n", at) + 1 or len(part)
        yield part[end:start]
        line = part[start:stop]
        for record in records(line, 1, form.delimiter):
            yield line[: record.start] + _record(record, line[record.start : record.end], 0, form, names, edited)
            yield line[record.end :]
        end = stop
    yield part[end:]


def whole_records(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Parts that end with a line in which no quote is open."""
    pending = b""
    for block in chain(blocks, [b""]):
        pending += block
        end = pending.rfind(b"\n") + 1 if block else len(pending)
        if block and len(pending) < LONGEST_PART:
            while end and pending.count(b'"', 0, end) % 2:
                end = pending.rfind(b"\n", 0, end - 1) + 1
        if end:
            yield pending[:end]
            pending = pending[end:]


def _is_header(record: CsvRecord, part: bytes, form: Form) -> bool:
    return not form.may_lack_header or names_of(record, part) == form.names


def _record(record: CsvRecord, text: bytes, row: int, form: Form, names: Names, edited: Edited) -> bytes:
    found = [
        (index, value)
        for index, (column, field) in enumerate(zip(form.names, record.fields, strict=False))
        if column in form.tagged and (value := names.of(field)) is not None
    ]
    if names.mode is Mode.REMOVE:
        if found:
            edited.removed.append(row)
            return b""
        return text
    for index, value in reversed(found):
        text = _with_pseudonym(text, index, value, form, names, edited)
    return edited.counted(names.distinctive.out_of(text))


def _with_pseudonym(text: bytes, index: int, value: str, form: Form, names: Names, edited: Edited) -> bytes:
    start, end = list(_fields(text, form.delimiter))[index]
    field = text[start:end]
    for way in spellings(value):
        if way.encode() in field:
            edited.replaced += 1
            return text[:start] + field.replace(way.encode(), names.instead[value].encode()) + text[end:]
    return text


def _fields(text: bytes, delimiter: str) -> Iterator[tuple[int, int]]:
    """Where the fields of a sound record are, with their quotes."""
    at, pattern = 0, _field(delimiter)
    while found := pattern.match(text, at):
        yield found.span(1)
        at = found.end()
        if not found[2]:
            return


@cache
def _field(delimiter: str) -> re.Pattern[bytes]:
    mark = re.escape(delimiter.encode())
    return re.compile(rb'("(?:[^"]|"")*"|[^%b\r\n]*)(%b)?' % (mark, mark))
