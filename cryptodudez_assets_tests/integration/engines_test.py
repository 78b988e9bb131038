"""Wherever tasks are run, and however the work is divided: the same tables, quarantine and counts."""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.engines import Done, Engine, Say, Task
from cryptodudez_assets.engines.local import LocalEngine, NotPortable
from cryptodudez_assets.lake.ingest import cataloguing
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import Lookup, all_sources
from cryptodudez_assets_tests.builders import InParts, open_lake, picture, rows_of, take_in


class Elsewhere(InParts):
    """Tasks in spawned processes, each with nothing but its arguments."""

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        self.tasks += tasks
        yield from LocalEngine(2, processes=True).run(function, tasks, say)


def landed(samples: Path, home: Path, engine: Engine) -> Lake:
    """A lake with samples of all sources, taken in by this engine."""
    lake = replace(open_lake(Settings(home=home, settle_seconds=0)), engine=engine)
    for name, source in all_sources().items():
        if not source.shares_raw_with:
            list(land(lake, name, sorted((samples / name).iterdir())))
    for source in all_sources().values():
        take_in(lake, source)
    return lake


@pytest.mark.slow
def test_every_source_is_read_in_other_processes_as_in_this_one(
    tiny_samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cataloguing, "now", lambda: datetime(2022, 1, 1, tzinfo=UTC))  # some rows are dated by it
    engine = Elsewhere(3)
    here, there = landed(tiny_samples, tmp_path / "a", LocalEngine()), landed(tiny_samples, tmp_path / "b", engine)
    assert picture(there) == picture(here)
    read = {task.source.name for task in engine.tasks}
    assert read == set(all_sources())
    assert len(engine.tasks) > len(read)  # or nothing was divided


@pytest.mark.slow
def test_every_derived_table_is_computed_in_other_processes_as_in_this_one(tiny_samples: Path, tmp_path: Path) -> None:
    here = landed(tiny_samples, tmp_path / "home", LocalEngine())
    engine = Elsewhere(3)
    there = replace(here, engine=engine)
    for table in topological(all_derived().values()):
        materialize(here, table)
        computed = {stored.name: rows_of(here, stored.name) for stored in table.stored}
        materialize(there, table, full=True)
        for name, rows in computed.items():
            assert_frame_equal(rows_of(there, name), rows, check_row_order=False)
    told = {task.table.table for task in engine.tasks}
    assert told == set(all_derived())


def test_a_task_holds_no_secret(tmp_path: Path, tiny_samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CRYPTODUDEZ_API_KEY", "CRYPTODUDEZ_KAGGLE_KEY", "CRYPTODUDEZ_KAGGLE_USERNAME"):
        monkeypatch.setenv(name, "s3same-s3same-s3same-s3same-s3same")
    engine = Elsewhere(1)
    lake = replace(open_lake(Settings(home=tmp_path, settle_seconds=0)), engine=engine)
    list(land(lake, "crypto_prices", sorted((tiny_samples / "crypto_prices").iterdir())[:1]))
    take_in(lake, all_sources()["crypto_prices"])
    assert engine.tasks
    assert b"s3same" not in pickle.dumps(engine.tasks)


def pid(_: int, say: Say) -> int:
    """Which process this is."""
    say("here")
    return os.getpid()


def test_threads_are_of_this_process_and_processes_are_not() -> None:
    said: list[str] = []
    assert set(LocalEngine(2).run(pid, [1, 2, 3], said.append)) == {os.getpid()}
    assert said.count("here") == 3
    assert os.getpid() not in set(LocalEngine(1, processes=True).run(pid, [1, 2], said.append))


def test_what_is_declared_is_handed_over_by_its_name_and_what_is_not_as_it_is() -> None:
    for source in all_sources().values():
        assert pickle.loads(pickle.dumps(source)) is source  # noqa: S301  (our own)
    other = replace(all_sources()["crypto_prices"], breaker_floor=1)
    assert pickle.loads(pickle.dumps(other)).breaker_floor == 1  # noqa: S301


def test_what_cannot_be_handed_over_is_said() -> None:
    other = replace(all_sources()["crypto_prices"], lookup=Lookup("a", "b", "c", lambda rows: rows))
    with pytest.raises(NotPortable, match="top of a module"):
        list(LocalEngine(1, processes=True).run(pid, [other], lambda _: None))  # type: ignore[list-item]
