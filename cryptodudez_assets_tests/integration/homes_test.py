"""A home is moved and copied: it says the same, can be worked in, and no home ever touches another."""

import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.claims import next_batch
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine.replay import reopen
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.lake.upkeep.moving import Moved, move
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import READINGS, csv, files, open_lake, rows_of, take_in
from cryptodudez_assets_tests.homes_builder import at, content, files_with_hashes, land, lived_in, snapshots

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lived") / "home"
    lived_in(home)
    return home


@pytest.fixture
def home(lived: Path, tmp_path: Path) -> Path:
    """A home of the test's own, made a home of its own by the very thing that is tested."""
    shutil.copytree(lived, tmp_path / "h1")
    moved(lived, tmp_path / "h1")
    return tmp_path / "h1"


def moved(old: Path, new: Path) -> Moved:
    return move(str(old), str(new), at(new), all_sources())


def works(lake: Lake) -> None:
    """Landing, ingest, replay and upkeep without a day of grace."""
    before = rows_of(lake, READINGS.table).height
    land(lake, "more.csv", csv("more", range(7), bad=1))
    take_in(lake)
    assert rows_of(lake, READINGS.table).height == before + 7
    assert reopen(lake, READINGS) >= 4
    take_in(lake)
    list(maintain(lake, grace=timedelta(0)))
    assert rows_of(lake, READINGS.table).height == before + 7


def test_what_a_move_writes_is_recorded_as_whatever_else_is_written(home: Path, tmp_path: Path) -> None:
    moved(home, tmp_path / "h2")
    lake = open_lake(at(tmp_path / "h2"))

    for name in lake.tables.names():
        found = verify_table(lake, name)
        assert (found.unrecorded, found.differences) == ([], [])
        assert found.files


def test_a_home_that_was_moved_by_hand_is_refused_in_a_line_that_mends_it(home: Path, tmp_path: Path) -> None:
    new = tmp_path / "h 2"
    home.rename(new)
    before = files_with_hashes(new)
    with pytest.raises(HomeRefused, match=rf"lie in {home}/lake/tables, not in its lake {new}/lake") as refused:
        open_lake(at(new))
    assert str(refused.value).endswith(f"Run `cryptodudez move-home {home} '{new}'`")
    assert "\n" not in str(refused.value)
    assert files_with_hashes(new) == before


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_moved_home_says_the_same_and_can_be_worked_in(home: Path, tmp_path: Path, by_hand: bool) -> None:
    new = tmp_path / "else where" / "h#2?%20"
    before, versions = content(open_lake(at(home))), snapshots(open_lake(at(home)))
    new.parent.mkdir()
    if by_hand:
        home.rename(new)
    assert moved(home, new).missing == []
    lake = open_lake(at(new))
    assert content(lake) == before
    assert not home.exists()
    assert discover_all(lake, "readings") == []
    assert all(set(old) <= set(snapshots(lake)[name]) for name, old in versions.items())
    works(lake)
    assert not home.exists()


def test_every_old_snapshot_can_be_read_after_a_move(home: Path, tmp_path: Path) -> None:
    lake = open_lake(at(home))
    then = {
        (name, one): lake.tables.scan(name, snapshot_id=one).collect()  # type: ignore[union-attr]
        for name, versions in snapshots(lake).items()
        for one in versions
    }
    moved(home, tmp_path / "h2")
    after = open_lake(at(tmp_path / "h2"))
    for (name, one), rows in then.items():
        found = after.tables.scan(name, snapshot_id=one)
        assert found is not None
        assert found.collect().equals(rows), f"{name} {one}"
    assert len(then) > 15


def test_no_row_names_the_old_place(home: Path, tmp_path: Path) -> None:
    moved(home, tmp_path / "h2")
    lake = open_lake(at(tmp_path / "h2"))
    for name in lake.tables.names():
        texts = rows_of(lake, name).select(pl.selectors.string())
        there = texts.select(pl.any_horizontal(pl.all().str.starts_with(f"{home}/").fill_null(value=False)).any())
        assert not there.item(), name


@pytest.mark.parametrize("keeps_times", [True, False])
def test_a_copy_becomes_a_home_of_its_own_and_neither_touches_the_other(
    home: Path, tmp_path: Path, keeps_times: bool
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy, copy_function=shutil.copy2 if keeps_times else shutil.copyfile)
    original = files_with_hashes(home)
    before = content(open_lake(at(home)))
    with pytest.raises(HomeRefused, match="move-home"):
        open_lake(at(copy))
    moved(home, copy)
    there = open_lake(at(copy))
    assert content(there) == before
    assert discover_all(there, "readings") == []
    works(there)
    assert files_with_hashes(home) == original
    of_copy = files_with_hashes(copy)
    works(open_lake(at(home)))
    assert files_with_hashes(copy) == of_copy
    assert content(open_lake(at(home))) == content(there)


def test_a_file_that_changed_on_the_way_is_new(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy, copy_function=shutil.copyfile)
    path = copy / "lake/raw/readings/a.csv"
    path.write_bytes(path.read_bytes().replace(b",1\n", b",3\n"))
    moved(home, copy)
    assert [one.key for one in discover_all(open_lake(at(copy)), "readings")] == ["raw/readings/a.csv"]


def test_a_copy_of_a_copy_and_a_home_that_comes_back_say_the_same(home: Path, tmp_path: Path) -> None:
    before = content(open_lake(at(home)))
    moved(home, tmp_path / "h2")
    shutil.copytree(tmp_path / "h2", tmp_path / "h3")
    moved(tmp_path / "h2", tmp_path / "h3")
    moved(tmp_path / "h3", home)
    assert content(open_lake(at(home))) == before
    assert moved(tmp_path / "h2", home) == Moved(0, [])


class Died(Exception):
    """The process is gone."""


def test_killed_at_any_step_it_is_done_by_the_same_command(tmp_path: Path) -> None:
    home, kept, new = (tmp_path / name for name in ("h1", "kept", "h2"))
    first = open_lake(at(home))
    land(first, "a.csv", csv("s", range(5), bad=1))
    take_in(first)
    before = content(first)
    home.rename(kept)  # as it was, under another name
    step, said = 0, "nothing"
    while said != "":
        shutil.copytree(kept, home)
        step += 1
        said = dies_at(step, home, new)
        if said not in ("", "switched"):  # whole or not at all
            with pytest.raises(HomeRefused, match="move-home"):
                open_lake(at(new))
        moved(home, new)
        assert content(open_lake(at(new))) == before, f"after death at step {step}: {said}"
        if step % 4 == 0:
            list(maintain(open_lake(at(new)), grace=timedelta(0)))
            assert content(open_lake(at(new))) == before, f"after upkeep after death at step {step}: {said}"
        shutil.rmtree(new)
    assert step > 9


def dies_at(step: int, old: Path, new: Path) -> str:
    """What it said last before it died; nothing if it did not."""
    steps = iter(range(1, 1_000))
    last = ""

    def progress(line: str) -> None:
        nonlocal last
        if next(steps) == step:
            last = line
            raise Died

    with suppress(Died):
        move(str(old), str(new), at(new), all_sources(), progress)
    return last


def test_killed_at_random_moments_it_is_done_by_the_same_command(home: Path, tmp_path: Path) -> None:
    before, new = content(open_lake(at(home))), tmp_path / "h2"
    moments, killed = random.Random(3), 0
    command = [sys.executable, "-m", "cryptodudez_assets", "move-home", str(home), str(new)]
    for number in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not new.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.4) if number else 0.1)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    subprocess.run(command, check=True, capture_output=True)
    assert content(open_lake(at(new))) == before
    assert killed


def test_honest_homes_are_opened(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(open_lake(at(home)))
    link = tmp_path / "link"
    link.symlink_to(home)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    for spelled in (Path("h1"), link, tmp_path / "x" / ".." / "h1"):
        lake = open_lake(at(spelled))
        assert content(lake) == before, spelled
        assert discover_all(lake, "readings") == [], spelled
    with_slash = Settings(home=home, lake=f"{home}/lake/", settle_seconds=0)
    assert content(open_lake(with_slash)) == before
    works(open_lake(at(link)))


def test_tables_on_another_disk_by_a_link_are_this_homes(home: Path, tmp_path: Path) -> None:
    (home / "lake/tables").rename(tmp_path / "disk")
    (home / "lake/tables").symlink_to(tmp_path / "disk")
    works(open_lake(at(home)))


def test_a_lake_outside_of_the_home_moves_by_its_own_name(lived: Path, tmp_path: Path) -> None:
    lake, other = tmp_path / "lake", tmp_path / "other"
    before = at(tmp_path / "home").model_copy(update={"lake": str(lake)})
    land(open_lake(before), "a.csv", csv("s", range(5)))
    take_in(open_lake(before))
    after = before.model_copy(update={"lake": str(other)})
    lake.rename(other)
    with pytest.raises(HomeRefused, match=f"`cryptodudez move-home {lake} {other}`"):
        open_lake(after)
    move(str(lake), str(other), after, all_sources())
    assert rows_of(open_lake(after), READINGS.table).height == 5
    with pytest.raises(HomeRefused, match="`mv` is enough"):
        move(str(tmp_path / "home"), str(tmp_path / "home2"), after, all_sources())


def test_a_setting_that_was_forgotten_is_named(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    settings = at(tmp_path / "home").model_copy(update={"lake": str(lake)})
    land(open_lake(settings), "a.csv", csv("s", range(5)))
    take_in(open_lake(settings))
    with pytest.raises(HomeRefused, match=f"set CRYPTODUDEZ_LAKE={lake}"):
        open_lake(at(tmp_path / "home"))


def test_what_is_no_whole_copy_is_refused_and_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    gone = next((copy / "lake/tables/lab/readings/data").rglob("*.parquet"))
    gone.unlink()
    before = files_with_hashes(copy)
    with pytest.raises(HomeRefused, match=f"is no whole copy of .*: 1 files are missing, the first is {gone}"):
        moved(home, copy)
    with pytest.raises(HomeRefused, match="move-home"):
        open_lake(at(copy))
    assert {name: digest for name, digest in files_with_hashes(copy).items() if name in before} == before


@pytest.mark.parametrize("what", ["old", "new", "no home", "into itself"])
def test_what_cannot_be_moved_is_told_in_a_line(home: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    old, new = {
        "old": (tmp_path / "none", tmp_path / "h2"),
        "new": (home, tmp_path / "empty"),
        "no home": (tmp_path / "empty", tmp_path / "h2"),
        "into itself": (home, home / "deeper"),
    }[what]
    before = files_with_hashes(tmp_path)
    with pytest.raises(HomeRefused) as refused:
        moved(old, new)
    assert "\n" not in str(refused.value)
    assert files_with_hashes(tmp_path) == before
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == []


def test_a_home_in_which_something_is_at_work_is_not_moved(home: Path, tmp_path: Path) -> None:
    lake = open_lake(at(home))
    with lake.tables.rearranging(READINGS.table), pytest.raises(HomeRefused, match="something is at work"):
        moved(home, tmp_path / "h2")
    assert home.exists()


def test_a_batch_that_was_claimed_goes_on_in_the_new_place(home: Path, tmp_path: Path) -> None:
    lake = open_lake(at(home))
    land(lake, "late.csv", csv("late", range(3)))
    catalogue_objects(lake, READINGS, discover_all(lake, "readings"))
    with ExitStack() as owner:
        next_batch(lake, READINGS, owner)
        with pytest.raises(HomeRefused, match="something is at work"):
            moved(home, tmp_path / "h2")
    moved(home, tmp_path / "h2")
    after = open_lake(at(tmp_path / "h2"))
    assert "claimed" in set(files(after)["status"])
    take_in(after)
    assert rows_of(after, READINGS.table).filter(sensor="late").height == 3
