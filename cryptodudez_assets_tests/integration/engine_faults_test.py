"""Processes that do tasks are killed, and those that planned them: the tables are what they would have been, and nothing is there twice."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from pyiceberg.table import Table

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.engines import Done, Engine, Say, Task
from cryptodudez_assets.engines.pool import PoolEngine, WorkerDied
from cryptodudez_assets.engines.ray import RayFailed
from cryptodudez_assets.engines.spark import SparkFailed
from cryptodudez_assets.lake.iceberg.scan import planned_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.upkeep.maintenance import remove_orphans
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, files, open_lake, picture, rows_of, take_in
from cryptodudez_assets_tests.spark_cluster import PATIENCE_SECONDS, driven
from cryptodudez_assets_tests.wrapped_engines import Wrapped

WHEN = ["before it wrote", "after it wrote"]
STARTED_BY = "STARTED_BY"


@dataclass(frozen=True)
class KilledOnce:
    """Does what a function does, but the first process that tries is killed."""

    function: Callable[[Any, Say], Any]
    killed: Path
    when: str

    def __call__(self, task: object, say: Say) -> Any:
        try:
            self.killed.touch(exist_ok=False)
        except FileExistsError:
            return self.function(task, say)
        if self.when == "after it wrote":
            self.function(task, say)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still there")


@dataclass
class Fatal(Wrapped):
    """An engine whose first task ends the process that does it."""

    killed: Path
    when: str

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        yield from self.engine.run(KilledOnce(function, self.killed, self.when), tasks, say)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Readings that are not read yet: repeated among files, and some of them bad."""
    folder = Path(lake.settings.lake) / "raw" / READINGS.name
    folder.mkdir(parents=True)
    for number in range(4):
        text = csv("s", range(5 * number, 5 * number + 20), value=1 + number, bad=1)
        (folder / f"{number}.csv").write_bytes(text)
    return lake


@pytest.fixture
def expected(tmp_path: Path, filled: Lake) -> dict[str, Any]:
    """What the tables are where nothing happens."""
    home = tmp_path / "undisturbed"
    undisturbed = open_lake(Settings(home=home, settle_seconds=0))
    folder = Path(undisturbed.settings.lake) / "raw" / READINGS.name
    folder.mkdir(parents=True)
    for path in (Path(filled.settings.lake) / "raw" / READINGS.name).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    take_in(undisturbed)
    return picture(undisturbed)


def readings(lake: Lake) -> Table:
    found = lake.tables.table(READINGS.table)
    assert found is not None
    return found


def data_files(lake: Lake) -> set[str]:
    return {str(path) for path in Path(lake.settings.lake).rglob(f"{READINGS.name}/**/*.parquet")}


@pytest.mark.parametrize("when", WHEN)
def test_a_process_of_the_pool_is_killed(filled: Lake, expected: dict[str, Any], tmp_path: Path, when: str) -> None:
    pool = PoolEngine(2)
    with pytest.raises(WorkerDied, match="run it again"):
        take_in(replace(filled, engine=Fatal(pool, tmp_path / "killed", when)))
    assert READINGS.table not in picture(filled)
    take_in(replace(filled, engine=pool))
    assert picture(filled) == expected


@pytest.mark.spark
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("name", ["spark", "ray"])
def test_the_task_of_a_killed_process_is_done_again(
    filled: Lake, expected: dict[str, Any], tmp_path: Path, when: str, name: str, request: pytest.FixtureRequest
) -> None:
    take_in(replace(filled, engine=Fatal(request.getfixturevalue(name), tmp_path / "killed", when)))
    assert (tmp_path / "killed").exists()
    assert picture(filled) == expected


@dataclass
class Twice(Wrapped):
    """An engine that has each task done twice at once, as where Spark takes one for slow; what is done first counts."""

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        both = [task for task in tasks for _ in range(2)]
        yield from list(self.engine.run(function, both, say))[::2]


def test_what_is_done_twice_at_once_is_there_once(filled: Lake, expected: dict[str, Any], elsewhere: Engine) -> None:
    take_in(replace(filled, engine=Twice(elsewhere)))
    assert picture(filled) == expected
    assert len(data_files(filled)) > len(planned_files(readings(filled)))  # or nothing was done twice


@dataclass
class Overwritten(Wrapped):
    """An engine that begins when somebody has just overwritten a file which was planned to be read."""

    path: Path

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        self.path.write_bytes(csv("s", range(100, 130), value=9))
        yield from self.engine.run(function, tasks, say)


def test_of_a_file_that_is_overwritten_before_a_task_reads_it_only_what_it_is_now_counts(
    filled: Lake, elsewhere: Engine
) -> None:
    path = Path(filled.settings.lake) / "raw" / READINGS.name / "1.csv"
    take_in(replace(filled, engine=Overwritten(elsewhere, path)))
    take_in(filled)
    values = rows_of(filled, READINGS.table)["value"].to_list()
    assert (values.count(2.0), values.count(9.0)) == (0, 30)
    assert unbalanced_files(filled, READINGS).is_empty()


def always_killed(number: int, say: Say) -> int:
    """A task that ends each process which tries it; others are fine."""
    if not number:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.spark
def test_spark_gives_up_in_words_and_goes_on_with_other_tasks(spark: Engine) -> None:
    with pytest.raises(SparkFailed, match=r"Spark gave up: .*failed 4 times.*Python worker exited unexpectedly"):
        list(spark.run(always_killed, [1, 0], lambda _: None))
    assert list(spark.run(always_killed, [1, 2], lambda _: None)) == [1, 2]


@pytest.mark.spark
def test_ray_gives_up_in_words_and_goes_on_with_other_tasks(ray: Engine) -> None:
    with pytest.raises(RayFailed, match=r"Ray gave up: .*died unexpectedly"):
        list(ray.run(always_killed, [1, 0], lambda _: None))
    assert list(ray.run(always_killed, [1, 2], lambda _: None)) == [1, 2]


DRIVER = """
import sys
from dataclasses import replace
from pathlib import Path
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.engines.ray import RayEngine
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake, take_in
from cryptodudez_assets_tests.integration.conftest import spark_engine
from cryptodudez_assets_tests.integration.engine_faults_test import DiesBeforeItCommits
from cryptodudez_assets_tests.spark_cluster import engine_of_driver

ENGINES = {
    "local": LocalEngine,
    "pool": lambda: PoolEngine(2),
    "spark": spark_engine,
    "cluster": engine_of_driver,
    "ray": lambda: RayEngine(""),
}

if __name__ == "__main__":
    home, name, becomes = sys.argv[1:]
    lake, engine = open_lake(Settings(home=Path(home), settle_seconds=0)), ENGINES[name]()
    take_in(replace(lake, engine=DiesBeforeItCommits(engine) if becomes == "killed" else engine))
"""


@dataclass
class DiesBeforeItCommits(Wrapped):
    """An engine of a process that is killed when all its tasks are done."""

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """Nothing that anybody could commit."""
        assert list(self.engine.run(function, tasks, say))
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()


OF_FIXTURES = {"pool": None, "spark": "java", "cluster": "cluster", "ray": "has_ray"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "next_one"),
    [
        ("pool", "local"),
        pytest.param("spark", "local", marks=pytest.mark.spark),
        pytest.param("cluster", "cluster", marks=pytest.mark.spark),
        pytest.param("ray", "local", marks=pytest.mark.spark),
    ],
)
def test_who_planned_is_killed_before_the_commit_and_the_next_one_does_the_claim_again(
    filled: Lake, expected: dict[str, Any], tmp_path: Path, name: str, next_one: str, request: pytest.FixtureRequest
) -> None:
    needed = OF_FIXTURES[name]
    master = (request.getfixturevalue(needed) if needed else None) or ""
    script = tmp_path / "driver.py"  # a module that spawned processes can import
    script.write_text(DRIVER)

    def drive(engine: str, becomes: str) -> tuple[int, str]:
        return driven(master, script, filled.settings.home, engine, becomes, STARTED_BY=str(tmp_path))

    code, said = drive(name, "killed")
    assert code == -signal.SIGKILL, said
    assert READINGS.table not in picture(filled)
    assert files(filled)["status"].unique().to_list() == [Status.CLAIMED]
    written = data_files(filled)
    assert written  # and belong to nothing
    code, said = drive(next_one, "done")
    assert code == 0, said
    assert picture(filled) == expected
    assert unbalanced_files(filled, READINGS).is_empty()
    assert written < data_files(filled)  # which is left to upkeep
    removed = remove_orphans(filled, READINGS.table, grace=timedelta(0))
    assert data_files(filled).isdisjoint(written)
    assert removed.files >= len(written)
    assert picture(filled) == expected
    _, alive = psutil.wait_procs(started_by(tmp_path), timeout=PATIENCE_SECONDS)
    assert not alive  # whoever is left ends by itself


def started_by(test: Path) -> list[psutil.Process]:
    """Processes of a test that are still there."""
    found = psutil.process_iter(["environ"])
    return [one for one in found if (one.info["environ"] or {}).get(STARTED_BY) == str(test)]
