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
    for at in names.alone.places_in(part):
        if at < end:
            continue
        start, stop = part.rfind(b"\n", end, at) + 1 or end, part.find(b"\n", at) + 1 or len(part)
        yield part[end:start]
        yield from edit_records(part[start:stop], form, names, edited)
        end = stop
    yield part[end:]


def edit_records(text: bytes, form: Form, names: Names, edited: Edited) -> Iterator[bytes]:
    """Records, of which none is a header, with pseudonyms in the place of identities."""
    end = 0
    for record in records(text, 1, form.delimiter):
        yield text[end : record.start] + _record(record, text[record.start : record.end], 0, form, names, edited)
        end = record.end
    yield text[end:]


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
    if not found and not names.distinctive.alone.occur_in(text):
        return text
    told, made, end = dict(found), list[bytes](), 0
    is_whole = len(record.fields) == len(form.names)  # otherwise which field is which is a guess
    for index, (start, stop) in enumerate(_fields(text, form.delimiter)) if record.fields else ():
        if index in told or (is_whole and form.names[index] in form.tagged):
            made.append(edited.counted(names.distinctive.out_of(text[end:start])))
            made.append(_with_pseudonym(text[start:stop], told.get(index), names, edited))
            end = stop
    return b"".join([*made, edited.counted(names.distinctive.out_of(text[end:]))])


def _with_pseudonym(field: bytes, value: str | None, names: Names, edited: Edited) -> bytes:
    """A field of a tagged column, which is taken at its word."""
    for way in spellings(value) if value else ():
        if way.encode() in field:
            edited.replaced += 1
            return field.replace(way.encode(), names.instead[str(value)].encode())
    return field


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
