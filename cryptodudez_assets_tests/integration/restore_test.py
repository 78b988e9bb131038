"""The catalog's database is gone, broken, emptied or old: that is told in a line, and one command brings it back."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cryptodudez_assets.lake.iceberg.catalog_database import KEPT_BACKUPS, back_up, backups, database_file
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import entries_in
from cryptodudez_assets.lake.upkeep.maintenance import maintain, remove_orphans
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, rows_of, take_in
from cryptodudez_assets_tests.homes_builder import at, content, files_with_hashes, land, lived_in, snapshots

Damage = Callable[[Path], object]


def emptied(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM iceberg_tables")


def flipped(path: Path) -> None:
    """Every page but the first is noise."""
    path.write_bytes(path.read_bytes()[:4096] + os.urandom(path.stat().st_size - 4096))


DAMAGES: dict[str, tuple[Damage, str]] = {
    "missing": (Path.unlink, "there is no catalog at"),
    "no bytes": (lambda path: path.write_bytes(b""), "no table is named by the catalog"),
    "garbage": (lambda path: path.write_bytes(os.urandom(9000)), r"cannot be read \("),
    "a text": (lambda path: path.write_text("what is this"), r"cannot be read \("),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:5000]), r"cannot be read \("),
    "flipped": (flipped, r"cannot be read \("),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), r"cannot be read \("),
    "emptied": (emptied, "no table is named by the catalog"),
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a backup, and commits that are newer: so many that the metadata which the backup names are gone."""
    home = tmp_path_factory.mktemp("lived") / "home"
    lake = lived_in(home)
    back_up(lake.settings, now() - timedelta(minutes=3))
    for number in range(4):
        land(lake, f"late-{number}.csv", csv("late", range(number, number + 3), value=number + 1))
        take_in(lake)
    return home


@pytest.fixture
def home(lived: Path) -> Path:
    """That home as it was: a copy in its own place."""
    kept = lived.with_name("kept")
    if not kept.exists():
        shutil.copytree(lived, kept)
    shutil.rmtree(lived)
    shutil.copytree(kept, lived)
    return lived


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_told_in_a_line_and_comes_back_whole(home: Path, damage: str) -> None:
    before, versions = content(open_lake(at(home))), snapshots(open_lake(at(home)))
    do, told = DAMAGES[damage]
    do(home / "catalog.db")
    as_found = files_with_hashes(home)
    with pytest.raises(HomeRefused, match=told) as refused:
        open_lake(at(home))
    assert f"the newest backup of it is {backups(at(home))[0]}: run `cryptodudez restore-catalog`" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert files_with_hashes(home) == as_found
    restored = restore(at(home), now())
    assert restored is not None
    assert set(restored.newer) >= {READINGS.table, "catalog.files"}
    assert not restored.older + restored.lost
    lake = open_lake(at(home))
    assert content(lake) == before
    assert snapshots(lake) == versions
    assert restore(at(home), now()) is None
    assert (restored.set_aside is None) == (damage == "missing")


@pytest.mark.parametrize("table", [READINGS.table, "catalog.files", "quarantine.rows"])
def test_a_single_table_that_the_catalog_lost_is_told_and_comes_back(home: Path, table: str) -> None:
    before = content(open_lake(at(home)))
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("DELETE FROM iceberg_tables WHERE table_name = ?", (table.partition(".")[2],))
    with pytest.raises(HomeRefused, match=f"does not name {table}.*run `cryptodudez restore-catalog`"):
        open_lake(at(home))
    restored = restore(at(home), now())
    assert restored is not None
    assert content(open_lake(at(home))) == before


def test_without_a_backup_the_tables_tell_all(home: Path) -> None:
    before = content(open_lake(at(home)))
    (home / "catalog.db").unlink()
    shutil.rmtree(home / "backups")
    with pytest.raises(HomeRefused, match="there is no backup of it: run `cryptodudez restore-catalog`"):
        open_lake(at(home))
    restore(at(home), now())
    lake = open_lake(at(home))
    assert content(lake) == before
    land(lake, "more.csv", csv("more", range(3)))
    take_in(lake)
    assert rows_of(lake, READINGS.table).filter(sensor="more").height == 3


def test_a_backup_from_before_a_move_serves_after_it(home: Path, tmp_path: Path) -> None:
    before, new = content(open_lake(at(home))), tmp_path / "h2"
    back_up(at(home), now() - timedelta(minutes=2))  # of now: nothing was committed in between
    shutil.copytree(home, new)
    move(str(home), str(new), at(new), all_sources())
    (new / "catalog.db").unlink()
    restore(at(new), now())
    assert content(open_lake(at(new))) == before


def test_a_backup_that_is_put_in_place_by_hand_is_told(home: Path) -> None:
    before = content(open_lake(at(home)))
    shutil.copy(backups(at(home))[0], home / "catalog.db")
    with pytest.raises(HomeRefused, match=r"is a backup of .* UTC, put there by hand.*`cryptodudez restore-catalog`"):
        open_lake(at(home))
    restore(at(home), now())
    assert content(open_lake(at(home))) == before


def test_a_table_whose_name_alone_is_gone_is_not_begun_anew(home: Path) -> None:
    lake = open_lake(at(home))  # by a process that goes on
    before = content(lake)
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("DELETE FROM iceberg_tables WHERE table_name = 'readings'")
    land(lake, "more.csv", csv("more", range(3)))
    with pytest.raises(HomeRefused, match=r"does not name lab\.readings, but there are tables in"):
        take_in(lake)
    restore(at(home), now())
    after = open_lake(at(home))
    take_in(after)
    assert len(content(after)[READINGS.table]) == len(before[READINGS.table]) + 3


def dead_commit(lake: Lake, name: str) -> Path:
    """Metadata of a commit that never reached the catalog: they say that the table is empty."""
    table = lake.tables.load(name)
    row = named_metadata(lake, name)
    table.delete("sensor != 'nobody'")
    dead = Path(table.refresh().metadata_location)
    with sqlite3.connect(database_file(lake.settings) or "") as connection:
        connection.execute(
            "UPDATE iceberg_tables SET metadata_location = ? WHERE table_name = ?", (row, name.rpartition(".")[2])
        )
    return dead


def named_metadata(lake: Lake, name: str) -> str:
    return next(one.metadata_location for one in lake.tables.pointers() if one.name == name)


@pytest.mark.parametrize("then", ["nothing", "a backup", "another commit", "both"])
def test_a_commit_that_never_reached_the_catalog_does_not_come_true(home: Path, then: str) -> None:
    lake = open_lake(at(home))
    shutil.rmtree(home / "backups")
    dead = dead_commit(lake, READINGS.table)
    told = json.loads(dead.read_text())
    dead.write_text(
        json.dumps(told | {"last-updated-ms": told["last-updated-ms"] - 300_000})
    )  # it died five minutes ago
    if then in ("a backup", "both"):
        back_up(lake.settings, now())
    if then in ("another commit", "both"):
        land(lake, "more.csv", csv("more", range(3)))
        take_in(lake)
    rows = rows_of(lake, READINGS.table).height
    (home / "catalog.db").unlink()
    restore(at(home), now())
    found = rows_of(open_lake(at(home)), READINGS.table).height
    assert found == (0 if then == "nothing" else rows)  # as if its process had died a moment later


class Died(Exception):
    """The process is gone."""


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_killed_at_any_step_it_is_done_by_the_same_command(home: Path, damage: str) -> None:
    before, step, died = content(open_lake(at(home))), 0, True
    DAMAGES[damage][0](home / "catalog.db")
    broken = (home / "catalog.db").read_bytes() if damage == "garbage" else None
    while died:
        step, died = step + 1, False
        steps = iter(range(1, 1_000))

        def progress(_: str, step: int = step, steps=steps) -> None:
            if next(steps) == step:
                raise Died

        try:
            restore(at(home), now(), progress)
        except Died:
            died = True
            with pytest.raises(HomeRefused):
                open_lake(at(home))
            assert broken is None or (home / "catalog.db").read_bytes() == broken
    assert step > 6
    assert content(open_lake(at(home))) == before


def test_only_some_backups_are_kept_and_no_bad_one_pushes_out_a_good_one(home: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for night in range(KEPT_BACKUPS + 3):
        back_up(at(home), start + timedelta(days=night))
    kept = backups(at(home))
    assert len(kept) == KEPT_BACKUPS
    flipped(home / "catalog.db")
    with pytest.raises(Exception, match=r"malformed|\*\*\*|Tree"):
        back_up(at(home), start + timedelta(days=99))
    assert backups(at(home)) == kept


def test_a_home_that_is_only_begun_is_opened(tmp_path: Path) -> None:
    """The first metadata of a table are there before the catalog's row: who dies in between has lost nothing."""
    lake = open_lake(at(tmp_path / "home"))
    land(lake, "a.csv", csv("s", range(3)))
    begun = (
        tmp_path / "home/lake/tables/catalog/files/metadata/00000-0d5c2f2e-0000-4000-8000-000000000000.metadata.json"
    )
    begun.parent.mkdir(parents=True)
    begun.write_text("{}")
    take_in(lake)
    assert rows_of(open_lake(at(tmp_path / "home")), READINGS.table).height == 3


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=2)])
def test_upkeep_leaves_what_an_open_claim_may_own(tmp_path: Path, age: timedelta) -> None:
    lake = lived_in(tmp_path / "home")
    own = tmp_path / "home/lake/tables/lab/readings/data/of-a-batch.parquet"
    old = own.with_name("older.parquet")
    for path, when in ((own, time.time() - 3 * 86_400), (old, time.time() - 5 * 86_400)):
        path.write_bytes(b"x")
        os.utime(path, (when, when))
    (claimed,) = entries_in(rows_of(lake, "catalog.files").filter(member="x.csv"))
    entry = replace(claimed, status="claimed", batch_id="b", updated_at=now() - timedelta(days=4), source="others")
    file_entries.record(lake.tables, "others", [entry])
    list(maintain(lake, grace=age))
    assert own.exists()
    assert not old.exists()
    file_entries.record(lake.tables, "others", [replace(entry, status="loaded")])
    list(maintain(lake, grace=age))
    assert not own.exists()


@pytest.mark.parametrize("where", ["outside", "a neighbour", "all tables", "within a neighbour"])
def test_upkeep_deletes_nothing_that_is_not_the_tables_own(tmp_path: Path, where: str) -> None:
    lake, other = lived_in(tmp_path / "home"), lived_in(tmp_path / "other")
    forged = {
        "outside": f"{other.settings.lake}/tables/lab/readings",
        "a neighbour": f"{lake.settings.lake}/tables/catalog/files",
        "all tables": f"{lake.settings.lake}/tables/catalog",
        "within a neighbour": f"{lake.settings.lake}/tables/catalog/files/data",
    }[where]
    metadata = Path(lake.tables.load(READINGS.table).metadata_location)
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"location": forged}))
    before = files_with_hashes(tmp_path)
    with pytest.raises(HomeRefused, match=r"lab\.readings"):
        remove_orphans(open_lake(at(tmp_path / "home")), READINGS.table, timedelta(0))
    assert files_with_hashes(tmp_path) == before


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:700]),
    "no metadata": lambda path: path.write_text("[1, 2]"),
    "garbage": lambda path: path.write_bytes(os.urandom(500)),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("damage", UNREADABLE)
def test_metadata_that_cannot_be_had_is_told_with_what_mends_it_and_what_came_before_is_named_again(
    home: Path, damage: str
) -> None:
    lake = open_lake(at(home))
    before = content(lake)
    UNREADABLE[damage](Path(lake.tables.metadata_location(READINGS.table)))
    why = "is gone" if damage == "gone" else "cannot be read"
    with pytest.raises(
        HomeRefused, match=f"{why}.*run `cryptodudez rebuild {READINGS.table}`.*or `cryptodudez restore-cat"
    ):
        open_lake(at(home)).tables.load(READINGS.table)

    restored = restore(at(home), now())

    assert restored is not None
    assert restored.older == [READINGS.table]
    after = content(open_lake(at(home)))
    assert 0 < len(after.pop(READINGS.table)) < len(before.pop(READINGS.table))
    assert after == before
    assert restore(at(home), now()) is None
