"""What is recorded survives: kills, damage, full disks, lakes that take nothing."""

import io
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pytest

from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.recorder.gaps import Cause
from cryptodudez_assets.recorder.keeper import Keeper, Recovered
from cryptodudez_assets.recorder.record import FILE_SCHEMA, Origin, Record
from cryptodudez_assets.recorder.window import Window
from cryptodudez_assets.recorder.write_ahead import MARK, Second
from cryptodudez_assets.settings import Settings

START = 1_651_291_800  # 2022-04-30T04:10:00
BOOKS = ("btc_mxn", "usd_mxn")
WINDOW = 10
HIVED = {**FILE_SCHEMA, "date": pl.Date(), "hour": pl.String()}
"""Columns of a file, and what its folders tell besides."""


class Home:
    """A lake, and keepers of one recorder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.lake, self.own = folder / "lake", folder / "own"
        self.said: list[str] = []

    def keeper(self, seconds: int = WINDOW) -> Keeper:
        return Keeper(self.own, "a", seconds, FolderStore(self.lake), self.said.append)

    def landed(self) -> dict[str, pl.DataFrame]:
        files = sorted((self.lake / "raw/bitso_order_book").rglob("*.parquet"))
        return {path.relative_to(self.lake).as_posix(): pl.read_parquet(path) for path in files}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def second(number: int) -> Second:
    at = START + number
    return Second(at, [Record(at, book, 100.0 + number, 101.0 + number, source=Origin.WS) for book in BOOKS])


def seconds_of(frame: pl.DataFrame) -> list[int]:
    return (frame["orderbook_timestamp"].str.to_datetime(time_zone="UTC").dt.epoch("s") - START).to_list()


def test_a_window_becomes_a_file_a_book_where_the_clock_has_it(home: Home) -> None:
    keeper = home.keeper()
    keeper.write(second(n) for n in range(25))
    assert keeper.land() == 4
    landed = home.landed()
    assert list(landed) == [
        f"raw/bitso_order_book/book={book}/date=2022-04-30/hour=04/20220430T04{at}Z-a.parquet"
        for book in BOOKS
        for at in ("1000", "1010")
    ]
    for frame in landed.values():
        assert frame.schema == FILE_SCHEMA
        assert len(frame) == WINDOW
    assert landed["raw/bitso_order_book/book=btc_mxn/date=2022-04-30/hour=04/20220430T041000Z-a.parquet"].row(0)[
        :5
    ] == (
        "2022-04-30T04:10:00+00:00",
        "btc_mxn",
        100.0,
        101.0,
        100 / 101,
    )


def test_by_default_a_file_has_every_second_of_ten_minutes(home: Home, settings: Settings) -> None:
    keeper = home.keeper(settings.record_window_seconds)
    keeper.write(second(n) for n in range(1205))
    assert keeper.land() == 4
    keeper.finish()
    assert [(path[-18:], seconds_of(frame)) for path, frame in home.landed().items()] == 2 * [
        ("T041000Z-a.parquet", list(range(600))),
        ("T042000Z-a.parquet", list(range(600, 1200))),
    ]


def test_an_hour_of_a_book_is_read_from_its_folder_alone(home: Home) -> None:
    for hour in range(3):
        window = Window("a", START + 3600 * hour, WINDOW)
        for n in range(WINDOW):
            window.add(second(3600 * hour + n))
        for key, content in window.files():
            (path := home.lake / key).parent.mkdir(parents=True, exist_ok=True)
            asked = "book=btc_mxn" in key and "hour=05" in key
            path.write_bytes(content if asked else b"whoever opens it fails")
    every = pl.scan_parquet(home.lake / "raw/bitso_order_book/**/*.parquet", hive_partitioning=True, schema=HIVED)
    found = every.filter(book="btc_mxn", date=date(2022, 4, 30), hour="05").collect()
    assert seconds_of(found) == list(range(3600, 3600 + WINDOW))
    with pytest.raises(pl.exceptions.ComputeError):
        every.filter(book="btc_mxn").collect()


def test_what_is_unfinished_at_the_end_is_landed_and_says_so(home: Home) -> None:
    keeper = home.keeper()
    keeper.write(second(n) for n in range(3, 7))
    keeper.finish()
    keeper.land()
    (first, _) = home.landed()
    assert first.endswith("/20220430T041000Z-a.partial-041003.parquet")
    assert not list(home.own.glob("*.wal"))


@pytest.mark.parametrize("written", [1, 5, 9, 10, 11, 25])
def test_after_a_kill_nothing_that_was_written_is_lost_or_doubled(home: Home, written: int) -> None:
    killed = home.keeper()
    killed.write(second(n) for n in range(written))
    again = home.keeper()
    found = again.recover(START + written + 3)
    assert found is not None
    assert (found.last, [one.bid for one in found.seconds[-1]]) == (START + written - 1, [99.0 + written] * 2)
    again.write(second(n) for n in range(written, 30))
    again.land()
    rows = pl.concat(home.landed().values())
    assert sorted(seconds_of(rows.filter(book="btc_mxn"))) == list(range(30))
    assert rows["bid"].max() == 129.0


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_kill_just_behind_a_landing_still_tells_when_it_recorded_last(home: Home, has_begun: bool) -> None:
    killed = home.keeper()
    killed.write(second(n) for n in range(WINDOW))
    killed.land()
    if has_begun:
        killed.write([second(WINDOW)])
    again = home.keeper()
    found = again.recover(START + 15)
    assert found is not None
    assert found.last == START + WINDOW - 1 + has_begun
    again.finish()
    again.land()
    assert home.keeper().recover(START + 20) is None  # it ended as it was told to
    assert not list(home.own.iterdir())


def test_damage_in_the_middle_costs_its_second_which_is_a_gap(home: Home) -> None:
    killed = home.keeper()
    killed.write([second(0)])
    before = killed.file and killed.file.path.stat().st_size
    killed.write(second(n) for n in range(1, 5))
    (path,) = home.own.glob("*.wal")
    data = bytearray(path.read_bytes())
    data[(before or 0) + 20] ^= 1
    path.write_bytes(data)
    again = home.keeper()
    again.recover(START + 5)
    again.write(second(n) for n in range(5, 10))
    again.land()
    (frame, *_) = home.landed().values()
    assert seconds_of(frame) == list(range(10))
    assert frame.filter("is_gap")["source"].to_list() == ["carried"]
    assert frame["is_gap"].arg_true().to_list() == [1]
    assert str(Cause.DAMAGED) in next(home.lake.rglob("*.jsonl")).read_text()
    assert "damaged bytes" in home.said[0]
    assert (home.own / f"{START}.damaged").exists()


@pytest.mark.parametrize("begins_at", [0, 3])
def test_damage_to_the_first_second_of_a_file_is_a_gap_too(home: Home, begins_at: int) -> None:
    killed = home.keeper()
    killed.write(second(n) for n in range(begins_at, 6))
    (path,) = home.own.glob("*.wal")
    data = path.read_bytes()
    begin = data.index(MARK, 1)  # behind the opening
    path.write_bytes(data[: begin + 20] + bytes([data[begin + 20] ^ 1]) + data[begin + 21 :])
    again = home.keeper()
    again.recover(START + 7)
    again.finish()
    again.land()
    for book, frame in zip(BOOKS, home.landed().values(), strict=True):
        assert seconds_of(frame) == list(range(begins_at, 6)), book
        assert frame["is_gap"].to_list() == [True] + [False] * (5 - begins_at)
        assert frame["bid"].to_list() == [None, *[101.0 + begins_at + n for n in range(5 - begins_at)]]


def test_what_is_no_write_ahead_file_is_left_alone(home: Home) -> None:
    home.keeper().write([second(0)])
    (home.own / "notes.wal").write_text("mine")
    (home.own / "7.wal").mkdir()
    (home.own / "8.landed").symlink_to(home.own / "nowhere")
    found = home.keeper().recover(START + 1)
    assert found is not None
    assert found.last == START
    assert sorted(said.partition(":")[0] for said in home.said) == ["7.wal", "8.landed", "notes.wal"]
    assert (home.own / "notes.wal").read_text() == "mine"


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_while_the_disk_is_full_seconds_wait_and_do_not_count(home: Home) -> None:
    keeper = home.keeper()
    assert len(keeper.write([second(0)])) == 1
    with full_disk(200):
        assert keeper.write(second(n) for n in range(1, 4)) == []
        assert keeper.write([second(4)]) == []
    assert [one.second - START for one in keeper.write([second(5)])] == [1, 2, 3, 4, 5]
    assert home.said == [
        "the disk takes no records, which wait in memory: File too large",
        "the disk takes records again",
    ]


def test_seconds_that_found_no_room_in_memory_are_told_as_lost(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptodudez_assets.recorder.keeper.MOST_WAITING", 3)
    keeper = home.keeper()
    with full_disk(10):
        assert keeper.write(second(n) for n in range(5)) == []
    assert [one.second - START for one in keeper.write([])] == [2, 3, 4]
    assert home.said[-1] == "the disk takes records again; 2 seconds found no room in memory and are lost"


def test_a_window_that_cannot_begin_keeps_no_file_open(home: Home) -> None:
    keeper = home.keeper()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with full_disk(10):
        for number in range(20):
            assert keeper.write([second(number)]) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(keeper.write([second(20)])) == 21


class SlowStore(FolderStore):
    """A lake that takes its time."""

    def write(self, key: str, content: BinaryIO) -> None:
        time.sleep(0.05)
        super().write(key, content)


def test_a_recorder_that_ends_while_it_lands_lands_every_window_once(home: Home) -> None:
    keeper = home.keeper()
    keeper.store = SlowStore(home.lake)
    keeper.write(second(n) for n in range(15))
    with ThreadPoolExecutor() as threads:
        at_it = threads.submit(keeper.land)
        time.sleep(0.02)
        keeper.finish()
        at_the_end = threads.submit(keeper.land)
        assert at_it.result() + at_the_end.result() == 4
    assert sorted(seconds_of(pl.concat(home.landed().values()).filter(book="btc_mxn"))) == list(range(15))
    assert not list(home.own.iterdir())


def test_another_recorder_of_the_same_name_overwrites_nothing(home: Home) -> None:
    for bid in (1.0, 2.0):
        keeper = home.keeper()
        keeper.write(Second(START + n, [Record(START + n, "btc_mxn", bid, 3.0)]) for n in range(WINDOW))
        keeper.land()
    assert sorted(frame["bid"][0] for frame in home.landed().values()) == [1.0, 2.0]
    assert "another recorder of this instance name" in home.said[0]


def test_a_window_that_was_landed_before_the_kill_is_not_landed_twice(home: Home) -> None:
    killed = home.keeper()
    killed.write(second(n) for n in range(WINDOW))
    for key, content in killed.over[0][0].files():
        killed.store.write(key, io.BytesIO(content))
    again = home.keeper()
    again.recover(START + 12)
    assert again.land() == 0
    assert len(home.landed()) == 2


def test_a_window_of_another_length_is_landed_as_it_is(home: Home) -> None:
    home.keeper(20).write(second(n) for n in range(5))
    again = home.keeper(10)
    assert again.recover(START + 6) == Recovered(START + 4, [second(n).records for n in range(5)])
    again.write([second(5)])
    again.land()
    assert [seconds_of(frame) for frame in home.landed().values()] == [[0, 1, 2, 3, 4]] * 2


def test_what_a_clock_of_the_future_recorded_does_not_stop_the_present(home: Home) -> None:
    home.keeper().write([second(1000)])
    assert home.keeper().recover(START) is None


def test_csv_that_cannot_be_written_is_told_and_holds_up_no_window(home: Home, tmp_path: Path) -> None:
    (tmp_path / "csv").write_text("a file where the folder should be")
    keeper = Keeper(home.own, "a", WINDOW, FolderStore(home.lake), home.said.append, tmp_path / "csv")
    keeper.write(second(n) for n in range(25))
    assert keeper.land() == 4
    assert not keeper.over
    assert [line for line in home.said if line.startswith("no CSV of the window 20220430T041010Z in ")]


def test_csv_is_named_by_its_window(home: Home, tmp_path: Path) -> None:
    keeper = Keeper(home.own, "a", WINDOW, FolderStore(home.lake), home.said.append, tmp_path / "csv")
    keeper.write(second(n) for n in range(10))
    keeper.land()
    assert sorted(path.name for path in (tmp_path / "csv").iterdir()) == [
        f"{book}-20220430T041000Z-a.csv" for book in BOOKS
    ]


def test_a_recorder_that_ends_while_no_disk_takes_records_says_which_are_lost(home: Home) -> None:
    keeper = home.keeper()
    keeper.write(second(n) for n in range(3))
    keeper.land()
    assert keeper.farewell == "stopped; what was recorded is in the lake"
    keeper.waiting.extend(second(n) for n in (3, 4))
    assert "from 04:10:03 to 04:10:04 UTC, is lost" in keeper.farewell
