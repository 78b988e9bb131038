"""What a product was made from, in each place where it is kept, and what counts as a change."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.lake.compaction import compact, expire
from cryptodudez_assets.lake.iceberg.provenance import (
    MADE_FROM,
    MadeFrom,
    changed_at,
    content_of,
    kept,
    made_from,
    note_beside,
    noted_beside,
)
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets_tests.toy_views import WEATHER, row, store

MADE = MadeFrom("abc", {"market.a": 1, "market.b": 2**62})


def table(lake: Lake):
    return lake.tables.catalog.load_table(WEATHER.table)


@pytest.mark.parametrize("made", [MADE, MadeFrom("", {}), MadeFrom("v", {"a.b": 1}, datetime(2026, 1, 1, tzinfo=UTC))])
def test_a_note_is_read_as_it_was_written(made: MadeFrom) -> None:
    assert MadeFrom.parse(made.as_json) == made


@pytest.mark.parametrize(
    ("told", "made"),
    [
        ('{"version": "abc", "inputs": {"market.a": 1, "market.b": null}}', MadeFrom("abc", {"market.a": 1})),
        ('{"features.a": 1}', MadeFrom("", {"features.a": 1})),
    ],
    ids=["of a view", "of a training set"],
)
def test_older_notes_are_read(told: str, made: MadeFrom) -> None:
    assert MadeFrom.parse(told) == made


def test_an_older_table_says_it_in_a_snapshot(lake: Lake) -> None:
    store(lake, WEATHER, row(0))
    assert made_from(table(lake)) is None
    with lake.tables.rearranging(WEATHER.table) as change:
        change.add(change.rows().collect()).note({MADE_FROM: MADE.as_json})
    store(lake, WEATHER, row(1))
    assert made_from(table(lake)) == MADE
    with lake.tables.rearranging(WEATHER.table) as change:
        change.remember(MadeFrom("new", {}).note)
    assert made_from(table(lake)) == MadeFrom("new", {})


def test_what_upkeep_writes_has_the_content_of_what_it_rearranges(lake: Lake) -> None:
    store(lake, WEATHER, row(0))
    content = store(lake, WEATHER, row(1))
    for _ in range(2):
        with lake.tables.rearranging(WEATHER.table) as change:
            rows = change.rows().collect()
            change.delete(AlwaysTrue()).add(rows)
    compact(lake, WEATHER.table, max_small=1)
    newest = table(lake).metadata.current_snapshot_id

    assert newest != content
    assert content_of(table(lake)) == content_of(table(lake), newest) == content
    assert kept(table(lake), content) == newest
    expire(lake, WEATHER.table, keep=1)
    assert kept(table(lake), content) == newest  # though the snapshot of that id is gone
    assert table(lake).snapshot_by_id(content) is None


def test_a_table_without_rows_has_no_content(lake: Lake) -> None:
    assert content_of(lake.tables.table(WEATHER.table)) is None
    assert kept(None, 1) is None


def test_it_changed_when_it_first_said_something_else(lake: Lake) -> None:
    first, second, _ = (store(lake, WEATHER, row(day)) for day in range(3))
    when = {one.snapshot_id: one.timestamp_ms for one in table(lake).metadata.snapshots}

    assert changed_at(table(lake), first).timestamp() * 1000 == pytest.approx(when[second])
    assert changed_at(table(lake), None).timestamp() * 1000 == pytest.approx(when[first])


def test_a_note_beside_a_file_goes_with_it(tmp_path: Path) -> None:
    store, key = FolderStore(tmp_path), "reports/report.html"
    store.create(key, b"")
    assert noted_beside(store, key) is None
    note_beside(store, key, MADE)
    assert noted_beside(store, key) == MADE
    store.delete(key)
    assert noted_beside(store, key) is None
