"""A process dies, another goes on: all tables are as if nothing had happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import csv, open_lake, picture, put, take_in, zipped
from cryptodudez_assets_tests.forms import FORMS
from cryptodudez_assets_tests.stores import STORES, Store

STEPS = 15
"""The work has at least so many."""


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


def first_landing(lake: Lake, form: str) -> None:
    put(lake, "a.csv", csv("s", range(20), value=1, bad=1, form=form))


def second_landing(lake: Lake, form: str) -> None:
    put(lake, "b.csv", csv("s", range(10, 30), value=2, bad=2, form=form))  # displaces half of a.csv, in two partitions
    put(lake, "c.csv", csv("s", range(5), value=3, bad=1, form=form))  # loses against a.csv
    put(lake, "d.csv", b"what,is,this\n1,2,3\n")
    put(lake, "e.csv", csv("s", [1], bad=9, form=form))  # the circuit breaker
    put(lake, "f.zip", zipped(x=csv("x", range(5), form=form), y=csv("s", [29], value=4, bad=1, form=form)))
    put(lake, "g.csv", csv("s", range(5), value=3, bad=1, form=form))  # the bytes of c.csv


def third_landing(lake: Lake, form: str) -> None:
    put(
        lake, "aa.csv", csv("s", range(15, 40), value=5, bad=1, form=form)
    )  # sorts before the others and displaces them


def nothing(lake: Lake, form: str) -> None:
    pass


@dataclass
class Deaths:
    """Lakes on a store, each of which dies at a step of the same work; meanwhile more may land."""

    store: Store
    folder: Path
    meanwhile: Callable[[Lake, str], None] = nothing
    form: str = "csv"

    def __post_init__(self) -> None:
        lake = self._begun("calm")
        self.meanwhile(lake, self.form)
        take_in(lake)
        self.expected = picture(lake)

    def come_at(self, step: int) -> bool:
        """Die at this step, and have another go on; whether there was such a step."""
        lake = self._begun(str(step))
        died = dies_at(step, lake.settings)
        self.meanwhile(lake, self.form)
        after = open_lake(lake.settings)
        take_in(after)
        assert picture(after) == self.expected, f"after death at step {step}"
        return died

    def _begun(self, name: str) -> Lake:
        lake = open_lake(self.store.settings(self.folder / name))
        first_landing(lake, self.form)
        take_in(lake)
        second_landing(lake, self.form)
        return lake


@pytest.mark.long
@pytest.mark.parametrize(("meanwhile", "form"), [(nothing, "csv"), *((third_landing, form) for form in FORMS)])
def test_after_death_at_any_step_another_run_ends_in_the_same_tables(
    tmp_path: Path, meanwhile: Callable[[Lake, str], None], form: str
) -> None:
    deaths = Deaths(Store(), tmp_path, meanwhile, form)
    assert next(step for step in count(1) if not deaths.come_at(step)) > STEPS


@pytest.mark.every_store
@pytest.mark.long
def test_so_it_does_on_each_store(store: Store, tmp_path: Path) -> None:
    """Every other step, so that two of the stores have all of them together: a step takes long there."""
    deaths = Deaths(store, tmp_path)
    assert next(step for step in count(1 + STORES.index(store.name) % 2, 2) if not deaths.come_at(step)) > STEPS


@pytest.mark.core
def test_so_it_does_at_two_steps_of_each_store(store: Store, tmp_path: Path) -> None:
    """Other steps on each; `make test-stores` has more."""
    deaths = Deaths(store, tmp_path)
    for step in range(1 + STORES.index(store.name), STEPS, STEPS // 2):
        assert deaths.come_at(step)


def dies_at(step: int, settings: Settings) -> bool:
    mortal = replace(open_lake(settings), tables=MortalLakehouse(settings, step))
    try:
        take_in(mortal)
    except Died:
        return True
    return False


@pytest.mark.long
def test_killed_at_random_moments_again_and_again_it_ends_in_the_same_tables(store: Store, tmp_path: Path) -> None:
    lake, calm = (open_lake(where.settings(tmp_path / name)) for where, name in ((store, "killed"), (Store(), "calm")))
    random = Random(7)
    contents = {}
    # In a bucket each step takes seconds, so that fewer of them, killed later, have as many moments to die in.
    n_files, longest = (60, 0.5) if store.is_folder else (20, 2.0)
    for number in range(n_files):
        start = random.randrange(200)
        contents[f"{random.randrange(1000):03}-{number}.csv"] = csv(
            f"s{number % 3}", range(start, start + random.randrange(1, 40)), value=1 + number, bad=random.randrange(3)
        )
    for name, content in contents.items():
        put(lake, name, content)
        put(calm, name, content)
    killed = 0
    process = worker.start(lake.settings, worker.take_in_by_steps)
    for _ in range(16):
        following = worker.start(lake.settings, worker.take_in_by_steps)  # loads while the other works
        process.go()
        if not process.ends_within(random.uniform(0.02, longest)):
            process.kill()
            killed += 1
        process = following
    process.go()
    assert process.ends_within(10 * worker.PATIENCE_SECONDS)
    assert process.process.exitcode == 0
    take_in(calm)
    assert killed >= 8
    assert picture(lake) == picture(calm)
