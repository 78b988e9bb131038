"""Upkeep: small files are joined, old snapshots forgotten, orphans removed, and every table says what it said before."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.table import Table
from pyiceberg.types import StringType

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.derived.upkeep.tasks import ComputeTask
from cryptodudez_assets.lake import compaction
from cryptodudez_assets.lake.compaction import Compacted, Expired, compact, compact_if_due, expire
from cryptodudez_assets.lake.iceberg.provenance import BATCH
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.upkeep.maintenance import Removed, maintain, remove_orphans
from cryptodudez_assets_tests.builders import READINGS, InParts, csv, picture, rows_of, take_in
from cryptodudez_assets_tests.toy_graph import SENSOR_DAYS
from cryptodudez_assets_tests.unit.catalogue_test import entry
from cryptodudez_assets_tests.wrapped_engines import Meanwhile

Drop = Callable[[str, str, bytes], Path]
NAME = READINGS.table
LONG_AGO = time.time() - 7 * 86_400


@pytest.fixture(autouse=True)
def untidy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landings of these tests stay as they are made; the test of tidying sets its own thresholds."""
    monkeypatch.setattr(compaction, "MAX_SMALL_FILES", 1000)


def landings(lake: Lake, drop: Drop, number: int) -> None:
    """Small landings that fall into one partition, each a commit of its own."""
    for one in range(number):
        drop("readings", f"{one}.csv", csv("s", range(100 + one * 3, 103 + one * 3), bad=1))
        take_in(lake)


def table(lake: Lake, name: str = NAME) -> Table:
    return lake.tables.catalog.load_table(name)


def test_small_files_of_a_partition_become_one_and_keep_their_rows(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    before = picture(lake)
    assert compact(lake, NAME, max_small=3) == Compacted(files=3, into=1)
    assert len(data_files(table(lake))) == 1
    assert picture(lake) == before


def test_files_are_joined_by_tasks_of_the_engine(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    before, paths = picture(lake), {file.file_path for file in data_files(table(lake))}
    engine = InParts(2)
    assert compact(replace(lake, engine=engine), NAME, max_small=3).into == 1
    (task,) = engine.tasks
    assert set(task.files.paths) == paths
    assert picture(lake) == before


def test_too_few_small_files_are_left_alone(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    version = table(lake).metadata_location
    assert compact(lake, NAME, max_small=4) == Compacted(files=0, into=0)
    assert table(lake).metadata_location == version


def test_large_files_are_not_rewritten(lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop("readings", "large.csv", csv("s", range(1000, 6000)))
    take_in(lake)
    (large,) = data_files(table(lake))
    landings(lake, drop, 3)
    monkeypatch.setattr(compaction, "SMALL_BYTES", large.file_size_in_bytes)
    assert compact(lake, NAME, max_small=2).files == 3
    assert large.file_path in [file.file_path for file in data_files(table(lake))]


@pytest.mark.slow
def test_many_small_files_become_several_of_bounded_size(
    lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    landings(lake, drop, 5)
    one = data_files(table(lake))[0].file_size_in_bytes
    monkeypatch.setattr(compaction, "SMALL_BYTES", one + one // 8)
    assert compact(lake, NAME, max_small=2) == Compacted(files=5, into=2)


@pytest.mark.slow
def test_landings_tidy_up_behind_themselves(lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MAX_SMALL_FILES", 4)
    monkeypatch.setattr(compaction, "KEPT_SNAPSHOTS", 10)
    monkeypatch.setattr(compaction, "SPARE_SNAPSHOTS", 5)
    landings(lake, drop, 20)
    for name in [NAME, READINGS.observations, "quarantine.rows", "catalog.files"]:
        found = table(lake, name or "")
        assert len(data_files(found)) <= compaction.MAX_SMALL_FILES + 1, name
        assert len(found.metadata.snapshots) <= 2 * (10 + 5), name
        assert len(found.metadata.metadata_log) <= 11, name
    assert rows_of(lake, NAME).height == 60
    assert rows_of(lake, "quarantine.rows").height == 20


@pytest.mark.slow
def test_the_newest_and_the_tagged_snapshots_are_kept(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 5)
    first, *_ = snapshots = table(lake).metadata.snapshots
    table(lake).manage_snapshots().create_tag(first.snapshot_id, "training-1").commit()
    assert expire(lake, NAME, keep=2) == Expired(snapshots=2, kept=3)
    assert [one.snapshot_id for one in table(lake).metadata.snapshots] == [
        one.snapshot_id for one in (first, *snapshots[-2:])
    ]
    assert lake.tables.scan(NAME, snapshot_id=first.snapshot_id).collect().height == 3  # type: ignore[union-attr]


def test_a_snapshot_that_an_unfinished_batch_needs_is_kept(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    batch = table(lake).metadata.snapshots[0].summary.additional_properties[BATCH]  # type: ignore[union-attr]
    file_entries.record(lake.tables, "others", [entry("a", Status.CLAIMED, source="others", batch_id=batch)])
    assert expire(lake, NAME, keep=1) == Expired(snapshots=1, kept=2)


def test_nothing_to_expire_makes_no_commit(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 1)
    version = table(lake).metadata_location
    assert expire(lake, NAME) == Expired(snapshots=0, kept=1)
    assert table(lake).metadata_location == version


def test_files_that_no_snapshot_refers_to_are_removed_after_the_grace_period(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    compact(lake, NAME, max_small=2)
    expire(lake, NAME, keep=1)
    folder = Path(lake.settings.lake) / "tables" / "lab" / "readings"
    for path in folder.rglob("*.*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    young, foreign = folder / "data" / "young.parquet", folder / "data" / "NOTES"
    young.touch()
    foreign.touch()
    os.utime(foreign, (LONG_AGO, LONG_AGO))
    before = picture(lake)
    removed = remove_orphans(lake, NAME)
    assert removed.files >= 3 + 2  # three joined data files, two forgotten manifest lists
    assert removed.bytes > 0
    assert young.exists()
    assert foreign.exists()
    assert len(list((folder / "data").rglob("*.parquet"))) == 1 + 1
    assert picture(lake) == before
    assert remove_orphans(lake, NAME).files == 0


def test_what_was_written_since_a_batch_was_claimed_is_no_orphan_however_long_ago(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 1)
    folder = Path(lake.settings.lake) / "tables" / "lab" / "readings" / "data"
    before, since = folder / "before.parquet", folder / "since.parquet"
    for path, days in ((before, 9), (since, 7)):
        path.touch()
        os.utime(path, (time.time() - days * 86_400,) * 2)
    claimed = datetime.now(UTC) - timedelta(days=8)
    open_batch = entry("a", Status.CLAIMED, source="others", batch_id="b", updated_at=claimed)
    file_entries.record(lake.tables, "others", [open_batch])
    assert remove_orphans(lake, NAME).files == 1
    assert since.exists()
    file_entries.record(lake.tables, "others", [replace(open_batch, status=Status.LOADED)])
    assert remove_orphans(lake, NAME).files == 1
    assert not since.exists()


def test_files_of_a_computation_that_is_alive_are_no_orphans_however_long_it_takes(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 1)
    materialize(lake, SENSOR_DAYS)
    landings(lake, drop, 2)
    tables = [spec.name for spec in table_specs(SENSOR_DAYS)]
    assert len(tables) == 2

    def a_week_passes() -> None:
        for name in tables:
            for path in (Path(lake.settings.lake) / "tables" / name.replace(".", "/")).rglob("*.*"):
                os.utime(path, (LONG_AGO, LONG_AGO))
            assert remove_orphans(lake, name) == Removed(0, 0, is_written=True)

    done = materialize(replace(lake, engine=Meanwhile(lake.engine, ComputeTask, a_week_passes)), SENSOR_DAYS)
    assert done.rows > 0
    for name in tables:
        removed = remove_orphans(lake, name)
        assert not removed.is_written
        assert rows_of(lake, name).height > 0


def test_an_older_version_that_is_kept_stays_readable(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    older = table(lake).metadata.snapshots[-2].snapshot_id
    compact(lake, NAME, max_small=2)
    remove_orphans(lake, NAME, grace=timedelta(0))
    assert lake.tables.scan(NAME, snapshot_id=older).collect().height == 6  # type: ignore[union-attr]


@pytest.mark.slow
def test_all_tables_are_maintained_and_told_of(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 3)
    before = picture(lake)
    done = list(maintain(lake))
    assert [one.table for one in done] == lake.tables.names()
    assert "lab.readings: 3 small files became 1" in "\n".join(map(str, done))
    assert picture(lake) == before


def test_tidying_a_table_that_does_not_exist_is_no_error(lake: Lake) -> None:
    compact_if_due(lake, [NAME])
    assert lake.tables.names() == []


def test_joining_files_goes_on_after_a_column_was_added(lake: Lake, drop: Drop) -> None:
    landings(lake, drop, 2)
    with table(lake).update_schema() as update:
        update.add_column("note", StringType())
    drop("readings", "later.csv", csv("s", range(200, 203)))
    take_in(lake)
    compact(lake, NAME, max_small=3)
    assert rows_of(lake, NAME).height == 9


def test_a_spool_gives_back_in_order_what_did_not_fit_into_memory(tmp_path: Path) -> None:
    frames = [pl.DataFrame({"n": range(number, number + 100)}) for number in range(5)]
    spool = SpillBuffer(tmp_path, in_memory_bytes=1000)
    for one in [*frames, pl.DataFrame({"n": []})]:
        spool.add(one)
    assert [one.to_dicts() for one in spool] == [one.to_dicts() for one in frames]
    assert list(spool)  # and again
