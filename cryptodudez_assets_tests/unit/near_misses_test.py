"""A header that is a layout's but for letter case, blanks and marks is told as such, of every source and in every format."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import BinaryIO

import polars as pl
import pytest

from cryptodudez_assets.lake.formats import registry
from cryptodudez_assets.lake.formats.reader import Content
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Layout

SPELLINGS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "blanks": lambda name: name.replace("_", " ").title(),
    "other marks": lambda name: f"{name.replace('_', '-')}#",
}
Write = Callable[[Sequence[str]], bytes]
FORMATS: dict[str, Write] = {
    "csv": lambda names: f"{','.join(names)}\n{','.join('x' for _ in names)}\n".encode(),
    "jsonl": lambda names: f"{json.dumps(dict.fromkeys(names, 'x'))}\n".encode() * 2,
    "parquet": lambda names: parquet(names),
}
LAYOUTS = [
    pytest.param(layout, id=f"{source.name}-{layout.name}")
    for source in all_sources().values()
    for layout in source.layouts
    if layout.format in ("", *FORMATS) and not (layout.rows or layout.told_beside_rows)
]


def parquet(names: Sequence[str]) -> bytes:
    content = io.BytesIO()
    pl.DataFrame({name: ["x"] for name in names}).write_parquet(content)
    return content.getvalue()


def why(data: bytes, *layouts: Layout) -> str:
    @contextmanager
    def whole() -> Iterator[BinaryIO]:
        yield io.BytesIO(data)

    return registry.recognise(Content(data, True, whole), layouts).problem or ""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_that_nearly_are_a_layouts_are_told_with_what_to_write(layout: Layout) -> None:
    told = 0
    for (format_, write), spell in product(FORMATS.items(), SPELLINGS.values()):
        spelled = {name: spell(name) for name in layout.columns}
        changed = {name: one for name, one in spelled.items() if one != name}
        if layout.format not in ("", format_) or not set(changed) - set(layout.optional):
            continue
        problem = why(write([*spelled.values()]), layout)
        assert f"missing for layout {layout.name}: " in problem
        assert not [
            name for name in set(changed) - set(layout.optional) if f"{name} instead of '{changed[name]}" not in problem
        ]
        told += 1
    assert told


def test_of_several_layouts_the_one_is_told_that_it_nearly_is() -> None:
    deposit = all_sources()["deposits"].layouts[0]
    event = all_sources()["events"].layouts[0]
    told = why(b"ID,Event_Timestamp,User_ID,Event_Name\n1,2,3,4\n", deposit, event)
    assert "missing for layout event: " in told
    assert "write id instead of 'ID', event_timestamp instead of 'Event_Timestamp'" in told


def test_other_names_are_no_near_miss() -> None:
    layout = all_sources()["users"].layouts[0]
    assert "instead of" not in why(b"customer\nx\n", layout)
    assert "no known layout: expected a header such as ['user_id'], found ['customer']" in why(b"customer\nx\n", layout)
