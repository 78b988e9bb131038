"""Property: whatever lands under whatever name, again or not, and whenever it is read: the table is as the source's rule says."""

import hashlib
import io
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import BY_LANDING, BY_REACH, ByFile
from cryptodudez_assets_tests.builders import csv, open_lake, readings_source, rows_of

# Few, so that bytes come back, reaches tie and keys are contested.
CONTENTS = [({0, 1, 2}, 1.0), ({1, 2}, 2.0), ({0, 2}, 3.0), ({0, 1}, 4.0), ({0}, 5.0)]
landing = st.tuples(st.sampled_from("ab"), st.integers(0, len(CONTENTS) - 1))
LANDINGS = st.lists(landing, min_size=2, max_size=5)


def content(number: int) -> bytes:
    hours, value = CONTENTS[number]
    return csv("s", sorted(hours), value)


def file_id(number: int) -> str:
    return hashlib.sha256(content(number)).hexdigest()[:16]


def truth(landed: list[tuple[str, int]], rule: ByFile) -> dict[int, float]:
    """The value of each hour, as one would say it by hand."""
    last_of_name: dict[str, int] = {}
    first_of_name: dict[str, int] = {}
    standing: dict[int, tuple[object, ...]] = {}
    for time, (name, number) in enumerate(landed):
        first_of_name.setdefault(name, number)
        came_back = last_of_name.get(name, number) != number
        last_of_name[name] = number
        if number not in standing or came_back:
            reach = max(CONTENTS[number][0]), file_id(first_of_name[name])
            standing[number] = (time,) if rule is BY_LANDING else (*reach, time)
    oldest_first = sorted(standing, key=lambda number: standing[number])
    return {hour: CONTENTS[number][1] for number in oldest_first for hour in CONTENTS[number][0]}


@pytest.mark.slow
@given(
    LANDINGS, st.sampled_from([BY_LANDING, BY_REACH]), st.lists(st.booleans(), min_size=5, max_size=5), st.booleans()
)
@settings(max_examples=15, deadline=None)
@example([("a", 3), ("a", 1), ("a", 3)], BY_LANDING, [True] * 5, True)
@example([("a", 3), ("a", 1), ("a", 3)], BY_LANDING, [False] * 5, False)
@example([("a", 2), ("a", 1), ("a", 2)], BY_REACH, [True] * 5, True)
@example([("a", 1), ("b", 2), ("a", 0)], BY_REACH, [True] * 5, True)
@example([("b", 2), ("a", 0), ("a", 1)], BY_REACH, [False] * 5, True)
def test_the_table_is_as_the_rule_says(
    landed: list[tuple[str, int]], rule: ByFile, read_then: list[bool], look_each_time: bool
) -> None:
    source = replace(readings_source(), newest_by=rule)
    with tempfile.TemporaryDirectory() as home:
        lake = open_lake(Settings(home=Path(home), settle_seconds=0))
        for time, ((name, number), read) in enumerate(zip(landed, read_then, strict=False)):
            # As `land` would name them, and in an order of names that says nothing.
            key = f"raw/{source.name}/2021-01-01/{file_id(number)}-{9 - time}/{name}.csv"
            lake.store.write(key, io.BytesIO(content(number)))
            os.utime(lake.store.uri(key), (1_600_000_000 + time,) * 2)
            if look_each_time:
                catalogue_objects(lake, source, discover_all(lake, source.name))
            if look_each_time and read:
                ingest(lake, source)
        catalogue_objects(lake, source, discover_all(lake, source.name))
        ingest(lake, source)
        assert unbalanced_files(lake, source).is_empty()
        rows = rows_of(lake, source.table)
        hours = rows["event_ts"].dt.hour()
        assert dict(zip(hours, rows["value"], strict=True)) == truth(landed, rule)
        assert rows_of(lake, "catalog.files")["rows_read"].sum() == sum(
            len(CONTENTS[number][0]) for number in {number for _, number in landed}
        )
