"""Identities out of SQLite files: out of rows, whatever table they are in, and out of pages that are free."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptodudez_assets.lake.erasing.decoded import SQLITE, quoted, tables_of
from cryptodudez_assets.lake.erasing.identity import Names

PATIENCE_SECONDS = 60
BESIDE = ("-wal", "-shm", "-journal")


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite's."""
    with path.open("rb") as content:
        return content.read(len(SQLITE)) == SQLITE


def erase_from_database(path: Path, names: Names) -> int:
    """Put pseudonyms in the place of identities; returns in how many rows, 1 where it was only in pages that are free.

    What was there is overwritten, also in what is still to be brought over (WAL). Waits for whoever else writes. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        connection.create_function("mentions", 1, lambda value: _out(value, names) != value, deterministic=True)
        connection.create_function("without", 1, lambda value: _out(value, names), deterministic=True)
        connection.execute("PRAGMA secure_delete = ON")
        n_rows = 0
        for table, columns in list(tables_of(connection)):
            told = " OR ".join(f"mentions({quoted(column)})" for column in columns)
            instead = ", ".join(f"{quoted(column)} = without({quoted(column)})" for column in columns)
            if connection.execute(f"SELECT 1 FROM {quoted(table)} WHERE {told} LIMIT 1").fetchone():
                n_rows += connection.execute(f"UPDATE OR REPLACE {quoted(table)} SET {instead} WHERE {told}").rowcount
        in_bytes = _times_in_bytes(path, names)
        if n_rows or in_bytes:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(n_rows, int(_times_in_bytes(path, names) < in_bytes))


def _out(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return names.out_of_text(value)
    if isinstance(value, bytes) and b"\0" not in value:  # what has lengths in it would be read no more
        return names.out_of(value)[0]
    return value


def _times_in_bytes(path: Path, names: Names) -> int:
    """How often one of them may stand anywhere, also in the name of somebody who stays."""
    there = [path, *(path.with_name(path.name + beside) for beside in BESIDE)]
    contents = [one.read_bytes() for one in there if one.is_file()]
    likely = [content for content in contents if any(hint.encode() in content for hint in names.hints)]
    told = names.alone
    return sum(
        len(list(told.places_in(content))) + sum(content.count(way.encode()) for way in told.spelled)
        for content in likely
    )
