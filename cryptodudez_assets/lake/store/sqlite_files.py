"""SQLite files of our own: private, written ahead (WAL), and patient, also where many open one that is new.

What is in them, and how much a power cut may take, is said by whoever keeps them.
"""

import sqlite3
import time
from pathlib import Path

from cryptodudez_assets.lake.store.private import make_private, private_file

PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.01


def connect(path: Path, page_size: int = 4096) -> sqlite3.Connection:
    """A connection for any thread, one at a time; the file is made if it is not there, with pages of this many bytes.

    Raises sqlite3.Error, after PATIENCE_SECONDS where somebody else holds it.
    """
    make_private(path.parent)
    connection = sqlite3.connect(
        private_file(path), timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute(f"PRAGMA page_size = {page_size}")  # only a new file takes it
        _write_ahead(connection)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        told = (
            f"{path}: {error}. Put back a copy of it, or move it away: then a new one is made, without what was in it"
        )
        raise sqlite3.DatabaseError(told) from None
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    # The file is to be held alone for this, once in its life, and SQLite does not wait for that, whatever its timeout.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(LOOK_SECONDS)
