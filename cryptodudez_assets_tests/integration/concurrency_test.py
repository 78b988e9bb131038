"""Four processes land and ingest at once: nothing is lost, nothing is there twice."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import open_lake, picture, rows_of, take_in

pytestmark = pytest.mark.long

WORKERS = range(4)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of one lake for all processes."""
    catalog = request.getfixturevalue("database") if request.param == "postgresql" else ""
    return Settings(home=tmp_path / "shared", catalog=catalog, settle_seconds=0)


def test_four_processes_at_once_leave_what_one_alone_would(
    shared: Settings, lake: Lake, drop: Callable[[str, str, bytes], Path]
) -> None:
    processes = [worker.start(shared, worker.lander(number)) for number in WORKERS]
    for process in processes:
        process.go()
    assert all(process.ends_within() for process in processes)
    assert [process.process.exitcode for process in processes] == [0, 0, 0, 0]
    for source, name, content in (landing for number in WORKERS for landing in worker.landings(number)):
        drop(source.name, name, content)
        take_in(lake, source)
    together, alone = picture(open_lake(shared)), picture(lake)
    # Which of the files with the same bytes came first is chance.
    files, expected = together.pop("catalog.files"), alone.pop("catalog.files")
    assert without_schemas(together) == without_schemas(alone)
    assert len(files) == len(expected) == 4 * (worker.LANDINGS + 2)
    assert by_status(open_lake(shared)) == by_status(lake)


def without_schemas(tables: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """All but which file was the first to have a schema."""
    return {name: rows for name, rows in tables.items() if name != "catalog.schemas"}


def by_status(lake: Lake) -> list[tuple[object, ...]]:
    counted = pl.len(), pl.col("rows_read", "rows_valid", "rows_quarantined", "rows_duplicate").sum()
    return rows_of(lake, "catalog.files").group_by("source", "status").agg(*counted).sort("source", "status").rows()
