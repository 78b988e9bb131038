"""Wherever tasks are run, and however the work is divided: the same tables, quarantine and counts, of everything that is declared.

Those on Spark are marked `spark` (`make test-spark`). How engines fail is in `engine_faults_test.py`.
"""

import os
import pickle
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.upkeep import tasks as computing
from cryptodudez_assets.derived.upkeep.dividing import told_of_division
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.engines import Engine, Say
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.portable import NotPortable
from cryptodudez_assets.lake.ingest import cataloguing
from cryptodudez_assets.lake.ingest import tasks as reading
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import Lookup, all_sources
from cryptodudez_assets_tests.builders import (
    InParts,
    compute_few_rows_at_a_time,
    open_lake,
    picture,
    rows_of,
    take_in,
)
from cryptodudez_assets_tests.wrapped_engines import Watched


class DoneHere(AssertionError):
    """A task was done in the process that planned it."""


@pytest.fixture
def only_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads files and computes rows fails in this process, and in no other."""

    def here(*_: object, **__: object) -> None:
        raise DoneHere

    monkeypatch.setattr(reading, "read_files", here)
    monkeypatch.setattr(computing, "compute", here)
    monkeypatch.setattr(computing, "compute_in_order", here)


def landed(samples: Path, home: Path, engine: Engine) -> Lake:
    """A lake with samples of all sources, taken in by this engine."""
    lake = replace(open_lake(Settings(home=home, settle_seconds=0)), engine=engine)
    for name, source in all_sources().items():
        if not source.shares_raw_with:
            list(land(lake, name, sorted((samples / name).iterdir())))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cataloguing, "now", lambda: datetime(2022, 1, 1, tzinfo=UTC))  # some rows are dated by it
        for source in all_sources().values():
            take_in(lake, source)
    return lake


@pytest.fixture(scope="module")
def here(tiny_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Everything that is declared, by the local engine."""
    lake = landed(tiny_samples, tmp_path_factory.mktemp("here"), LocalEngine())
    for table in topological(all_derived().values()):
        materialize(lake, table)
    return lake


@pytest.mark.slow
def test_every_source_is_read_elsewhere_as_here(
    here: Lake, watched: Watched, tiny_samples: Path, tmp_path: Path, only_elsewhere: None
) -> None:
    told = picture(landed(tiny_samples, tmp_path / "home", watched))
    of_sources = {name: rows for name, rows in picture(here).items() if name in told}
    assert told == of_sources
    assert {"quarantine.rows", "catalog.files", *(source.table for source in all_sources().values())} <= set(told)
    read = watched.of(reading.ReadTask)
    assert {task.source.name for task in read} == set(all_sources())
    assert len(read) > len(all_sources())  # or nothing was divided
    assert watched.processes
    assert os.getpid() not in watched.processes


@pytest.mark.slow
def test_every_derived_table_is_computed_elsewhere_as_here(here: Lake, watched: Watched, only_elsewhere: None) -> None:
    there = replace(here, engine=watched)
    for table in topological(all_derived().values()):
        computed = {stored.name: rows_of(here, stored.name) for stored in table.stored}
        materialize(there, table, full=True)
        for name, rows in computed.items():
            assert_frame_equal(rows_of(there, name), rows, check_row_order=False)
    assert {task.table.table for task in watched.tasks} == set(all_derived())
    assert watched.processes
    assert os.getpid() not in watched.processes


@pytest.mark.slow
def test_every_derived_table_is_the_same_however_it_is_divided(here: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    divided, divisible = set(), set()
    for table in topological(all_derived().values()):
        computed = {stored.name: rows_of(here, stored.name) for stored in table.stored}
        most = max(rows_of(here, one.table).height for one in table.inputs if here.tables.table(one.table))
        looks_at_few = table.is_cut_by_time and not table.accumulates
        compute_few_rows_at_a_time(monkeypatch, max(1, most // (7 if looks_at_few else 50)))
        done = materialize(replace(here, engine=InParts(100)), table, full=True)
        for name, rows in computed.items():
            assert_frame_equal(rows_of(here, name), rows, check_row_order=False, check_exact=True)
        if done.tasks > 1:
            divided.add(table.table)
        if told_of_division(table).startswith("by "):
            divisible.add(table.table)
    assert divided == divisible


def test_what_is_done_here_is_noticed(lake: Lake, tiny_samples: Path, only_elsewhere: None) -> None:
    list(land(lake, "crypto_prices", sorted((tiny_samples / "crypto_prices").iterdir())[:1]))
    with pytest.raises(DoneHere):
        take_in(lake, all_sources()["crypto_prices"])


def test_a_task_holds_no_secret(tmp_path: Path, tiny_samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRYPTODUDEZ_API_KEY", "CRYPTODUDEZ_KAGGLE_KEY", "CRYPTODUDEZ_KAGGLE_USERNAME"):
        monkeypatch.setenv(name, "s3same-s3same-s3same-s3same-s3same")
    engine = Watched(LocalEngine(), tmp_path)
    lake = replace(open_lake(Settings(home=tmp_path / "home", settle_seconds=0)), engine=engine)
    list(land(lake, "crypto_prices", sorted((tiny_samples / "crypto_prices").iterdir())[:1]))
    take_in(lake, all_sources()["crypto_prices"])
    assert engine.tasks
    assert b"s3same" not in pickle.dumps(engine.tasks)


def pid(_: object, say: Say) -> int:
    """Which process this is."""
    say("here")
    return os.getpid()


def test_threads_are_of_this_process() -> None:
    said: list[str] = []
    assert set(LocalEngine(2).run(pid, [1, 2, 3], said.append)) == {os.getpid()}
    assert said.count("here") == 3


def twice(number: int, say: Say) -> int:
    """Twice as much; of nothing there is none."""
    if not number:
        raise Nothing(number)
    return 2 * number


class Nothing(LookupError):
    """An error of our own."""


def test_results_come_in_the_order_of_tasks_with_words_of_progress(elsewhere: Engine) -> None:
    assert os.getpid() not in set(elsewhere.run(pid, [1, 2], lambda _: None))
    assert list(elsewhere.run(twice, range(1, 20), lambda _: None)) == [2 * number for number in range(1, 20)]
    assert list(elsewhere.run(twice, [], lambda _: None)) == []


def test_what_a_task_raises_is_raised_as_it_is(elsewhere: Engine) -> None:
    with pytest.raises(Nothing, match="0"):
        list(elsewhere.run(twice, [1, 0, 2], lambda _: None))
    assert list(elsewhere.run(twice, [1], lambda _: None)) == [2]


@dataclass(frozen=True)
class Slow:
    """Takes a while, and leaves a note that it was begun."""

    folder: Path

    def __call__(self, number: int, say: Say) -> int:
        (self.folder / str(number)).touch()
        if number:
            time.sleep(0.5)
        return twice(number, say)


def test_what_a_task_raises_is_raised_before_all_others_are_done(elsewhere: Engine, tmp_path: Path) -> None:
    with pytest.raises(Nothing, match="0"):
        list(elsewhere.run(Slow(tmp_path), range(60), lambda _: None))
    assert len(list(tmp_path.iterdir())) < 60
    assert list(elsewhere.run(twice, [1], lambda _: None)) == [2]


def test_what_cannot_be_handed_over_is_said(elsewhere: Engine) -> None:
    other = replace(all_sources()["crypto_prices"], lookup=Lookup("a", "b", "c", lambda rows: rows))
    with pytest.raises(NotPortable, match="top of a module"):
        list(elsewhere.run(pid, [other], lambda _: None))


def test_what_is_declared_is_handed_over_by_its_name_and_what_is_not_as_it_is() -> None:
    for source in all_sources().values():
        assert pickle.loads(pickle.dumps(source)) is source  # noqa: S301  (our own)
    other = replace(all_sources()["crypto_prices"], breaker_floor=1)
    assert pickle.loads(pickle.dumps(other)).breaker_floor == 1  # noqa: S301
