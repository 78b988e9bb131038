"""Online features in PostgreSQL, for a cluster that has it already."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import psycopg

from cryptodudez_assets.feature_store.online_backend import OnlineRow

TABLE = """CREATE TABLE IF NOT EXISTS cryptodudez_online (
    view TEXT, key TEXT, event BIGINT NOT NULL, known BIGINT NOT NULL, features TEXT NOT NULL, PRIMARY KEY (view, key))"""
# Tables that are made at the same time get in each other's way, IF NOT EXISTS or not.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('cryptodudez_online'))"
PUT = """INSERT INTO cryptodudez_online AS there
    SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[])
    ON CONFLICT (view, key) DO UPDATE SET event = excluded.event, known = excluded.known, features = excluded.features
    WHERE (excluded.event, excluded.known) >= (there.event, there.known)"""
GET = "SELECT key, event, known, features FROM cryptodudez_online WHERE view = %s AND key = ANY(%s)"
DROP = "DELETE FROM cryptodudez_online WHERE view = %s"


class PostgresBackend:
    """Records in one table, over one connection; when the server went away, the next request connects again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._connection = self._connect()

    def put(self, view: str, records: Sequence[OnlineRow]) -> None:  # noqa: D102
        columns = [list(column) for column in zip(*records, strict=True)]
        self._run(PUT, [view, *columns])

    def get(self, view: str, keys: Sequence[str]) -> dict[str, OnlineRow]:  # noqa: D102
        return {row[0]: OnlineRow(*row) for row in self._run(GET, [view, list(keys)])}

    def drop(self, view: str) -> None:  # noqa: D102
        self._run(DROP, [view])

    def close(self) -> None:  # noqa: D102
        self._connection.close()

    def _run(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._execute(statement, parameters)
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                self._connection = self._connect()
                return self._execute(statement, parameters)

    def _execute(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(self._url, autocommit=True)
        with connection.transaction():
            connection.execute(ONE_AT_A_TIME)
            connection.execute(TABLE)
        return connection
