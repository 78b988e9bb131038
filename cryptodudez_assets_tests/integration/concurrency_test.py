"""Processes land and ingest at once: nothing is lost, nothing is there twice."""

from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import open_lake, picture, put, rows_of, take_in
from cryptodudez_assets_tests.stores import Store


@pytest.mark.every_store
@pytest.mark.long
def test_four_processes_at_once_leave_what_one_alone_would(store: Store, tmp_path: Path) -> None:
    land_at_once(store, tmp_path, range(4))


@pytest.mark.core
def test_two_processes_at_once_do_so_on_every_store(store: Store, tmp_path: Path) -> None:
    land_at_once(store, tmp_path, range(2))


def land_at_once(store: Store, folder: Path, workers: range) -> None:
    """Have these land, and compare with what one process makes of the same files in a folder."""
    shared, lake = store.settings(folder / "shared"), open_lake(Store().settings(folder / "alone"))
    processes = [worker.start(shared, worker.lander(number)) for number in workers]
    for process in processes:
        process.go()
    assert all(process.ends_within() for process in processes)
    assert {process.process.exitcode for process in processes} == {0}
    landings = [landing for number in workers for landing in worker.landings(number)]
    for source, name, content in landings:
        put(lake, name, content, source)
    for source in {source.name: source for source, _, _ in landings}.values():
        take_in(lake, source)
    together, alone = picture(open_lake(shared)), picture(lake)
    # Which of the files with the same bytes came first is chance.
    files, expected = together.pop("catalog.files"), alone.pop("catalog.files")
    assert without_schemas(together) == without_schemas(alone)
    assert len(files) == len(expected) == len(landings)
    assert by_status(open_lake(shared)) == by_status(lake)


def without_schemas(tables: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """All but which file was the first to have a schema."""
    return {name: rows for name, rows in tables.items() if name != "catalog.schemas"}


def by_status(lake: Lake) -> list[tuple[object, ...]]:
    counted = pl.len(), pl.col("rows_read", "rows_valid", "rows_quarantined", "rows_duplicate").sum()
    return rows_of(lake, "catalog.files").group_by("source", "status").agg(*counted).sort("source", "status").rows()
