"""What another process holds is waited for, with a word: the catalog's database as long as any lock."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from cryptodudez_assets.lake.iceberg.catalog_database import database_file, named
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store import waiting
from cryptodudez_assets.lake.store.locks import FOREVER, exclusive
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, take_in

HELD_SECONDS = 7.0
"""Longer than SQLite waits by itself."""


@contextmanager
def held(lake: Lake, how: str, seconds: float) -> Iterator[None]:
    """Another connection locks the catalog's database for so long."""
    path = database_file(lake.settings)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute(how)
    timer = threading.Timer(seconds, other.execute, ("ROLLBACK",))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        other.close()


@pytest.fixture
def ready(lake: Lake, drop) -> Lake:
    drop(READINGS.name, "a.csv", csv("s", range(3)))
    assert lake.tables.names() == []
    return lake


def test_a_catalog_that_is_locked_for_long_is_waited_for(ready: Lake, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    with held(ready, "BEGIN IMMEDIATE", HELD_SECONDS):
        take_in(ready)
    assert time.monotonic() - began > HELD_SECONDS
    assert READINGS.table in ready.tables.names()
    assert [record.getMessage() for record in caplog.records if record.name == "cryptodudez"] == [
        "waiting for the catalog, which somebody else holds …"
    ]


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_nobody_is_in_the_way_for_less_than_a_moment_without_a_word(
    ready: Lake, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    with held(ready, how, 0.2):
        take_in(ready)
    assert READINGS.table in ready.tables.names()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_looking_waits_too(ready: Lake, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.1)
    with held(ready, "BEGIN EXCLUSIVE", 0.5):
        found = named(ready.settings)
    assert found is not None
    assert "waiting for the catalog" in caplog.text


def test_it_is_not_waited_for_ever(ready: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.1)
    with held(ready, "BEGIN EXCLUSIVE", 2), pytest.raises((OperationalError, sqlite3.OperationalError), match="locked"):
        take_in(replace(ready, tables=type(ready.tables)(ready.settings)))


def test_a_lock_that_is_held_for_long_is_told(
    lake: Lake, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.05)
    has_it, done = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusive(lake.settings, "table.x", run_id="first"):
            has_it.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert has_it.wait(10)
    threading.Timer(0.3, done.set).start()
    with exclusive(lake.settings, "table.x"):
        pass
    holder.join()
    assert [record.getMessage() for record in caplog.records] == [
        f"waiting for the lock table.x, which run first (process {os.getpid()}) holds …"
    ]


def test_in_postgresql_the_holder_of_a_lock_is_told_too(
    settings: Settings, database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "SAID_AGAIN_SECONDS", 0.05)
    there = settings.model_copy(update={"catalog": database})

    def wait() -> None:
        with exclusive(there, "table.x", FOREVER):
            pass

    with worker.in_a_thread(wait) as begin, exclusive(there, "table.x", run_id="first"):
        waits = begin()
        told = f"waiting for the lock table.x, which run first (process {os.getpid()}) holds …"
        while caplog.text.count(told) < 2 and not waits.done():  # again and again
            time.sleep(0.01)
        with (
            pytest.raises(TimeoutError, match=r"run first .* holds the lock 'table.x'"),
            exclusive(there, "table.x", 0.05),
        ):
            pass


def test_in_postgresql_it_is_waited_for_and_told_too(
    settings: Settings, database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.1)
    lake = open_lake(settings.model_copy(update={"catalog": database}))
    assert lake.tables.names() == []
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE iceberg_tables")
        timer = threading.Timer(1, other.rollback)
        timer.start()
        assert lake.tables.names() == []
        assert named(lake.settings) is not None
        timer.join()
    assert "waiting for the catalog" in caplog.text
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 1)
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE iceberg_tables")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            named(lake.settings)
