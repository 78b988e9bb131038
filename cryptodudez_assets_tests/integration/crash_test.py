"""A process dies, another goes on: all tables are as if nothing had happened."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import csv, open_lake, picture, take_in, zipped
from cryptodudez_assets_tests.forms import FORMS

pytestmark = pytest.mark.long

Drop = Callable[[str, str, bytes], Path]


class Died(Exception):
    """The process is gone."""


class MortalLakehouse(IcebergTables):
    """Dies at its n-th step: a step is everything before a commit, or the commit."""

    def __init__(self, settings: Settings, steps: int) -> None:
        super().__init__(settings)
        self.steps = steps

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator[TableTransaction]:
        with super().changing(spec) as change:
            yield change
            self._step()
        self._step()

    @contextmanager
    def rearranging(self, name: str) -> Iterator[TableTransaction]:
        with super().rearranging(name) as change:
            yield change
            self._step()
        self._step()

    def _step(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise Died


def first_landing(drop: Drop, form: str) -> None:
    drop("readings", "a.csv", csv("s", range(20), value=1, bad=1, form=form))


def second_landing(drop: Drop, form: str) -> None:
    drop(
        "readings", "b.csv", csv("s", range(10, 30), value=2, bad=2, form=form)
    )  # displaces half of a.csv, in two partitions
    drop("readings", "c.csv", csv("s", range(5), value=3, bad=1, form=form))  # loses against a.csv
    drop("readings", "d.csv", b"what,is,this\n1,2,3\n")
    drop("readings", "e.csv", csv("s", [1], bad=9, form=form))  # the circuit breaker
    drop("readings", "f.zip", zipped(x=csv("x", range(5), form=form), y=csv("s", [29], value=4, bad=1, form=form)))
    drop("readings", "g.csv", csv("s", range(5), value=3, bad=1, form=form))  # the bytes of c.csv


def third_landing(drop: Drop, form: str) -> None:
    drop(
        "readings", "aa.csv", csv("s", range(15, 40), value=5, bad=1, form=form)
    )  # sorts before the others and displaces them


def nothing(drop: Drop, form: str) -> None:
    pass


@pytest.mark.parametrize(("meanwhile", "form"), [(nothing, "csv"), *((third_landing, form) for form in FORMS)])
def test_after_death_at_any_step_another_run_ends_in_the_same_tables(
    lake: Lake, drop: Drop, meanwhile: Callable[[Drop, str], None], form: str
) -> None:
    home, backup = lake.settings.home, lake.settings.home.with_name("backup")
    first_landing(drop, form)
    take_in(lake)
    second_landing(drop, form)
    shutil.copytree(home, backup)
    meanwhile(drop, form)
    take_in(lake)
    expected = picture(lake)
    step, died = 0, True
    while died:
        shutil.rmtree(home)
        shutil.copytree(backup, home)
        step += 1
        died = dies_at(step, lake.settings)
        meanwhile(drop, form)
        after = open_lake(lake.settings)
        take_in(after)
        assert picture(after) == expected, f"after death at step {step}"
    assert step > 15


def dies_at(step: int, settings: Settings) -> bool:
    mortal = replace(open_lake(settings), tables=MortalLakehouse(settings, step))
    try:
        take_in(mortal)
    except Died:
        return True
    return False


def test_killed_at_random_moments_again_and_again_it_ends_in_the_same_tables(
    lake: Lake, drop: Drop, tmp_path: Path
) -> None:
    random = Random(7)
    contents = {}
    for number in range(60):
        start = random.randrange(200)
        contents[f"{random.randrange(1000):03}-{number}.csv"] = csv(
            f"s{number % 3}", range(start, start + random.randrange(1, 40)), value=1 + number, bad=random.randrange(3)
        )
    for name, content in contents.items():
        drop("readings", name, content)
    killed = 0
    process = worker.start(lake.settings, worker.take_in_by_steps)
    for _ in range(16):
        following = worker.start(lake.settings, worker.take_in_by_steps)  # loads while the other works
        process.go()
        if not process.ends_within(random.uniform(0.02, 0.5)):
            process.kill()
            killed += 1
        process = following
    process.go()
    assert process.ends_within()
    assert process.process.exitcode == 0
    calm = open_lake(Settings(home=tmp_path / "calm", settle_seconds=0))
    for name, content in contents.items():
        path = Path(calm.settings.lake) / "raw" / "readings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    take_in(calm)
    assert killed >= 8
    assert picture(lake) == picture(calm)
