"""Discovery: bounded looks that find each object once it is there, whatever the cursor says."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import PARTITIONS_A_LOOK, Cursor, Discovery, discover, discover_all
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import csv, files, open_lake, take_in

Drop = Callable[[str, str, bytes], Path]
FOLDER = "raw/readings"


class Bucket(FolderStore):
    """Objects that exist by name only, listed behind a key as a bucket does; counts what is listed."""

    is_remote = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.objects: dict[str, StoredObject] = {}
        self.listed = 0

    def put(self, *names: str, generation: str = "1") -> None:
        for name in names:
            self.objects[f"{FOLDER}/{name}"] = StoredObject(
                f"{FOLDER}/{name}", 1, datetime(2020, 1, 1, tzinfo=UTC), generation
            )

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for key in sorted(key for key in self.objects if key.startswith(f"{prefix}/") and key > after):
            self.listed += 1
            yield self.objects[key]


@pytest.fixture
def bucket(lake: Lake) -> Bucket:
    return Bucket(Path(lake.settings.lake))


@pytest.fixture
def cloud(lake: Lake, bucket: Bucket) -> Lake:
    return replace(lake, store=bucket)


def enter(lake: Lake, look: Discovery) -> list[str]:
    """Catalogue what a look found without reading it; returns the names."""
    at = datetime(2020, 1, 1, tzinfo=UTC)
    told = {"source": "readings", "size": 1, "status": Status.IGNORED, "discovered_at": at, "updated_at": at}
    versions = [(lake.store.uri(new.key), new.generation) for new in look.new]
    found = [Entry(**told, entry_id=f"{uri}@{version}", uri=uri, generation=version) for uri, version in versions]
    file_entries.record(lake.tables, "readings", found)
    return [Path(new.key).name for new in look.new]


def looks(lake: Lake, number: int, cursor: Cursor = Cursor(), page: int = 10) -> tuple[list[str], Cursor]:
    """Look so many times, cataloguing what is found."""
    found: list[str] = []
    for _ in range(number):
        look = discover(lake, "readings", cursor, page)
        found += enter(lake, look)
        cursor = Cursor.parse(str(look.cursor))
    return found, cursor


def names(*numbers: int) -> list[str]:
    return [f"{number:04}.csv" for number in numbers]


def test_three_thousand_objects_are_found_once_each_over_several_looks(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(3000)))
    found, _ = looks(cloud, 8, page=500)
    assert sorted(found) == names(*range(3000))


def test_a_look_lists_two_pages_at_most(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(100)))
    _, cursor = looks(cloud, 13)
    bucket.listed = 0
    looks(cloud, 1, cursor)
    assert bucket.listed <= 20


def test_what_sorts_behind_all_others_is_found_at_once(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(100)))
    _, cursor = looks(cloud, 13)
    bucket.put(*names(200, 201))
    assert looks(cloud, 1, cursor)[0] == names(200, 201)


def test_a_late_file_between_old_names_is_found_within_a_round(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(0, 100, 2)))
    _, cursor = looks(cloud, 7)
    bucket.put(*names(51))
    assert looks(cloud, 6, cursor)[0] == names(51)


def test_a_changed_file_is_found_within_a_round(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(50)))
    _, cursor = looks(cloud, 7)
    bucket.put(*names(7), generation="2")
    assert looks(cloud, 6, cursor)[0] == names(7)


@pytest.mark.parametrize("cursor", [None, "", "nonsense", "[]", '{"v": 0, "behind": "x"}', '{"v": 1}'])
def test_a_lost_or_older_cursor_costs_one_round_and_finds_nothing_twice(
    cloud: Lake, bucket: Bucket, cursor: str | None
) -> None:
    bucket.put(*names(*range(30)))
    looks(cloud, 4)
    bucket.put(*names(99))
    assert looks(cloud, 5, Cursor.parse(cursor))[0] == names(99)


def test_objects_of_a_look_whose_run_failed_are_found_by_the_next_look(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(30)))
    _, cursor = looks(cloud, 5)
    bucket.put(*names(*range(100, 105)))
    failed = discover(cloud, "readings", cursor, page=10)
    assert [Path(new.key).name for new in failed.new] == names(*range(100, 105))
    assert looks(cloud, 1, failed.cursor)[0] == names(*range(100, 105))


def test_more_new_objects_than_a_page_are_found_look_by_look(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(50, 80)))
    _, cursor = looks(cloud, 5)
    bucket.put(*names(*range(40, 50)), *names(*range(100, 125)))
    found, _ = looks(cloud, 6, cursor)
    assert sorted(found) == names(*range(40, 50), *range(100, 125))


def test_a_file_that_is_still_written_is_found_when_it_has_settled(settings: Settings, lake: Lake, drop: Drop) -> None:
    waits = open_lake(settings.model_copy(update={"settle_seconds": 30}))
    path = drop("readings", "a.csv", csv("s", range(3)))
    drop("readings", "b.csv", csv("t", range(3)))
    old = time.time() - 60
    os.utime(path.with_name("b.csv"), (old, old))
    first = discover(waits, "readings", Cursor())
    assert ([Path(new.key).name for new in first.new], first.unsettled) == (["b.csv"], 1)
    os.utime(path, (old, old))
    second = discover(waits, "readings", first.cursor)
    assert Path(second.new[0].key).name == "a.csv"
    assert second.unsettled == 0


def test_a_file_dated_in_the_future_is_not_waited_for(settings: Settings, drop: Drop) -> None:
    waits = open_lake(settings.model_copy(update={"settle_seconds": 30}))
    ahead = time.time() + 86_400
    os.utime(drop("readings", "a.csv", b"x"), (ahead, ahead))
    assert len(discover(waits, "readings", Cursor()).new) == 1


def test_an_unfinished_download_is_left_alone_and_holds_nothing_up(lake: Lake, drop: Drop) -> None:
    drop("readings", "a.csv.part", b"half")
    drop("readings", "b.csv", csv("s", range(3)))
    look = discover(lake, "readings", Cursor())
    assert [Path(new.key).name for new in look.new] == ["b.csv"]
    take_in(lake)
    assert discover(lake, "readings", look.cursor).cursor.newest.endswith("b.csv")


def test_all_that_is_new_is_found_in_one_go(cloud: Lake, bucket: Bucket) -> None:
    bucket.put(*names(*range(2500)))
    looks(cloud, 1, page=100)
    assert [Path(new.key).name for new in discover_all(cloud, "readings")] == names(*range(100, 2500))


def test_the_same_bytes_under_another_name_are_recognised(lake: Lake, drop: Drop) -> None:
    drop("readings", "a.csv", csv("s", range(3)))
    take_in(lake)
    drop("readings", "b.csv", csv("s", range(3)))
    take_in(lake)
    assert files(lake).select("status", "rows_valid").rows() == [("loaded", 3), ("duplicate", None)]
    assert files(lake).filter(pl.col("open")).is_empty()


def partition(n: int, *numbers: int) -> list[str]:
    return [f"book={n:02}_mxn/date=2022-04-30/{name}" for name in names(*numbers)]


def test_what_is_new_in_any_partition_is_found_within_a_turn_however_much_is_there(bucket: Bucket, cloud: Lake) -> None:
    n_partitions, n_there = 2 * PARTITIONS_A_LOOK + 3, 30  # three pages each
    for n in range(n_partitions):
        bucket.put(*partition(n, *range(n_there)))
    found, cursor = looks(cloud, 3 * n_partitions + 4)
    assert len(found) == n_there * n_partitions
    for n in range(n_partitions):
        bucket.put(*partition(n, n_there))
    found, _ = looks(cloud, 3, cursor)
    assert found == names(n_there) * n_partitions


def test_in_a_partition_nothing_is_passed_that_is_not_catalogued(bucket: Bucket, cloud: Lake) -> None:
    for n in range(3):
        bucket.put(*partition(n, *range(5)))
    look = discover(cloud, "readings", Cursor(), 10)  # its run fails: nothing is catalogued
    found, _ = looks(cloud, 3, look.cursor)
    assert sorted(found) == sorted(names(*range(5)) * 3)


def test_a_folder_that_is_no_partition_costs_no_look_of_its_own(bucket: Bucket, cloud: Lake) -> None:
    bucket.put(*(f"2020-01-{day:02}/{name}" for day in range(1, 29) for name in names(1)))
    _, cursor = looks(cloud, 10)
    assert cursor.partitions == {}
