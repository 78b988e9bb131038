"""Identities go out of SQLite files, out of free pages too, while a server has them open."""

import sqlite3
from contextlib import closing
from pathlib import Path

from cryptodudez_assets.erasing.databases import erase_from_database
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets_tests.toy_accounts import ADA, BOB

NAMES = Names("account", {ADA: "erased-1"}).telling


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_rows_and_free_pages(tmp_path: Path):
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as server:
        server.execute("PRAGMA journal_mode = WAL")
        server.execute("PRAGMA secure_delete = OFF")
        server.execute("CREATE TABLE online (view TEXT, key TEXT, features, PRIMARY KEY (view, key)) WITHOUT ROWID")
        server.execute('CREATE TABLE "an event" (id INTEGER PRIMARY KEY, body TEXT)')
        rows = [("totals", f'["{who}"]', f'{{"of": "{who}"}}'.encode()) for who in (ADA, BOB)]
        server.executemany("INSERT INTO online VALUES (?, ?, ?)", rows)
        events = [(number, f"{ADA} was here, " * 50) for number in range(200)]
        server.executemany('INSERT INTO "an event" VALUES (?, ?)', events)
        server.execute('DELETE FROM "an event" WHERE id > 0')
        assert ADA.encode() in all_bytes(tmp_path)

        assert erase_from_database(path, NAMES) == 2

        assert ADA.encode() not in all_bytes(tmp_path)
        assert server.execute("SELECT key, features FROM online ORDER BY key").fetchall() == [
            (f'["{BOB}"]', f'{{"of": "{BOB}"}}'.encode()),
            ('["erased-1"]', b'{"of": "erased-1"}'),
        ]
        assert server.execute('SELECT body FROM "an event"').fetchall() == [("erased-1 was here, " * 50,)]


def test_what_is_only_in_free_pages(tmp_path: Path):
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as server:
        server.execute("PRAGMA secure_delete = OFF")
        server.execute("CREATE TABLE event (body TEXT)")
        server.executemany("INSERT INTO event VALUES (?)", [(f"{ADA} was here, " * 50,)] * 100)
        server.execute("DELETE FROM event")
    assert ADA.encode() in all_bytes(tmp_path)
    assert erase_from_database(path, NAMES) == 1
    assert ADA.encode() not in all_bytes(tmp_path)
