"""A small database of our own: an SQLite file, or PostgreSQL by setting. One statement of SQL serves both.

Connections and transactions belong here; what is in the tables is said by whoever keeps them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Protocol
from urllib.parse import unquote

from cryptodudez_assets.lake.store.sqlite_files import connect

Rows = list[tuple[Any, ...]]


class Database(Protocol):
    """Transactions that exclude each other, of all processes. Safe for threads."""

    def transaction(self) -> Any:
        """A context: what is run inside is kept together, and survives a power cut once it ends."""

    def run(self, statement: str, values: Sequence[object] = ()) -> Rows:
        """The rows of a statement, with `?` for values. Raises what the database's library does."""

    def close(self) -> None:
        """Let go of the connection."""


def open_database(url: str, tables: Sequence[str], subject: str) -> Database:
    """The database at `sqlite:///file` or `postgresql://…`, with these tables made where they are missing.

    Transactions about one `subject` exclude each other; in SQLite, all of a file do.
    """
    opened: Database = _Sqlite(url) if url.startswith("sqlite") else _Postgres(url, subject)
    with opened.transaction():
        for statement in tables:
            opened.run(statement)
    return opened


class _Sqlite:
    def __init__(self, url: str) -> None:
        self._lock = RLock()
        self._connection = connect(Path(unquote(url.removeprefix("sqlite:///"))))
        self._connection.execute("PRAGMA synchronous = FULL")  # what was put is to be sent, whatever happens then

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # ends what was begun
                yield

    def run(self, statement: str, values: Sequence[object] = ()) -> Rows:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    """One connection; where the server went away, the next transaction connects again."""

    ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext(%s))"

    def __init__(self, url: str, subject: str) -> None:
        self._url, self._subject, self._lock = url, f"cryptodudez_{subject}", RLock()
        self._connection = self._connect()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._connection.closed:
                self._connection = self._connect()
            with self._connection.transaction():
                self._connection.execute(self.ONE_AT_A_TIME, (self._subject,))
                yield

    def run(self, statement: str, values: Sequence[object] = ()) -> Rows:
        with self._lock:
            if self._connection.closed:
                self._connection = self._connect()
            cursor = self._connection.execute(statement.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(self._url, autocommit=True)
