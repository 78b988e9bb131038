"""Identities out of JSON, lines or a document: the field of a tagged column, and what can hardly be anything else.

Numbers stay as they are written, and so does what is broken. An identity that is a number becomes a text, as its pseudonym is one.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

from cryptodudez_assets.lake.erasing.edited import Edited, Form
from cryptodudez_assets.lake.erasing.identity import Mode, Names
from cryptodudez_assets.lake.formats.json.document import CutOff, Outline, outlined
from cryptodudez_assets.lake.formats.json.fields import value_at

VALUE = rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*'
TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
BLANK = b" \t\r\n"


def edit_lines(blocks: Iterator[bytes], form: Form, names: Names, edited: Edited) -> Iterator[bytes]:
    """The text (UTF-8) without the identities. What was done is added to `edited`."""
    row = 1
    for part in whole_lines(blocks):
        if names.mode is Mode.PSEUDONYMISE and not _may_occur(part, names):
            yield part
            continue
        kept: list[bytes] = []
        for line in part.splitlines(keepends=True) if b"\r" not in part else _lines(part):
            if not line.strip(BLANK):
                kept.append(line)
                continue
            if names.mode is Mode.REMOVE and _tells(line, form, names):
                edited.removed.append(row)
            else:
                kept.append(edit_record(line, form, names, edited))
            row += 1
        yield b"".join(kept)


def edit_document(text: str, form: Form, names: Names, edited: Edited) -> str:
    """The document without the identities; one that is broken as any text. What was done is added to `edited`."""
    try:
        outline = outlined(text, form.rows)
    except CutOff:
        return _loose(text.encode(), names, edited).decode()
    if not outline.rows:
        return _loose(text.encode(), names, edited).decode()
    before, after = (text[: outline.rows[0][0]], text[outline.rows[-1][1] :])
    rows = _rows(text, outline, form, names, edited)
    if names.mode is Mode.REMOVE:
        return before + rows + after
    return _loose(before.encode(), names, edited).decode() + rows + _loose(after.encode(), names, edited).decode()


def _rows(text: str, outline: Outline, form: Form, names: Names, edited: Edited) -> str:
    """The rows that stay, each behind what stood before it."""
    made: list[str] = []
    end = outline.rows[0][0]
    for number, (start, stop) in enumerate(outline.rows, 1):
        row = text[start:stop].encode()
        if names.mode is Mode.REMOVE and _tells(row, form, names):
            edited.removed.append(number)
        else:
            made += [text[end:start] if made else "", edit_record(row, form, names, edited).decode()]
        end = stop
    return "".join(made) if outline.is_list or made else "[]"


def whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Parts of whole lines."""
    pending = b""
    for block in chain(blocks, [b""]):
        pending += block
        if end := (pending.rfind(b"\n") + 1 if block else len(pending)):
            yield pending[:end]
            pending = pending[end:]


def _lines(part: bytes) -> list[bytes]:
    return [line for line in re.split(rb"(?<=\n)", part) if line]


def _may_occur(part: bytes, names: Names) -> bool:
    return names.alone.occur_in(part) or (b"\\u" in part and _unescaped(part, names.alone)[1] > 0)


def _tells(record: bytes, form: Form, names: Names) -> bool:
    """Whether a tagged field of the record is one of the identities."""
    try:
        told: Any = json.loads(record)
    except ValueError:
        return False
    if isinstance(told, list):
        told = dict(zip(form.listed, told, strict=False))
    if not isinstance(told, dict):
        return False
    return any(names.of(_plain(value_at(told, name, name.split(".")))) is not None for name in form.tagged)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else None


def edit_record(record: bytes, form: Form, names: Names, edited: Edited) -> bytes:
    """A record without the identities; as it is where rows that tell of them are removed."""
    if names.mode is Mode.REMOVE:
        return record
    if form.listed and record.lstrip().startswith(b"[") and _tells(record, form, names):
        record = edited.counted(TEXT.subn(lambda found: _instead(found.group(), names), record))
    made, end = list[bytes](), 0
    for found in _tagged(form.tagged).finditer(record) if form.tagged else ():
        told = _instead(found[1], names)
        edited.replaced += told != found[1]
        made += [_loose(record[end : found.start(1)], names, edited), told]
        end = found.end(1)
    return b"".join([*made, _loose(record[end:], names, edited)])


def _instead(value: bytes, names: Names) -> bytes:
    """A value as it is written, or the pseudonym of the identity that it is."""
    try:
        told = json.loads(value)
    except ValueError:
        return value
    found = names.of(_plain(told))
    return value if found is None else json.dumps(str(told).replace(found, names.instead[found])).encode()


def _loose(text: bytes, names: Names, edited: Edited) -> bytes:
    text = edited.counted(names.distinctive.out_of(text))
    return edited.counted(_unescaped(text, names.distinctive)) if b"\\u" in text else text


def _unescaped(text: bytes, names: Names) -> tuple[bytes, int]:
    """Texts in which characters are written as numbers."""
    n = 0

    def told(found: re.Match[bytes]) -> bytes:
        nonlocal n
        written = found.group()
        if b"\\u" not in written:
            return written
        try:
            value = str(json.loads(written))
        except ValueError:
            return written
        out = names.out_of_text(value)
        n += out != value
        return written if out == value else json.dumps(out).encode()

    return TEXT.sub(told, text), n


@cache
def _tagged(columns: frozenset[str]) -> re.Pattern[bytes]:
    """The values of fields that are called so, wherever they are."""
    called = sorted({one for name in columns for one in (name, name.rpartition(".")[2])})
    either = b"|".join(re.escape(json.dumps(name).encode()) for name in called)
    return re.compile(rb"(?:%b)\s*:\s*(%b)" % (either, VALUE))
