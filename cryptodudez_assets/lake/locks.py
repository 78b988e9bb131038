"""Locks between processes, released by the system when their holder dies: a file lock beside SQLite, an advisory lock in PostgreSQL."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from cryptodudez_assets.settings import Settings

PATIENCE_SECONDS = 600


@contextmanager
def exclusive(settings: Settings, name: str, patience_seconds: float | None = None) -> Iterator[None]:
    """Hold the lock `name` against every other process (and thread) that uses the same catalog; wait for it if need be.

    Raises TimeoutError where that takes longer than `patience_seconds` (PATIENCE_SECONDS).
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    if settings.catalog.startswith("sqlite"):
        from filelock import FileLock

        with FileLock(_file(settings, name), timeout=patience, is_singleton=False):
            yield
    else:
        import psycopg

        with psycopg.connect(_database(settings), autocommit=True) as connection:
            connection.execute(f"SET lock_timeout = '{int(1000 * patience)}ms'")
            try:
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
            yield bool(row and row[0])


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
