"""Locks between processes, released by the system when their holder dies: a file lock beside SQLite, an advisory lock in PostgreSQL."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cryptodudez_assets.lake.store.waiting import PATIENCE_SECONDS, told_if_long
from cryptodudez_assets.settings import Settings

if TYPE_CHECKING:
    from filelock import FileLock

RUNS = "run."
"""The sign of life of a run is called so, and by its id."""


@contextmanager
def exclusive(settings: Settings, name: str, patience_seconds: float | None = None) -> Iterator[None]:
    """Hold the lock `name` against every other process (and thread) that uses the same catalog; wait for it, with a word, if need be.

    Raises TimeoutError where that takes longer than `patience_seconds` (PATIENCE_SECONDS).
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    if settings.catalog.startswith("sqlite"):
        from filelock import FileLock

        lock = FileLock(_file(settings, name), timeout=patience, is_singleton=False)
        if not _free(lock):
            with told_if_long(f"the lock {name}"):
                lock.acquire()
        try:
            yield
        finally:
            lock.release()
    else:
        import psycopg

        with psycopg.connect(_database(settings), autocommit=True) as connection:
            connection.execute(f"SET lock_timeout = '{int(1000 * patience)}ms'")
            try:
                with told_if_long(f"the lock {name}"):
                    connection.execute("SELECT pg_advisory_lock(%s)", (_number(name),))
            except psycopg.errors.LockNotAvailable as error:
                raise TimeoutError(f"somebody else holds the lock {name!r}") from error
            yield


@contextmanager
def sign_of_life(settings: Settings, name: str) -> Iterator[bool]:
    """Hold the lock `name`, which nobody waits for, as long as this lasts; yields whether it was free.

    Whether somebody else is alive is asked by trying, too. Nothing of the lock is left behind.
    """
    if settings.catalog.startswith("sqlite"):
        from filelock import FileLock, Timeout

        path = _file(settings, name)
        lock = FileLock(path, timeout=0, is_singleton=False)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
            lock.release()
    else:
        import psycopg

        with psycopg.connect(_database(settings), autocommit=True) as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_number(name),)).fetchone()
            is_free = bool(row and row[0])
            sign = _file(settings, name)  # a server does not tell the names of its locks
            try:
                if is_free:
                    sign.touch()
                yield is_free
            finally:
                if is_free:  # the server notices the end of a connection a moment later
                    sign.unlink(missing_ok=True)
                    connection.execute("SELECT pg_advisory_unlock(%s)", (_number(name),))


def alive(settings: Settings, prefix: str) -> Iterator[str]:
    """The signs of life whose names begin so that somebody on this machine gives now."""
    for lock in sorted(_file(settings, prefix).parent.glob(f"{prefix}*.lock")):
        name = lock.name.removesuffix(".lock")
        with sign_of_life(settings, name) as is_free:
            is_alive = not is_free
        if is_alive:
            yield name


def _free(lock: "FileLock") -> bool:
    """Take it if nobody holds it, which is the rule: then nothing is set up to wait."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _file(settings: Settings, name: str) -> Path:
    # Beside the database, not in the home: two homes may share one catalog.
    database = Path(unquote(settings.catalog.partition(":///")[2]))
    folder = database.parent / "locks" if database.is_absolute() else settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name.replace('/', '.')}.lock"


def _database(settings: Settings) -> str:
    return settings.catalog.replace("+psycopg", "")


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"cryptodudez/{name}".encode()).digest()[:8], signed=True)
