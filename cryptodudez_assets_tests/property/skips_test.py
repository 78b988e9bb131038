"""Nothing is skipped without a word, whatever a store does between a list, a look and a read; and what comes to rest is read.

The store is a folder whose objects vanish, come back, change or are refused in generated ways; and one whose list and whose
look at the object never agree, as of a bucket that tells its versions to the one and not to the other.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.metastore.unknown import look_for_unknown
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, files, open_lake, rows_of, take_in, zipped

FOLDER = "raw/readings"
NAMES = ["a.csv", "b.csv", "c.zip"]
TROUBLES = ["none", "goes before open", "goes before stat", "changes before stat", "refused"]


class Troubled(FolderStore):
    """A folder in which one thing happens to an object when it is read next."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.troubles: dict[str, str] = {}
        self.away: dict[str, tuple[bytes, os.stat_result]] = {}

    def open(self, key: str) -> BinaryIO:
        match self.troubles.get(key):
            case "goes before open":
                self._take_away(key)
            case "refused":
                raise PermissionError(13, "Permission denied")
        return super().open(key)

    def stat(self, key: str) -> StoredObject | None:
        match self.troubles.pop(key, None):
            case "goes before stat":
                self._take_away(key)
            case "changes before stat":
                path = self.root / key
                os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
        return super().stat(key)

    def rest(self) -> None:
        """Nothing happens any more, and what was taken away is where it was, as it was."""
        self.troubles.clear()
        for key, (content, was) in self.away.items():
            (self.root / key).write_bytes(content)
            os.utime(self.root / key, ns=(was.st_atime_ns, was.st_mtime_ns))
        self.away.clear()

    def _take_away(self, key: str) -> None:
        path = self.root / key
        if path.exists():
            self.away[key] = path.read_bytes(), path.stat()
            path.unlink()


def troubled(home: Path) -> tuple[Lake, Troubled]:
    lake = open_lake(Settings(home=home, settle_seconds=0))
    store = Troubled(Path(lake.settings.lake))
    return replace(lake, store=store), store


def fill(store: Troubled) -> None:
    contents = [csv("a", range(3)), csv("b", range(4)), zipped(x=csv("x", range(5)), y=csv("y", range(6)))]
    (store.root / FOLDER).mkdir(parents=True)
    for name, content in zip(NAMES, contents, strict=True):
        (store.root / FOLDER / name).write_bytes(content)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TROUBLES)), st.booleans()), max_size=2)
)
@settings(max_examples=12, deadline=None)
def test_what_is_listed_has_a_status_whatever_happens_and_is_read_when_it_is_at_rest(
    tmp_path_factory: pytest.TempPathFactory, looks: list[tuple[dict[str, str], bool]]
) -> None:
    lake, store = troubled(tmp_path_factory.mktemp("skips"))
    fill(store)
    for troubles, while_ingesting in looks:
        found = discover_all(lake, "readings")
        told: list[str] = []
        happening = {f"{FOLDER}/{name}": trouble for name, trouble in troubles.items()}
        if not while_ingesting:
            store.troubles = happening
        catalogue_objects(lake, READINGS, found, progress=told.append)
        catalogued = set(files(lake)["uri"])
        assert {store.uri(one.key) for one in found} <= catalogued
        left = files(lake).filter(
            pl.col("status").is_in([Status.UNREADABLE]) & pl.col("uri").is_in([store.uri(o.key) for o in found])
        )
        assert left.is_empty() or any("waiting for the next look" in line for line in told)
        if while_ingesting:
            store.troubles = happening
        ingest(lake, READINGS)
        store.troubles.clear()
    store.rest()
    take_in(lake)
    assert look_for_unknown(lake, "readings").unknown == []
    assert rows_of(lake, "lab.readings")["sensor"].value_counts().sort("sensor")["count"].to_list() == [3, 4, 5, 6]
    assert files(lake).filter(pl.col("open")).is_empty()
    assert files(lake)["entry_id"].is_unique().all()


def test_a_file_that_comes_back_as_it_was_is_read(tmp_path: Path) -> None:
    lake, store = troubled(tmp_path)
    fill(store)
    catalogue_objects(lake, READINGS, discover_all(lake, "readings"))
    for name in NAMES:
        store._take_away(f"{FOLDER}/{name}")
    assert len(ingest(lake, READINGS).files_left_out) == 4
    store.rest()
    take_in(lake)
    assert rows_of(lake, "lab.readings").height == 18


def test_a_file_that_is_refused_and_goes_is_not_waited_for(tmp_path: Path) -> None:
    lake, store = troubled(tmp_path)
    fill(store)
    store.troubles = {f"{FOLDER}/a.csv": "refused"}
    take_in(lake)
    assert status_of(lake, "readings").unreadable == 1
    store.troubles.clear()
    store._take_away(f"{FOLDER}/a.csv")
    told: list[str] = []
    catalogue_objects(lake, READINGS, discover_all(lake, "readings"), progress=told.append)
    assert status_of(lake, "readings").unreadable == 0
    assert "readings: 1 unreadable before, removed since" in told


class Disagreeing(FolderStore):
    """Its list has no version of an object, a look at the object has."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        yield from (replace(found, generation="unversioned") for found in super().list(prefix, after))


def test_where_a_list_and_the_object_never_agree_each_object_is_named(lake: Lake, drop) -> None:
    lake = replace(lake, store=Disagreeing(Path(lake.settings.lake)))
    for name in ("a.csv", "b.csv"):
        os.utime(drop("readings", name, csv(name[0], range(3))), (1, 1))
    for _ in range(3):
        take_in(lake)
    assert status_of(lake, "readings").unreadable == 2
    look = look_for_unknown(lake, "readings", timedelta(hours=1))
    assert [one.key for one in look.unknown] == [f"{FOLDER}/a.csv", f"{FOLDER}/b.csv"]
    assert all("listed as version unversioned, now" in one.why for one in look.unknown)
