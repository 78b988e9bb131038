"""Waiting for what another process holds: how long, and that it is said after a while. Which locks there are is in `locks.py`."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cryptodudez_assets.lake.store.private import private_file

if TYPE_CHECKING:
    from sqlalchemy import Engine

PATIENCE_SECONDS = 600
SAID_AFTER_SECONDS = 5.0
SAID_AGAIN_SECONDS = 600.0
SOMEBODY = "somebody else"

log = logging.getLogger("cryptodudez")


@contextmanager
def told_if_long(what: str, holder: Callable[[], str] = lambda: SOMEBODY) -> Iterator[None]:
    """Say so, every now and then, where what happens inside takes longer than a moment; by then it waits for somebody else.

    `holder`: who that is, asked from another thread.
    """
    over = threading.Event()

    def say() -> None:
        if not over.wait(SAID_AFTER_SECONDS):
            _say(what, holder())
            while not over.wait(SAID_AGAIN_SECONDS):
                _say(what, holder())

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _say(what: str, holder: str = SOMEBODY) -> None:
    log.warning("waiting for %s, which %s holds …", what, holder)


class PatientConnection(sqlite3.Connection):
    """To the catalog's file. Where it is locked it says so after a moment, and waits as long as for any lock."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._wait(SAID_AFTER_SECONDS)

    def cursor(self, factory: Any = None) -> Any:
        """One that waits alike."""
        return super().cursor(factory or _PatientCursor)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """As ever."""
        return self.patiently(super().execute, *arguments)  # type: ignore[no-any-return]

    def commit(self) -> None:
        """As ever."""
        self.patiently(super().commit)

    def patiently(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Try for a moment, and then, with a word, for as long as it may take."""
        try:
            return act(*arguments)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        _say("the catalog")
        self._wait(PATIENCE_SECONDS)
        try:
            return act(*arguments)
        finally:
            self._wait(SAID_AFTER_SECONDS)

    def _wait(self, seconds: float) -> None:
        super().execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")


class _PatientCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        return self.connection.patiently(super().execute, sql, parameters)  # type: ignore[attr-defined, no-any-return]


def patient_engine(url: str) -> "Engine":
    """SQLAlchemy's engine for a catalog's database, which waits like this."""
    from sqlalchemy import create_engine, event, make_url

    if url.startswith("sqlite"):
        private_file(Path(str(make_url(url).database)))
        return create_engine(url, pool_pre_ping=True, connect_args={"factory": PatientConnection})
    engine = create_engine(url, pool_pre_ping=True)
    event.listen(engine, "connect", lambda connection, _: be_patient(connection))
    return engine


def be_patient(connection: Any) -> None:
    """Have a connection to PostgreSQL wait like this."""
    import psycopg

    class PatientCursor(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **named: Any) -> Any:
            with told_if_long("the catalog"):
                return super().execute(*arguments, **named)

    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'")
    connection.commit()
    connection.cursor_factory = PatientCursor
