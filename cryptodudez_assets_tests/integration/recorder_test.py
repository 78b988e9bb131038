"""A recorder beside the simulated exchange: every second once, what is told is true, and kills and upgrades lose nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import sleep

import polars as pl
import pytest

from cryptodudez_assets_tests.recorder_campaign import FAULTS, Recording, exchange, gaps_of, judged, records_of

pytestmark = pytest.mark.long

WINDOW = 10
SECOND = timedelta(seconds=1)


@pytest.fixture
def recordings() -> Iterator[list[Recording]]:
    running: list[Recording] = []
    yield running
    for one in running:
        one.end()


def test_three_minutes_of_faults_leave_no_second_out_and_tell_nothing_untrue(
    tmp_path: Path, recordings: list[Recording]
) -> None:
    with exchange(tmp_path, faults=FAULTS, seed=5) as bitso:
        recordings.append(Recording(tmp_path / "home", bitso, WINDOW))
        recordings[0].start()
        sleep(180)
        assert recordings[0].stop() == 0
    found = judged(tmp_path / "home", bitso, WINDOW)
    print(found)
    assert (found.missing, found.doubled, found.untrue, found.short_files) == (0, 0, [], [])
    assert found.told > 0
    assert found.carried <= 1.2 * found.forced


def test_ten_kills_lose_nothing_that_was_recorded_and_double_nothing(
    tmp_path: Path, recordings: list[Recording]
) -> None:
    random = Random(3)
    with exchange(tmp_path) as bitso:
        recordings.append(Recording(tmp_path / "home", bitso, window_seconds=5))
        for _ in range(10):
            recordings[0].start()
            sleep(random.uniform(1, 6))
            recordings[0].kill()
        sleep(2)  # one that is there again within a second misses none
        recordings[0].start()
        sleep(2)
        assert recordings[0].stop() == 0
    found = judged(tmp_path / "home", bitso, 5)
    print(found)
    assert (found.missing, found.doubled, found.untrue, found.short_files) == (0, 0, [], [])
    gaps = gaps_of(tmp_path / "home").with_columns(pl.col("started_at", "ended_at").str.to_datetime(time_zone="UTC"))
    assert "not running" in gaps["cause"]
    told = [(book, begin, end) for book, begin, end in gaps.select("book", "started_at", "ended_at").iter_rows()]
    for book, second in records_of(tmp_path / "home").filter("is_gap").select("book", "second").iter_rows():
        at = datetime.fromtimestamp(second, UTC)
        assert any(one == book and begin - SECOND <= at <= end + SECOND for one, begin, end in told), (book, at)


def test_upgrades_by_overlap_leave_no_second_out(tmp_path: Path, recordings: list[Recording]) -> None:
    with exchange(tmp_path) as bitso:
        recordings.append(Recording(tmp_path / "home", bitso, WINDOW))
        recordings[0].start("v0")
        for number in range(3):
            sleep(3)
            recordings[0].start(f"v{number + 1}")
            sleep(3)
            assert recordings[0].stop(f"v{number}") == 0
        assert recordings[0].stop("v3") == 0
    records = records_of(tmp_path / "home").filter(~pl.col("is_gap"))
    for _, of_book in records.group_by("book"):
        seconds = set(of_book["second"].to_list())
        assert seconds == set(range(min(seconds), max(seconds) + 1))
    assert not records.is_duplicated().any()


def test_a_name_is_taken_once(tmp_path: Path, recordings: list[Recording]) -> None:
    with exchange(tmp_path) as bitso:
        recordings.append(Recording(tmp_path / "home", bitso))
        recordings[0].start()
        other = Recording(tmp_path / "home", bitso)
        recordings.append(other)
        log = tmp_path / "home" / "a.log"
        before = len(log.read_text())
        other.start()
        assert other.processes.pop("a").wait(60) == 1
        assert "another process records as 'a'" in log.read_text()[before:]
