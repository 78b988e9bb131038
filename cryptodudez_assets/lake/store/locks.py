"""Locks between processes. A catalog in SQLite has file locks beside it, one in PostgreSQL advisory locks: the system takes both from a
holder who dies. Any other catalog's are leases in a bucket (`leases.py`), or file locks in a lake that is a folder.
"""

import hashlib
import math
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from os.path import samestat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cryptodudez_assets.lake.store import leases
from cryptodudez_assets.lake.store.waiting import PATIENCE_SECONDS, SOMEBODY, told_if_long
from cryptodudez_assets.settings import Settings

if TYPE_CHECKING:
    from filelock import FileLock
    from psycopg import Connection

RUNS, BATCHES = "run.", "batch."
"""The sign of life of a run is called so, and by its id; that of the owner of a batch by the batch's."""
SOURCES, WRITING = "source.", "writing."
"""What is held by whoever changes the tables of a source is called so, and by its name; and, by a table's, what is held by whoever writes
data files of it for longer than a commit takes, which nothing refers to yet."""
FOREVER = math.inf
"""For locks whose holders may have hours of work: to fail would be of no use, since the system takes a lock from a holder who dies."""
MAX_NAME = 63
"""So many characters PostgreSQL keeps of what a connection is called."""


@contextmanager
def exclusive(
    settings: Settings, name: str, patience_seconds: float | None = None, run_id: str | None = None
) -> Iterator[bool]:
    """Hold the lock `name` against every other process (and thread) that uses the same catalog; wait for it, with a word, if need be.

    Yields whether it was taken from a holder who may be alive: only leases are. Raises TimeoutError where waiting takes longer than
    `patience_seconds` (PATIENCE_SECONDS), and LeaseLost where a lease was lost. `run_id`: as whose lock others hear of it.
    """
    patience = PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    me = f"run {run_id} (process {os.getpid()})" if run_id else f"process {os.getpid()} on {platform.node()}"
    if _are_leases(settings):
        with leases.exclusive(settings, name, patience, me) as taken_over:
            yield taken_over
    elif _are_files(settings):
        from filelock import FileLock

        path = _file(settings, name)
        lock = FileLock(path, timeout=-1 if patience == FOREVER else patience, is_singleton=False)
        if not _free(lock):
            with told_if_long(f"the lock {name}", lambda: path.read_text(encoding="utf-8") or SOMEBODY):
                lock.acquire()
        try:
            path.write_text(me, encoding="utf-8")
            yield False
        finally:
            lock.release()
    else:
        with _connected(settings, me, patience) as connection:
            _lock(connection, settings, name)
            yield False


@contextmanager
def all_exclusive(settings: Settings, names: Sequence[str], patience_seconds: float) -> Iterator[None]:
    """Hold all these locks at once; in PostgreSQL on one connection, of which a server has few. Raises TimeoutError, and LeaseLost."""
    if _are_leases(settings) or _are_files(settings):
        with ExitStack() as held:
            for name in names:
                held.enter_context(exclusive(settings, name, patience_seconds))
            yield
        return
    with _connected(settings, f"process {os.getpid()} on {platform.node()}", patience_seconds) as connection:
        for name in names:
            _lock(connection, settings, name)
        yield


@contextmanager
def _connected(settings: Settings, me: str, patience_seconds: float) -> Iterator["Connection[tuple[object, ...]]"]:
    """A connection on which locks are waited for so long."""
    import psycopg

    with psycopg.connect(_database(settings), autocommit=True, application_name=me[:MAX_NAME]) as connection:
        wait_ms = 0 if patience_seconds == FOREVER else max(1, int(1000 * patience_seconds))  # nought is for ever
        connection.execute(f"SET lock_timeout = '{wait_ms}ms'".encode())
        yield connection


def _lock(connection: "Connection[tuple[object, ...]]", settings: Settings, name: str) -> None:
    """Take an advisory lock, for as long as the connection lasts. Raises TimeoutError."""
    import psycopg

    try:
        with told_if_long(f"the lock {name}", lambda: _holder(settings, name)):
            connection.execute("SELECT pg_advisory_lock(%s)", (_number(name),))
    except psycopg.errors.LockNotAvailable as error:
        raise TimeoutError(f"{_holder(settings, name)} holds the lock {name!r}") from error


def _holder(settings: Settings, name: str) -> str:
    """Who holds an advisory lock, as its connection is called."""
    import psycopg

    number = _number(name) % (1 << 64)  # the server tells it in two halves
    with psycopg.connect(_database(settings), autocommit=True) as connection:
        row = connection.execute(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND classid = %s::oid AND objid = %s::oid AND objsubid = 1",
            (number >> 32, number % (1 << 32)),
        ).fetchone()
    return str(row[0]) if row and row[0] else SOMEBODY


@contextmanager
def sign_of_life(settings: Settings, name: str) -> Iterator[bool]:
    """Hold the lock `name`, which nobody waits for, as long as this lasts; yields whether it was free.

    Whether somebody else is alive is asked by trying, too. Nothing of the lock is left behind.
    """
    if _are_leases(settings):
        with leases.sign_of_life(settings, name, f"process {os.getpid()} on {platform.node()}") as is_free:
            yield is_free
    elif _are_files(settings):
        from filelock import FileLock, Timeout

        path = _file(settings, name)
        lock = FileLock(path, timeout=0, is_singleton=False)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        own = path.stat()
        try:
            yield True
        finally:
            with suppress(FileNotFoundError):
                if samestat(path.stat(), own):  # else somebody removed it, and what lies there is another's
                    path.unlink()
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
                if is_free:
                    sign.unlink(missing_ok=True)
                    with suppress(psycopg.OperationalError):  # the connection is lost, and the lock with it
                        # The server notices the end of a connection a moment later.
                        connection.execute("SELECT pg_advisory_unlock(%s)", (_number(name),))


def alive(settings: Settings, prefix: str) -> Iterator[str]:
    """The signs of life whose names begin so that somebody on this machine gives now; of leases on any machine."""
    if _are_leases(settings):
        yield from leases.alive(settings, prefix)
        return
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


def _are_leases(settings: Settings) -> bool:
    return settings.catalog_is_rest and not settings.lake_is_local


def _are_files(settings: Settings) -> bool:
    return settings.catalog.startswith("sqlite") or settings.catalog_is_rest


def _file(settings: Settings, name: str) -> Path:
    # Beside the database, or in the lake, not in the home: two homes may share one catalog.
    database = Path(unquote(settings.catalog.partition(":///")[2]))
    beside = Path(settings.lake) if settings.catalog_is_rest else database.parent
    folder = beside / "locks" if settings.catalog_is_rest or database.is_absolute() else settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name.replace('/', '.')}.lock"


def _database(settings: Settings) -> str:
    return settings.catalog.replace("+psycopg", "")


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"cryptodudez/{name}".encode()).digest()[:8], signed=True)
