"""Many that open a file of ours at once, the moment it is made: none is turned away."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from cryptodudez_assets.lake.store.sqlite_files import connect

AT_ONCE, FILES = 8, 30


def test_a_file_that_is_no_database_is_named_with_what_to_do(tmp_path: Path):
    path = tmp_path / "spending.db"
    path.write_text("garbage " * 1000)
    with pytest.raises(sqlite3.DatabaseError, match=r"spending\.db: .*move it away"):
        connect(path)


def test_nobody_who_opens_a_new_file_beside_others_is_told_that_it_is_locked(tmp_path: Path):
    together = Barrier(AT_ONCE)

    def opened_and_written(path: Path) -> str:
        together.wait(timeout=60)
        with closing(connect(path)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS told (name TEXT)")
            connection.execute("INSERT INTO told VALUES ('here')")
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for n in range(FILES):
            path = tmp_path / f"{n}.db"
            assert set(threads.map(opened_and_written, [path] * AT_ONCE)) == {"wal"}
            with closing(connect(path)) as connection:
                assert connection.execute("SELECT count(*) FROM told").fetchone() == (AT_ONCE,)
