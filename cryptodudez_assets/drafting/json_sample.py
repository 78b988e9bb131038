"""Records of a JSON sample: of its lines, or of the list in a document that holds its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.names import is_unnamed, quoted_list
from cryptodudez_assets.drafting.shape import Read, Shape
from cryptodudez_assets.lake.formats.json.document import ROOT, beside_of, outlined
from cryptodudez_assets.lake.formats.json.fields import ABSENT, NO_OBJECT, any_within, flattened, value_at
from cryptodudez_assets.lake.formats.json.formats import Seen
from cryptodudez_assets.lake.formats.json.parse import MARKING, Broken, as_json, parsed
from cryptodudez_assets.lake.formats.json.spelling import JsonSpelling
from cryptodudez_assets.lake.formats.seekable import Readable
from cryptodudez_assets.lake.formats.text import decode
from cryptodudez_assets.sources.declaration import PATH_IN_DOCUMENT

SAMPLE_BYTES = 16 << 20
MAX_DOCUMENT_BYTES = 32 << 20
POSITION = "column_{}"
SHOWN = 5
FEWEST = 2  # objects by name, or columns as lists: one of them may be anything
BESIDE = "only single values beside the rows are read, under names without dots and blanks"
AS_BESIDE = "columns of such a name are what a document says beside its rows"
AT_TIMES = "at times a value, at times an object, of which the fields are read"
TWICE = "two fields have this path, and neither is read: rename one"


def json_sample(seen: Seen, head: bytes, text: Readable, choices: Choices) -> Read:
    """The records of a text that is JSON. Raises Undecided where the rows may be in several places, Unusable where in none."""
    if seen.is_lines and not seen.is_one:
        content = head + text.read(SAMPLE_BYTES - len(head))
        return _lines(content, not text.read(1), choices)
    content = head + text.read(MAX_DOCUMENT_BYTES - len(head))
    is_all = not text.read(1)
    if _goes_on(content):
        return _lines(content, is_all, choices)
    if not is_all:
        raise Unusable(
            f"a JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MiB is no sample: give one with fewer rows in it"
        )
    return _document(content, seen, choices)


def _goes_on(content: bytes) -> bool:
    """Whether the first line is a value and others follow: of lines longer than what was looked at, that told none."""
    first, _, others = decode(content)[1].strip().partition(b"\n")
    return bool(others) and _record(first) is not None


def _lines(content: bytes, is_all: bool, choices: Choices) -> Read:
    if choices.rows:
        raise Unusable(f"--rows {choices.rows}: that is for JSON documents, and the sample is JSON lines")
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
        why = (
            f"{error.told} at character {error.at + 1}"
            if error.fault == "no_json"
            else JsonSpelling((), (), ()).why_none(error.fault, text)
        )
        raise Unusable(f"a JSON document that cannot be read: {why}") from None
    places = dict(_lists_of_rows(whole, ROOT))
    if not places and not choices.rows:
        _insist_on_records(whole)
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
    left = [name for name, value in beside.items() if name not in told and value and not isinstance(value, dict)]
    shape = Shape("json", rows="" if path == ROOT else path, left=_told_together(left, BESIDE))
    return content, *_table(records, shape, told, choices), True


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
        raise _objects_by_name(list(whole))
    return ROOT


def _insist_on_records(whole: Any) -> None:
    """Raises Undecided or Unusable for a document whose rows are no list: objects by name, a list for each column, or none at all."""
    empty = [path for path, value in _within(whole, ROOT) if value == []]
    if empty and len(empty) == sum(not isinstance(value, dict) for _, value in _within(whole, ROOT)):
        raise Unusable(f"a JSON document without rows: the list {empty[0]} is empty, give a sample that has some")
    for path, value in _within(whole, ROOT):
        if not isinstance(value, dict) or len(value) < FEWEST:
            continue
        inner = list(value.values())
        if all(isinstance(one, dict) and one and one.keys() == inner[0].keys() for one in inner):
            raise _objects_by_name([f"{path}.{name}"[2:] for name in value])
        columns = {name: one for name, one in value.items() if isinstance(one, list)}
        sizes = {len(one) for one in columns.values()}
        if len(columns) >= FEWEST and len(sizes) == 1 and (n_values := max(sizes)) > 1:
            raise Undecided(
                f"{path} has lists of {n_values:,} values in {quoted_list(list(columns)[:SHOWN])}: columns as lists are not read as rows, "
                f"write a list of objects; or say --rows {ROOT} if it is a single row"
            )


def _objects_by_name(names: Sequence[str]) -> Undecided:
    return Undecided(
        f"a JSON document without a list of rows, and objects in {quoted_list(names[:SHOWN])}: say --rows $ if it is a single row; "
        "objects by name are not read as rows, write them as a list"
    )


def _within(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A value and all within its objects, by their paths."""
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _within(inner, f"{path}.{name}")


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
    fields, left = _fields(of_fields)
    found = {name: [value_at(one, name, name.split(".")) for one in of_fields] for name in fields}
    if not any(not is_unnamed(name) for name in found):
        raise Unusable("there is no record with a field in it: give a sample that has some")
    optional = [name for name, values in found.items() if any(one is ABSENT for one in values)]
    rows = pl.DataFrame(
        {name: [_text(one) for one in values] for name, values in found.items()}
        | {name: [_text(value)] * len(of_fields) for name, value in beside.items()},
        schema=dict.fromkeys([*found, *beside], pl.String),
    )
    return rows, replace(shape, names=names, optional=[*optional, *beside], left=[*shape.left, *left])


def _positions(lists: Sequence[list[Any]], choices: Choices) -> list[str]:
    """The names of the values in lists."""
    widths = [len(one) for one in lists]
    width = max(set(widths), key=widths.count)
    if choices.names and len(choices.names) != width:
        raise Unusable(
            f"--columns has {len(choices.names)} names, and the records have {width} values: name each of them"
        )
    return [*choices.names] or [POSITION.format(number) for number in range(1, width + 1)]


def _fields(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The fields that can be told by their paths (of an object its fields), and which others say something, and why they are left."""
    flat = [flattened(one) for one in records]
    every = dict.fromkeys(name for one in flat for name in one)
    names = [name for name in every if not any_within(name, every)]
    objects = [name for name in every if name not in names and any(one.get(name) not in (None, {}) for one in flat)]
    beside = [name for name in names if name.startswith("$.")]
    twice = [name for name in names if name not in beside and not _is_told_by_its_path(name, records, flat)]
    left = [*_told_together(beside, AS_BESIDE), *_told_together(twice, TWICE), *_told_together(objects, AT_TIMES)]
    return [name for name in names if name not in beside and name not in twice], left


def _is_told_by_its_path(name: str, records: Sequence[Mapping[str, Any]], flat: Sequence[Mapping[str, Any]]) -> bool:
    path = name.split(".")
    return all(
        value_at(record, name, path) is one[name] for record, one in zip(records, flat, strict=True) if name in one
    )


def _told_together(names: Sequence[str], why: str) -> list[str]:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{', '.join(names[:SHOWN])}{more}: {why}"] if names else []


def _text(value: Any) -> str | None:
    if value is None or value is ABSENT or value is NO_OBJECT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else as_json(value)
