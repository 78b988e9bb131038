"""Receipts: every served prediction with all that is needed to make it again. Kept in SQLite, in the home of whoever answered.

How other homes come to know of them is in `shared_receipts.py`.
"""

import base64
import hashlib
import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import msgspec

from cryptodudez_assets.lake.store.sqlite_files import connect
from cryptodudez_assets.models.predictor import Rows

ID_LENGTH = 26  # characters of 5 bits: no two receipts will ever share an id by chance
SIGNALS = "signal"
"""The endpoint of the receipts of signals."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between which answers are given: a time beyond was not written by anybody who answered, and cannot be reckoned with."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
AT_ONCE = 10  # receipts removed between two looks at the size: one may have a megabyte

# `model` is the name with the version, as in "eth_signal-3"; in older files the name alone, which `recent` passes over.
TABLES = """
    CREATE TABLE IF NOT EXISTS receipts (
        number INTEGER PRIMARY KEY, id TEXT UNIQUE, endpoint TEXT, model TEXT, receipt TEXT);
    CREATE INDEX IF NOT EXISTS by_number ON receipts (endpoint, number, model);
    DROP INDEX IF EXISTS by_endpoint;
    CREATE TABLE IF NOT EXISTS brought (lake TEXT PRIMARY KEY, number INTEGER NOT NULL);"""
PUT = "INSERT INTO receipts (id, endpoint, model, receipt) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
GET = "SELECT receipt FROM receipts WHERE id = ?"
AFTER = "SELECT number, receipt FROM receipts WHERE number > ? ORDER BY number LIMIT ?"
BROUGHT = "SELECT number FROM brought WHERE lake = ?"
NOTE_BROUGHT = "INSERT OR REPLACE INTO brought (lake, number) VALUES (?, ?)"
RECENT = "SELECT receipt FROM receipts WHERE endpoint = ? AND model = ? ORDER BY number DESC"
TRIM = """DELETE FROM receipts WHERE endpoint = ?1 AND number <= (
    SELECT number FROM receipts WHERE endpoint = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)"""
TRIM_OLDEST = """DELETE FROM receipts WHERE number IN (
    SELECT number FROM receipts WHERE endpoint = ? ORDER BY number LIMIT ?)"""
USED = """SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size"""


log = logging.getLogger(__name__)


class DamagedReceipt(ValueError):
    """What is kept under an id is no receipt."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One answer. `inputs` are the rows that were predicted together, `probabilities` one row for each, to the last bit.

    `sha256` is that of the model file; `as_of` says since when the features were known, None where the caller brought
    them; `feature_snapshots` are the tables that they came from.
    """

    id: str
    made_at: Moment
    endpoint: str
    request: Any
    model: str
    version: Int64
    sha256: str
    inputs: Rows
    probabilities: list[list[float]]
    answer: Any
    as_of: Moment | None
    feature_snapshots: dict[str, Int64]


def receipt_id(sha256: str, inputs: Rows, as_of: datetime | None, *more: object) -> str:
    """The identity of a prediction: the same for the same arguments, in every process; 26 characters of a-z and 2-7.

    `more` is whatever else tells predictions apart, as JSON: the endpoint, the verdict; for requests that each get a
    receipt of their own, something random.
    """
    content = json.dumps([sha256, inputs, as_of and as_of.timestamp(), *more], sort_keys=True)
    return base64.b32encode(hashlib.sha256(content.encode()).digest()).decode().lower()[:ID_LENGTH]


class Receipts:
    """The receipts of one platform. Safe for several threads and processes; reading does not wait for a write."""

    def __init__(self, path: Path) -> None:
        self._reading, self._writing = Lock(), Lock()
        self._reader, self._writer = _connect(path), _connect(path)
        self._writer.executescript(TABLES)

    def record(self, receipts: Sequence[Receipt]) -> None:
        """Keep receipts, all or none; they survive a power cut once this returns. One that is known by its id is kept as it is.

        A call costs one wait for the disk, however many receipts it brings: bring many.
        """
        rows = [(one.id, one.endpoint, _label(one.model, one.version), msgspec.json.encode(one)) for one in receipts]
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            with self._writer:  # ends what was begun
                self._writer.executemany(PUT, rows)

    def get(self, receipt_id: str) -> Receipt | None:
        """The receipt with this id, or None."""
        with self._reading:
            found = self._reader.execute(GET, (receipt_id,)).fetchone()
        return decoded(found[0]) if found else None

    def recent(self, endpoint: str, model: str, version: int, rows: int) -> list[Receipt]:
        """The newest receipts of a version of a model, newest first: as many as it takes to have so many rows."""
        found: list[Receipt] = []
        with self._reading, closing(self._reader.execute(RECENT, (endpoint, _label(model, version)))) as stored:
            while rows > 0 and (one := stored.fetchone()):
                found.append(decoded(one[0]))
                rows -= len(found[-1].inputs)
        return found

    def after(self, number: int, most: int, most_bytes: int) -> list[tuple[int, Receipt | None]]:
        """Receipts with higher numbers, by these, oldest first; None for one that is none any more, which is said.

        At most so many, and no more behind so many bytes.
        """
        found: list[tuple[int, Receipt | None]] = []
        with self._reading, closing(self._reader.execute(AFTER, (number, most))) as stored:
            while most_bytes > 0 and (one := stored.fetchone()):
                try:
                    found.append((one[0], decoded(one[1])))
                except DamagedReceipt as error:
                    log.warning("a receipt is left where it is: %s", error)
                    found.append((one[0], None))
                most_bytes -= len(one[1])
        return found

    def brought(self, lake: str) -> int:
        """The number of the last receipt that was brought into this lake; 0 before the first."""
        with self._reading:
            found = self._reader.execute(BROUGHT, (lake,)).fetchone()
        return found[0] if found else 0

    def note_brought(self, lake: str, number: int) -> None:
        """Write down that all receipts up to this one are in the lake."""
        with self._writing:
            self._writer.execute(NOTE_BROUGHT, (lake, number))

    def trim(self, endpoint: str, keep: int, keep_bytes: int) -> int:
        """Remove the oldest receipts of an endpoint, until it has `keep` and all receipts take `keep_bytes` at most.

        Returns how many were removed. The file does not shrink; what is free in it is used again.
        """
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            with self._writer:
                removed = self._writer.execute(TRIM, (endpoint, keep)).rowcount
                while self._used() > keep_bytes:
                    some = self._writer.execute(TRIM_OLDEST, (endpoint, AT_ONCE)).rowcount
                    if not some:  # the other endpoints alone take more
                        break
                    removed += some
        return removed

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._writer.close()

    def _used(self) -> int:
        used: int = self._writer.execute(USED).fetchone()[0]
        return used


def _label(model: str, version: int) -> str:
    return f"{model}-{version}"


def decoded(content: bytes) -> Receipt:
    """The receipt that was kept as this JSON; `DamagedReceipt` where it is none."""
    try:
        found = msgspec.json.decode(content, type=Receipt)
    except msgspec.DecodeError as error:
        raise DamagedReceipt(
            f"what is kept of it is no receipt ({error}): it was changed, and explains nothing"
        ) from error
    if not all(EARLIEST <= one <= LATEST for one in (found.made_at, found.as_of) if one):
        raise DamagedReceipt(
            "what is kept of it has a time at which nobody answered: it was changed, and explains nothing"
        )
    return found


def _connect(path: Path) -> sqlite3.Connection:
    connection = connect(path, page_size=16384)  # a receipt has some 2 kB
    connection.execute("PRAGMA secure_delete = FAST")  # some builds write zeros over all that is trimmed
    connection.execute("PRAGMA synchronous = FULL")  # a receipt that was handed out is to be found again
    return connection
