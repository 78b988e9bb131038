"""Where work is divided: rows that repeat on both sides of a seam, a key that nearly all rows have, engines that take turns."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.contracts.base import Contract, UtcTime
from cryptodudez_assets.derived.declaration import Derived, Frames, Input
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.derived.upkeep.reach import AffectedRange
from cryptodudez_assets.engines import Engine
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView
from cryptodudez_assets.lake.ingest.tasks import ReadTask
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine.replay import correct
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import (
    READINGS,
    compute_few_rows_at_a_time,
    csv,
    files,
    open_lake,
    picture,
    rows_of,
    take_in,
)
from cryptodudez_assets_tests.forms import FORMS
from cryptodudez_assets_tests.spark_cluster import Spread, driven, engine_of_driver
from cryptodudez_assets_tests.toy_graph import VIEWS
from cryptodudez_assets_tests.wrapped_engines import Watched

START = datetime(2020, 12, 31, tzinfo=UTC)
TTL = timedelta(days=36500)


def drop(lake: Lake, **contents: bytes) -> None:
    """Put files into the raw zone."""
    folder = Path(lake.settings.lake) / "raw" / READINGS.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}.csv").write_bytes(content)


def beside(tmp_path: Path) -> Lake:
    """A lake that is local all along."""
    return open_lake(Settings(home=tmp_path / "beside", settle_seconds=0))


# Hour 5 is in all files, and hundreds of times in each: nearly all rows have this key.
FIRST = {"a": csv("s", [*range(20), *[5] * 600], value=1)}
HOURS = {name: [*range(10 * number, 10 * number + 25), *[5] * 500] for number, name in enumerate("bcdefg", 1)}
SECOND = {name: csv("s", hours, value=1 + number, bad=1) for number, (name, hours) in enumerate(HOURS.items(), 1)}


def test_a_key_that_repeats_in_a_task_across_tasks_and_in_the_table_is_there_once(
    lake: Lake, watched: Watched, tmp_path: Path
) -> None:
    there = beside(tmp_path)
    for contents in (FIRST, SECOND):
        for one in (lake, there):
            drop(one, **contents)
        take_in(replace(lake, engine=watched))
        take_in(there)
    assert picture(lake) == picture(there)
    # Whoever reaches furthest knows best.
    latest = {hour: 1 + number for number, hours in enumerate([range(20), *HOURS.values()]) for hour in hours}
    found = rows_of(lake, READINGS.table)
    assert {
        (at - START) // timedelta(hours=1): value for at, value in found.select("event_ts", "value").rows()
    } == latest
    assert found.height == len(latest)
    assert unbalanced_files(lake, READINGS).is_empty()
    parts = [[Path(entry.uri).stem for entry in task.entries] for task in watched.of(ReadTask)[1:]]
    assert sorted(name for part in parts for name in part) == sorted(SECOND)
    of_tasks = [set().union(*(HOURS[name] for name in part)) for part in parts]
    across = Counter(hour for hours in of_tasks for hour in hours)
    assert [len(part) for part in parts] == [2, 2, 2]  # neighbours overlap: within a task
    assert len([hour for hour, times in across.items() if times > 1]) > 5  # and where one ends
    assert len(set(range(20)) & set(across)) > 5  # and with the table
    assert rows_of(lake, READINGS.observations or "").height == 20 + 600 + sum(map(len, HOURS.values()))


class Doubled(Contract):
    """Twice what each sensor read."""

    sensor: str = pa.Field(description="Name of the sensor.")
    event_ts: UtcTime = pa.Field(description="When it was read.")
    twice: float = pa.Field(description="Twice of it.")


class Trailing(FeatureContract):
    """What a sensor read of late."""

    sensor: str = pa.Field(description="Name of the sensor.")
    total: float = pa.Field(description="Sum of the last 30 readings.", nullable=True)


class Recent(FeatureContract):
    """What a sensor read in the last days."""

    sensor: str = pa.Field(description="Name of the sensor.")
    highest: float = pa.Field(description="The highest of three days.", nullable=True)


def doubled(frames: Frames) -> pl.LazyFrame:
    return frames[READINGS.table].select("sensor", "event_ts", twice=2 * pl.col("value"))


def trailing(frames: Frames) -> pl.LazyFrame:
    rows = frames[READINGS.table].sort("sensor", "event_ts")
    total = pl.col("value").rolling_sum(30, min_samples=1).over("sensor")
    return rows.select("sensor", "event_ts", total=total, known_ts="event_ts")


def recent(frames: Frames) -> pl.LazyFrame:
    rows = frames[READINGS.table].sort("sensor", "event_ts")
    highest = pl.col("value").rolling_max_by("event_ts", "3d").over("sensor")
    return rows.select("sensor", "event_ts", highest=highest, known_ts="event_ts")


READ = [Input(READINGS.table, ["sensor", "event_ts", "value"], known="event_ts")]
BY_KEY = Derived("lab.doubled", Doubled, "team:tests", ["sensor", "event_ts"], READ, doubled)
BY_ROWS = FeatureView("trailing", Trailing, "team:tests", ["sensor"], READ, trailing, None, TTL, rows_back=30)
BY_DAYS = FeatureView("recent", Recent, "team:tests", ["sensor"], READ, recent, timedelta(days=3), TTL)


BY_ALL = (BY_KEY, BY_ROWS, BY_DAYS)
PART_ROWS = 300


def skew() -> bytes:
    """Readings nearly all of which are of one sensor."""
    sensors = {"much": range(2000)} | {f"few {number}": range(number, 1000, 150) for number in range(9)}
    rows = [
        (name, f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M}", 1 + hour * 7919 % 101)
        for name, hours in sensors.items()
        for hour in hours
    ]
    return FORMS["csv"](("sensor", "time", "value"), rows)


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with these, taken in."""
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("skewed"), settle_seconds=0))
    drop(lake, skewed=skew())
    take_in(lake)
    return lake


def compute_divided(lake: Lake, engine: Watched, table: Derived, patch: pytest.MonkeyPatch) -> None:
    """Compute all of a table, and see that the large key was divided."""
    compute_few_rows_at_a_time(patch, PART_ROWS)
    before = len(engine.tasks)
    materialize(replace(lake, engine=engine), table, full=True)
    rows = rows_of(lake, READINGS.table).filter(pl.col("sensor") == "much").lazy()
    found = [rows_in(rows, task.portions) for task in engine.tasks[before:]]
    assert len([n_rows for n_rows in found if n_rows > PART_ROWS]) > 1, found  # or one task had all of it


@pytest.mark.parametrize("table", BY_ALL, ids=lambda table: table.short_name)
def test_a_key_that_nearly_all_rows_have_is_divided_and_gives_the_same(
    skewed: Lake, watched: Watched, table: Derived, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialize(skewed, table, full=True)
    expected = rows_of(skewed, table.table)
    compute_divided(skewed, watched, table, monkeypatch)
    assert_frame_equal(rows_of(skewed, table.table), expected, check_row_order=False, check_exact=True)


ON_A_CLUSTER = (
    "import sys; from cryptodudez_assets_tests.integration.engine_seams_test import drive; drive(*sys.argv[1:])"
)


def drive(home: str, notes: str) -> None:
    """Take in and compute all on the cluster."""
    lake, folder = open_lake(Settings(home=Path(home), settle_seconds=0)), Path(notes)
    engine = Watched(Spread(engine_of_driver(), folder / "workers"), folder / "processes")
    take_in(replace(lake, engine=engine))
    with pytest.MonkeyPatch.context() as patch:
        for table in BY_ALL:
            compute_divided(lake, engine, table, patch)
    assert os.getpid() not in engine.processes


@pytest.mark.spark
def test_such_a_key_is_divided_on_a_cluster_too_and_gives_the_same(cluster: str, lake: Lake, tmp_path: Path) -> None:
    here = beside(tmp_path)
    for one in (lake, here):
        drop(one, skewed=skew())
    take_in(here)
    for table in BY_ALL:
        materialize(here, table, full=True)
    for name in ("workers", "processes"):
        (tmp_path / "notes" / name).mkdir(parents=True)
    code, said = driven(cluster, ON_A_CLUSTER, lake.settings.home, tmp_path / "notes")
    assert code == 0, said
    told = {note.name for note in (tmp_path / "notes" / "workers").iterdir()}
    assert told >= {"worker-1 ComputeTask", "worker-2 ComputeTask"}, told
    assert picture(lake) == picture(here)


def rows_in(rows: pl.LazyFrame, portions: Iterable[AffectedRange]) -> int:
    """How many of these rows the portions are about."""
    return sum(portion.of(rows, "event_ts").collect().height for portion in portions)


@pytest.mark.spark
def test_engines_take_turns_on_the_same_tables(lake: Lake, spark: Engine, tmp_path: Path) -> None:
    """Here, on Spark, in the pool and here again: what a home has that was here all along."""
    there = beside(tmp_path)
    engines = {"here": LocalEngine(), "spark": spark, "pool": PoolEngine(2)}

    def do(contents: dict[str, bytes], reads: str, computes: str) -> None:
        for one, reading, computing in ((lake, reads, computes), (there, "here", "here")):
            drop(one, **contents)
            take_in(replace(one, engine=engines[reading]))
            for view in VIEWS:
                materialize(replace(one, engine=engines[computing]), view)

    do(FIRST | {"bad": csv("bad", range(30), value=3, bad=2)}, "here", "spark")
    edited = tmp_path / "bad.csv"
    edited.write_bytes(csv("bad", range(32), value=4))
    for one in (lake, there):
        bad = files(one).filter(pl.col("uri").str.ends_with("bad.csv"))["file_id"].item()
        correct(one, READINGS, bad, edited)
    do({}, "pool", "pool")
    assert rows_of(lake, READINGS.table).filter(sensor="bad")["value"].unique().to_list() == [4.0]
    do(SECOND, "spark", "pool")
    do({"last": csv("s", range(3, 200), value=9)}, "here", "here")
    assert picture(lake, ["settled_at"]) == picture(there, ["settled_at"])
