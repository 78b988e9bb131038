"""Records of a JSON sample: of its lines, or of the list in a document that holds its rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.names import is_unnamed, quoted_list
from cryptodudez_assets.drafting.shape import Read, Shape
from cryptodudez_assets.lake.formats.json.document import ROOT, beside_of, outlined
from cryptodudez_assets.lake.formats.json.fields import ABSENT, NO_OBJECT, any_within, flattened, value_at
from cryptodudez_assets.lake.formats.json.formats import Seen
from cryptodudez_assets.lake.formats.json.parse import MARKING, Broken, as_json, parsed
from cryptodudez_assets.lake.formats.seekable import Readable
from cryptodudez_assets.lake.formats.text import decode
from cryptodudez_assets.sources.declaration import PATH_IN_DOCUMENT

SAMPLE_BYTES = 16 << 20
MAX_DOCUMENT_BYTES = 32 << 20
POSITION = "column_{}"
SHOWN = 5


def json_sample(seen: Seen, head: bytes, text: Readable, choices: Choices) -> Read:
    """The records of a text that is JSON. Raises Undecided where the rows may be in several places, Unusable where in none."""
    if seen.is_lines and not seen.is_one:
        return _lines(head, text, choices)
    content = head + text.read(MAX_DOCUMENT_BYTES - len(head))
    if text.read(1):
        raise Unusable(
            f"a JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MiB is no sample: give one with fewer rows in it"
        )
    return _document(content, seen, choices)


def _lines(head: bytes, text: Readable, choices: Choices) -> Read:
    content = head + text.read(SAMPLE_BYTES - len(head))
    is_all = not text.read(1)
    if not is_all:
        content = content[: content.rfind(b"\n") + 1]
    records = [found for line in decode(content)[1].splitlines() if (found := _record(line)) is not None]
    return content, *_table(records, Shape("jsonl"), {}, choices), is_all


def _record(line: bytes) -> Any:
    try:
        found = parsed(line.decode("utf-8", "replace").strip(), MARKING)
    except Broken:
        return None  # the trial sets it aside, and says why
    return found if isinstance(found, dict | list) else None


def _document(content: bytes, seen: Seen, choices: Choices) -> Read:
    text = decode(content)[1].decode("utf-8", "replace").strip()
    try:
        whole = parsed(text, MARKING)
    except Broken as error:
        raise Unusable(
            f"a JSON document that cannot be read: {error.told or error.fault.replace('_', ' ')} at character {error.at + 1}"
        ) from None
    places = dict(_lists_of_rows(whole, ROOT))
    if not places and seen.is_lines and isinstance(whole, dict) and not choices.rows:
        return content, *_table([whole], Shape("jsonl"), {}, choices), True
    path = choices.rows or _place(whole, places)
    records = places.get(path) or ([whole] if path == ROOT and isinstance(whole, dict) else None)
    if records is None:
        there = f"there are: {', '.join(places)}" if places else "there is none"
        raise Unusable(f"--rows {path}: there is no list of rows; {there}")
    beside = {} if path == ROOT else beside_of(outlined(text, path))
    told = {
        name: value
        for name, value in beside.items()
        if not isinstance(value, dict | list) and PATH_IN_DOCUMENT.fullmatch(name)
    }
    return content, *_table(records, Shape("json", rows="" if path == ROOT else path), told, choices), True


def _lists_of_rows(value: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    """Lists of objects, or of lists, by their paths. Those within rows are none."""
    if isinstance(value, list):
        if value and any(all(isinstance(one, kind) for one in value) for kind in (dict, list)):
            yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if PATH_IN_DOCUMENT.fullmatch(f"$.{name}"):
                yield from _lists_of_rows(inner, f"{path}.{name}")


def _place(whole: Any, places: Mapping[str, list[Any]]) -> str:
    if len(places) == 1:
        return next(iter(places))
    if places:
        told = ", ".join(f"{path} ({len(rows):,})" for path, rows in places.items())
        raise Undecided(f"several lists may be the rows: {told}: say --rows {next(iter(places))}, or another of them")
    if not isinstance(whole, dict):
        raise Unusable("a JSON document without rows: expected a list of objects, or of lists")
    if whole and all(isinstance(one, dict) for one in whole.values()):
        names = quoted_list(list(whole)[:SHOWN])
        raise Undecided(
            f"a JSON document without a list of rows, and objects in {names}: say --rows $ if it is a single row; objects by name are "
            "not read as rows, write them as a list"
        )
    return ROOT


def _table(
    records: Sequence[Any], shape: Shape, beside: Mapping[str, Any], choices: Choices
) -> tuple[pl.DataFrame, Shape]:
    """The records as text, null where they say nothing."""
    lists = [one for one in records if isinstance(one, list)]
    names = _positions(lists, choices) if lists and 2 * len(lists) > len(records) else []
    of_fields = [
        dict(zip(names, one, strict=True)) if isinstance(one, list) else one
        for one in records
        if isinstance(one, dict) or len(one) == len(names)
    ]
    found = {name: [value_at(one, name, name.split(".")) for one in of_fields] for name in _fields(of_fields)}
    if not any(not is_unnamed(name) for name in found):
        raise Unusable("there is no record with a field in it: give a sample that has some")
    optional = [name for name, values in found.items() if any(one is ABSENT for one in values)]
    rows = pl.DataFrame(
        {name: [_text(one) for one in values] for name, values in found.items()}
        | {name: [_text(value)] * len(of_fields) for name, value in beside.items()},
        schema=dict.fromkeys([*found, *beside], pl.String),
    )
    return rows, Shape(shape.format, shape.rows, names, [*optional, *beside])


def _positions(lists: Sequence[list[Any]], choices: Choices) -> list[str]:
    """The names of the values in lists."""
    widths = [len(one) for one in lists]
    width = max(set(widths), key=widths.count)
    if choices.names and len(choices.names) != width:
        raise Unusable(
            f"--columns has {len(choices.names)} names, and the records have {width} values: name each of them"
        )
    return [*choices.names] or [POSITION.format(number) for number in range(1, width + 1)]


def _fields(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields that can be told by their paths; of an object its fields."""
    flat = [flattened(one) for one in records]
    names = dict.fromkeys(name for one in flat for name in one)
    return [
        name
        for name in names
        if not any_within(name, names)
        and not name.startswith("$.")
        and all(
            value_at(record, name, name.split(".")) is one[name]
            for record, one in zip(records, flat, strict=True)
            if name in one
        )
    ]


def _text(value: Any) -> str | None:
    if value is None or value is ABSENT or value is NO_OBJECT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else as_json(value)
