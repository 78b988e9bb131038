"""Small objects of a bucket are described and read several at a time: that ends in the same catalogue and table as one by one, also
where objects go, change or cannot be had meanwhile."""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.metastore.file_entries import files_of
from cryptodudez_assets.lake.store.at_once import AT_ONCE, SMALL_BYTES
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import INCIDENTAL, READINGS, csv, open_lake, put, rows_of, zipped

N_OBJECTS = 60
FATES = ("goes", "changes", "refused")
LONG_AGO = 1_600_000_000


@dataclass
class Fateful:
    """A folder's store that answers as a bucket would. Objects go, change or are refused when they are opened for the nth time.

    `is_remote`: whether they are asked for at once; then each answer takes another time.
    """

    store: Any
    is_remote: bool
    fates: dict[str, tuple[int, str]]
    opened: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def open(self, key: str) -> BinaryIO:
        with self._lock:
            self.opened[key] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self.is_remote:
            time.sleep(0.001 + 0.01 * Random(key).random())
        try:
            return self._open(key)
        finally:
            with self._lock:
                self.at_once -= 1

    def _open(self, key: str) -> BinaryIO:
        time_, fate = self.fates.get(key.rpartition("/")[2], (0, ""))
        if self.opened[key] == time_:
            path = Path(self.store.uri(key))
            if fate == "goes":
                path.unlink()
            elif fate == "changes":
                path.write_bytes(csv("changed", range(9)))
                os.utime(path, (LONG_AGO + 1000, LONG_AGO + 1000))
            elif fate == "refused":
                raise PermissionError(13, "not yours")
            else:
                raise RuntimeError(fate)
        found: BinaryIO = self.store.open(key)
        return found


def raw_zone(lake: Lake, draw: Random) -> None:
    """Objects of all kinds: some with the same bytes as others, some archives, one that is not small, several of one time."""
    for number in range(N_OBJECTS):
        content = csv(f"s{draw.randrange(40)}", range(3), bad=draw.randrange(3))
        if draw.random() < 0.2:
            content = zipped(one=content, two=csv(f"z{number}", range(2)))
        name = f"{number:02}.csv"
        put(lake, name, content)
        at = LONG_AGO + draw.randrange(20)
        os.utime(lake.store.uri(f"raw/{READINGS.name}/{name}"), (at, at))
    long = csv("long", range(60_000))
    assert len(long) > SMALL_BYTES
    put(lake, "long.csv", long)
    os.utime(lake.store.uri(f"raw/{READINGS.name}/long.csv"), (LONG_AGO + 10, LONG_AGO + 10))


def told(lake: Lake) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Every row of the catalogue and of the table, in an order, without what is incidental and without the home's name."""
    files = files_of(lake.tables, READINGS.name).with_columns(
        pl.col("uri", "reason").str.replace(str(lake.settings.home), "", literal=True)
    )
    rows = files.drop(*(set(INCIDENTAL) - {"generation", "modified_at"}), strict=False).collect()
    table = rows_of(lake, READINGS.table).drop(INCIDENTAL, strict=False)
    return sorted(rows.rows(), key=str), sorted(table.rows(), key=str)


@pytest.mark.parametrize("seed", range(3))
def test_the_catalogue_and_the_table_are_those_of_one_by_one(tmp_path: Path, seed: int) -> None:
    draw = Random(seed)
    unlucky = draw.sample(range(N_OBJECTS), 12)
    fates = {f"{number:02}.csv": (1 + place % 2, FATES[place // 2 % 3]) for place, number in enumerate(unlucky)}
    ended, stores = [], []
    for is_remote in (False, True):
        lake = open_lake(Settings(home=tmp_path / str(is_remote), settle_seconds=0))
        raw_zone(lake, Random(seed))
        stores.append(Fateful(lake.store, is_remote, fates))
        fateful = replace(lake, store=stores[-1])
        catalogue_objects(fateful, READINGS, discover_all(lake, READINGS.name))
        ingest(fateful, READINGS)
        ended.append(told(lake))
    one_by_one, at_once = stores
    assert (one_by_one.most_at_once, one_by_one.opened) == (1, at_once.opened)
    assert 1 < at_once.most_at_once <= AT_ONCE
    statuses = {str(row[1]) for row in rows_of(lake, "catalog.files").select("uri", "status").rows()}
    assert statuses >= {Status.LOADED, Status.DUPLICATE, Status.UNREADABLE, Status.IGNORED, Status.EXPANDED}
    assert ended[0] == ended[1]


def test_an_unforeseen_error_names_its_object_and_what_was_committed_stands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptodudez_assets.lake.ingest.cataloguing.ENTRIES_PER_COMMIT", 10)
    lake = open_lake(settings)
    for number in range(40):
        put(lake, f"{number:02}.csv", csv(f"s{number}", range(3)))
    store = Fateful(lake.store, True, {"25.csv": (1, "never heard of")})
    with pytest.raises(RuntimeError, match="never heard of") as raised:
        catalogue_objects(replace(lake, store=store), READINGS, discover_all(lake, READINGS.name))
    assert raised.value.__notes__ == ["while cataloguing raw/readings/25.csv"]
    assert len(rows_of(lake, "catalog.files")) == 20
    catalogue_objects(lake, READINGS, discover_all(lake, READINGS.name))
    assert len(rows_of(lake, "catalog.files")) == 40
