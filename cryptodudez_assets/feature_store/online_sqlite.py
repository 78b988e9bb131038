"""Online features in an SQLite file: the default. A writer keeps no reader waiting, in whatever process."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from urllib.parse import unquote

from cryptodudez_assets.feature_store.online_backend import OnlineRow
from cryptodudez_assets.lake.store.sqlite_files import connect

TABLE = """CREATE TABLE IF NOT EXISTS online (
    view TEXT, key TEXT, event INTEGER, known INTEGER, features TEXT, PRIMARY KEY (view, key)) WITHOUT ROWID"""
PUT = """INSERT INTO online VALUES (?, ?, ?, ?, ?) ON CONFLICT (view, key)
    DO UPDATE SET event = excluded.event, known = excluded.known, features = excluded.features
    WHERE (excluded.event, excluded.known) >= (online.event, online.known)"""
GET = "SELECT key, event, known, features FROM online WHERE view = ? AND key IN (SELECT value FROM json_each(?))"


class SqliteBackend:
    """Records in one table. Reading and writing have a connection each, so that threads do not wait for a write either."""

    def __init__(self, url: str) -> None:
        path = Path(unquote(url.removeprefix("sqlite:///")))
        self._reading, self._writing = Lock(), Lock()
        self._reader, self._writer = _connect(path), _connect(path)
        self._writer.execute(TABLE)

    def put(self, view: str, records: Sequence[OnlineRow]) -> None:  # noqa: D102
        self._change(PUT, [(view, *record) for record in records])

    def get(self, view: str, keys: Sequence[str]) -> dict[str, OnlineRow]:  # noqa: D102
        with self._reading:
            rows = self._reader.execute(GET, (view, json.dumps(keys))).fetchall()
        return {row[0]: OnlineRow(*row) for row in rows}

    def drop(self, view: str) -> None:  # noqa: D102
        self._change("DELETE FROM online WHERE view = ?", [(view,)])

    def close(self) -> None:  # noqa: D102
        self._reader.close()
        self._writer.close()

    def _change(self, statement: str, rows: Sequence[tuple[str | int, ...]]) -> None:
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            with self._writer:  # ends what was begun
                self._writer.executemany(statement, rows)


def _connect(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    # A power cut may lose the last commits, never the file; they are written again with the next change.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
