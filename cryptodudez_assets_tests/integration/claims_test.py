"""Batches of one source that are read at the same time: nothing is ingested twice, whoever is faster, is paused or dies."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copytree, rmtree

import pandera.polars as pa
import polars as pl
import psutil
import psycopg
import pytest
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import Ingested, ingest
from cryptodudez_assets.lake.ingest.tasks import ReadTask
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.store import waiting
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.upkeep.rebuild import rebuild_source
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import BY_LANDING, Source
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import READINGS, csv, files, open_lake, picture, rows_of, take_in
from cryptodudez_assets_tests.integration.crash_test import Died, MortalLakehouse, first_landing, second_landing
from cryptodudez_assets_tests.integration.stock_market_test import candles, index
from cryptodudez_assets_tests.toy_graph import SENSOR_DAYS
from cryptodudez_assets_tests.wrapped_engines import Meanwhile

TABLES = [READINGS.table, READINGS.observations or ""]
IN_A_ROW = 3
"""So often it does not come to a death: once may be since the other was so fast that nothing was left to do."""
MARKET, SYMBOLS = all_sources()["stock_market"], all_sources()["stock_symbols"]


def catalogued(lake: Lake, source: Source = READINGS) -> None:
    catalogue_objects(lake, source, discover_all(lake, source.name))


def ingest_while(
    lake: Lake, happens: Callable[[], object], source: Source = READINGS, said: Callable[[str], None] = lambda _: None
) -> Ingested:
    """Ingest what is pending, as the run `first`; something happens when its files are read, and nothing of them is committed."""
    return ingest(replace(lake, engine=Meanwhile(lake.engine, ReadTask, happens)), source, "first", said)


def put(lake: Lake, name: str, content: bytes, source: Source = READINGS) -> None:
    path = Path(lake.settings.lake) / "raw" / source.name / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def alone(tmp_path: Path, *landings: tuple[str, bytes]) -> dict[str, list[tuple[object, ...]]]:
    """What one holds who takes these in, one after the other."""
    calm = open_lake(Settings(home=tmp_path / "calm", settle_seconds=0))
    for name, content in landings:
        put(calm, name, content)
        take_in(calm)
    return picture(calm)


@pytest.mark.parametrize("hours", [range(100, 130), range(10, 30), range(12)], ids=["disjoint", "newer", "older"])
def test_two_at_once_leave_what_one_after_the_other_would(lake: Lake, tmp_path: Path, hours: range) -> None:
    before = "0.csv", csv("s", range(5, 15), value=1, bad=1)
    first = "a.csv", csv("s", [*range(20), 3], value=2, bad=2)
    second = "b.csv", csv("s", [*hours, 11], value=3, bad=1)
    put(lake, *before)
    take_in(lake)
    put(lake, *first)
    catalogued(lake)

    def meanwhile() -> None:
        put(lake, *second)
        take_in(open_lake(lake.settings))
        assert rows_of(lake, "catalog.files").filter(status=Status.CLAIMED).height == 1
        assert rows_of(lake, READINGS.table).filter(value=3).height > 0

    done = ingest_while(lake, meanwhile)
    assert (done.files, done.read) == (1, 23)
    assert picture(lake) == alone(tmp_path, before, first, second)
    assert unbalanced_files(lake, READINGS).is_empty()


def test_whoever_comes_leaves_files_that_are_being_ingested_with_a_word(lake: Lake) -> None:
    put(lake, "a.csv", csv("s", range(20)))
    catalogued(lake)
    said: list[str] = []

    def meanwhile() -> None:
        done = ingest(open_lake(lake.settings), READINGS, "second", said.append)
        assert (done.batches, done.files) == (0, 0)

    ingest_while(lake, meanwhile)
    assert len(said) == 1
    assert said[0].startswith("readings: batch ")
    assert said[0].endswith(", 1 files, is being ingested by run first")
    assert files(lake)["status"].to_list() == [Status.LOADED]
    assert files(lake)["run_id"].to_list() == ["first"]


def test_bytes_that_land_again_wait_for_the_end_of_who_reads_them(lake: Lake, tmp_path: Path) -> None:
    versions = [csv("s", range(10), value=value, bad=1) for value in (1, 2, 1)]
    landings = [(f"2021-01-0{day}/a.csv", content) for day, content in enumerate(versions, 1)]
    put(lake, *landings[0])
    catalogued(lake)

    def meanwhile() -> None:
        for landing in landings[1:]:
            put(lake, *landing)
            take_in(open_lake(lake.settings))

    ingest_while(lake, meanwhile)
    take_in(lake)
    assert rows_of(lake, READINGS.table).height == 10
    assert rows_of(lake, TABLES[1]).height == 20
    assert unbalanced_files(lake, READINGS).is_empty()
    told = picture(lake)
    calm = alone(tmp_path, *landings)
    assert {name: told[name] for name in TABLES} == {name: calm[name] for name in TABLES}
    assert files(lake)["status"].to_list() == [Status.DUPLICATE, Status.LOADED, Status.LOADED]


class Reordered(TableContract):
    """The columns of readings, in another order."""

    value: float = pa.Field(description="What it read.", gt=0)
    sensor: str = pa.Field(description="Name of the sensor.")


def test_a_table_that_is_made_again_meanwhile_gets_files_of_its_own_columns(lake: Lake) -> None:
    source, said = replace(READINGS, newest_by=BY_LANDING), list[str]()
    put(lake, "a.csv", csv("s", range(10)))
    take_in(lake, source)
    source = replace(source, contract=Reordered)
    before = lake.tables.load(READINGS.table).schema()
    put(lake, "b.csv", csv("t", range(10), value=2))
    catalogued(lake, source)
    ingest_while(lake, lambda: rebuild_source(open_lake(lake.settings), source), source, said.append)
    assert lake.tables.load(READINGS.table).schema() != before
    for sensor, value in (("s", 1.0), ("t", 2.0)):  # bounds of files tell of columns by number
        found = lake.tables.scan(READINGS.table, EqualTo("sensor", sensor))
        assert found is not None
        assert found.filter(sensor=sensor).collect()["value"].to_list() == 10 * [value]
    assert "was made again meanwhile" in "\n".join(said)


def test_rows_filled_from_what_another_table_told_before_are_brought_up_to_date(lake: Lake) -> None:
    def land(name: str, text: str) -> None:
        put(lake, name, text.encode(), MARKET)

    def take_in_all() -> None:
        for source in (SYMBOLS, MARKET):
            take_in(open_lake(lake.settings), source)

    land("symbols_valid_meta.csv", index(ON="Onsemi", NAN="Nuveen"))
    land("stocks/ON.csv", candles(3))
    take_in_all()
    land("stocks/NAN.csv", candles(3, 20))
    catalogued(lake, MARKET)

    def meanwhile() -> None:
        land("symbols_valid_meta.csv", index(ON="Onsemi", NAN="Another name"))
        take_in_all()

    ingest_while(lake, meanwhile, MARKET)
    told = rows_of(lake, MARKET.table).select("symbol", "security_name").unique().sort("symbol").rows()
    assert told == [("NAN", "Another name"), ("ON", "Onsemi")]


LONG: dict[str, Callable[[Lake], int]] = {
    "source.readings": lambda lake: ingest(lake, READINGS).files,
    f"writing.{SENSOR_DAYS.table}": lambda lake: materialize(lake, SENSOR_DAYS).rows,
}


@pytest.mark.parametrize("lock", LONG)
def test_a_source_or_a_derived_table_whose_lock_is_held_for_long_is_waited_for_all_the_same(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lock: str
) -> None:
    put(lake, "a.csv", csv("s", range(3)))
    take_in(lake)
    put(lake, "b.csv", csv("t", range(3)))
    catalogued(lake)
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "SAID_AGAIN_SECONDS", 0.3)
    monkeypatch.setattr("cryptodudez_assets.lake.store.locks.PATIENCE_SECONDS", 0.2)
    told = f"waiting for the lock {lock}, which run first (process {os.getpid()}) holds"
    with (
        worker.in_a_thread(lambda: LONG[lock](open_lake(lake.settings))) as begin,
        exclusive(lake.settings, lock, run_id="first"),
    ):
        waits = begin()
        while caplog.text.count(told) < 2 and not waits.done():
            time.sleep(0.01)
    assert waits.result() == 1


class Mortal(MortalLakehouse):
    """Kills its process at its n-th step."""

    def _step(self) -> None:
        try:
            super()._step()
        except Died:
            os.kill(os.getpid(), signal.SIGKILL)


def dies_at(step: int, lake: Lake) -> None:
    """The work of a process that is killed at its n-th step, if it has so many."""
    take_in(replace(lake, tables=Mortal(lake.settings, step)))


@pytest.mark.long
def test_after_death_at_any_step_of_two_at_once_the_tables_are_those_of_one(lake: Lake) -> None:
    home, backup = lake.settings.home, lake.settings.home.with_name("backup")
    first_landing(lake, "csv")
    take_in(lake)
    second_landing(lake, "csv")
    copytree(home, backup)
    take_in(lake)
    expected = picture(lake)
    step, deaths, survived = 0, 0, 0
    while survived < IN_A_ROW:
        rmtree(home)
        copytree(backup, home)
        step += 1
        processes = [worker.start(lake.settings, work) for work in (partial(dies_at, step), take_in)]
        for process in processes:
            process.go()
        assert all(process.ends_within() for process in processes)
        mortal, other = (process.process.exitcode for process in processes)
        assert other == 0
        is_dead = mortal == -signal.SIGKILL
        deaths, survived = deaths + is_dead, 0 if is_dead else survived + 1
        after = open_lake(lake.settings)
        take_in(after)
        assert picture(after) == expected, f"after death at step {step}"
        assert unbalanced_files(after, READINGS).is_empty()
    assert deaths


def test_death_at_any_step_beside_a_batch_that_is_being_read_is_made_good(lake: Lake, tmp_path: Path) -> None:
    """What the dead one committed, and did not count, gives way to what was read meanwhile."""
    home, backup = lake.settings.home, lake.settings.home.with_name("backup")
    before, dead, read = (
        ("0.csv", csv("s", range(5), bad=1)),
        ("dead.csv", csv("s", range(20), value=2, bad=2)),
        ("read.csv", csv("s", range(10, 30), value=3, bad=1)),
    )
    expected = alone(tmp_path, before, dead, read)
    put(lake, *before)
    take_in(lake)
    copytree(home, backup)
    step, deaths = 0, list[int]()

    def die() -> None:
        mortal = replace(open_lake(lake.settings), tables=MortalLakehouse(lake.settings, step))
        put(lake, *dead)
        with suppress(Died):
            take_in(mortal)
            return
        deaths.append(step)

    while len(deaths) == step:
        rmtree(home)
        copytree(backup, home)
        step += 1
        put(lake, *read)
        again = open_lake(lake.settings)
        catalogued(again)
        ingest_while(again, die)
        assert unbalanced_files(again, READINGS).is_empty()
        take_in(again)
        assert picture(again) == expected, f"after death at step {step}"
    assert step > 8


def stop() -> None:
    """Wait for somebody to wake this process."""
    os.kill(os.getpid(), signal.SIGSTOP)


def pauses(lake: Lake) -> None:
    """The work of a process that is paused between reading and the commit."""
    ingest_while(lake, stop)


def lose_locks(settings: Settings) -> None:
    """Take from whoever has it the lock of a batch, as a broken connection or a tidy person would."""
    if settings.catalog.startswith("sqlite"):
        (found,) = (settings.home / "locks").glob("batch.*.lock")
        found.unlink()
        return
    with psycopg.connect(settings.catalog.replace("+psycopg", ""), autocommit=True) as connection:
        theirs = "SELECT oid FROM pg_database WHERE datname = current_database()"
        held = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = ({theirs})"
        ended = connection.execute(f"SELECT count(pg_terminate_backend(pid)) FROM ({held}) held".encode()).fetchone()
        assert ended == (1,)
        while connection.execute(held.encode()).fetchone():
            time.sleep(0.01)


@pytest.mark.long
@pytest.mark.parametrize("catalog", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
@pytest.mark.parametrize("wakes", ["while another reads", "when another is done"])
def test_an_owner_who_is_paused_is_left_alone_and_gives_up_what_was_taken_over(
    request: pytest.FixtureRequest, tmp_path: Path, catalog: str, wakes: str
) -> None:
    database = request.getfixturevalue("database") if catalog == "postgresql" else ""
    lake = open_lake(Settings(home=tmp_path / "home", catalog=database, settle_seconds=0))
    before, first, late = (
        ("0.csv", csv("s", range(5), bad=1)),
        ("a.csv", csv("s", range(20), value=2, bad=2)),
        ("late.csv", csv("s", range(18, 30), value=3, bad=1)),
    )
    put(lake, *before)
    take_in(lake)
    put(lake, *first)
    catalogued(lake)
    paused = worker.start(lake.settings, pauses)
    process = psutil.Process(paused.process.pid)
    try:
        paused.go()
        while process.status() != psutil.STATUS_STOPPED:
            assert paused.process.is_alive()
            time.sleep(0.01)
        put(lake, *late)
        take_in(lake)
        by_name = dict(files(lake).select(pl.col("uri").str.split("/").list.last(), "status").iter_rows())
        assert by_name == {"0.csv": Status.LOADED, "a.csv": Status.CLAIMED, "late.csv": Status.LOADED}

        def wake() -> None:
            process.resume()
            assert paused.ends_within()
            assert rows_of(lake, READINGS.table).filter(value=2).is_empty() == (wakes == "while another reads")

        lose_locks(lake.settings)
        if wakes == "while another reads":
            ingest_while(lake, wake)
        else:
            ingest(lake, READINGS)
            wake()
        assert paused.process.exitcode == 0
        assert picture(lake) == alone(tmp_path, before, first, late)
        assert unbalanced_files(lake, READINGS).is_empty()
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()
