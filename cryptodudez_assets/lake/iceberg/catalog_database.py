"""The database behind Iceberg's catalog: which tables it names, copies of it, and changing all names at once.

Two things are done here that a catalog cannot: to look without creating anything, and to change many tables in one transaction.
Which tables a REST catalog names is told here, too; there is no database to look into, nor to change.

Iceberg's Java library makes the same database, with views among the tables (its schema V1) or without a column that tells them apart (V0).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from cryptodudez_assets.addresses import said_by_driver
from cryptodudez_assets.lake.store.private import make_private, private_file
from cryptodudez_assets.lake.store.waiting import PatientConnection, be_patient
from cryptodudez_assets.settings import Settings

CATALOG = "lake"
"""Our catalog's name: one database may hold several."""
STAGED = "lake.moving"
"""The same tables while they are being moved: nobody reads them under this name."""
KEPT_BACKUPS = 7
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
OF_BACKUP = "cryptodudez_backup"
COLUMNS = {"catalog_name", "table_namespace", "table_name", "metadata_location"}
TYPE = "iceberg_type"
"""A column that tells views from tables; without it there are tables only."""


class Damaged(Exception):
    """The file is no database that can be read; the message says why."""


class OutOfReach(Exception):
    """The database server does not answer; the message is the driver's."""


@dataclass(frozen=True)
class Pointer:
    """A table and the metadata file that describes it as it is now."""

    namespace: str
    table: str
    metadata_location: str

    @property
    def name(self) -> str:
        """As `namespace.table`."""
        return f"{self.namespace}.{self.table}"


@dataclass(frozen=True)
class Named:
    """What a catalog database names. `taken_at`: if it is a copy, when that was made. `others`: where the metadata of tables lie that are
    named in it for other catalogs, each with the name of that."""

    pointers: list[Pointer]
    taken_at: datetime | None = None
    others: Sequence[tuple[str, str]] = ()


def database_file(settings: Settings) -> Path | None:
    """The file of a catalog in SQLite, or None of one in a server."""
    if not settings.catalog.startswith("sqlite"):
        return None
    path = Path(unquote(settings.catalog.partition(":///")[2]))
    return path if path.is_absolute() else Path.cwd() / path


def named(settings: Settings) -> Named | None:
    """What the catalog names, or None where there is no database. Raises `Damaged` or `OutOfReach`; creates nothing."""
    if settings.catalog_is_rest:
        return Named(_pointers_of_rest(settings))
    path = database_file(settings)
    if path is not None:
        return named_in(path) if os.path.lexists(path) else None
    with _server(settings) as connection:
        if connection.execute("SELECT to_regclass('iceberg_tables')").fetchone() == (None,):
            return Named([])
        return _told(connection)


def named_in(path: Path) -> Named:
    """The same of an SQLite file."""
    try:
        with _file(path) as connection:
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise Damaged(str(sound).partition("\n")[0])
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            copied = connection.execute(f"SELECT taken_at FROM {OF_BACKUP}").fetchone() if OF_BACKUP in there else None
            taken_at = datetime.fromisoformat(copied[0]) if copied else None
            return replace(_told(connection) if "iceberg_tables" in there else Named([]), taken_at=taken_at)
    except sqlite3.DatabaseError as error:
        if path.is_dir() or error.sqlite_errorcode & 0xFF in DAMAGED:
            raise Damaged("it is a folder" if path.is_dir() else str(error)) from None
        raise


def back_up(settings: Settings, at: datetime) -> Path | None:
    """Copy a catalog in SQLite into the home's folder of backups, and forget all but the newest; None where it is no file."""
    path = database_file(settings)
    if path is None or not path.exists():
        return None
    folder = settings.home / "backups"
    make_private(folder)
    unfinished, target = folder / ".unfinished", folder / f"catalog-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db"
    unfinished.unlink(missing_ok=True)
    with _file(path) as source, closing(sqlite3.connect(private_file(unfinished))) as copy, copy:
        source.backup(copy)
        copy.execute(f"CREATE TABLE IF NOT EXISTS {OF_BACKUP} (taken_at TEXT)")
        copy.execute(f"INSERT INTO {OF_BACKUP} VALUES (?)", (at.isoformat(),))
    named_in(unfinished)  # what cannot be read is no backup, and must not push one out
    unfinished.replace(target)
    for old in backups(settings)[KEPT_BACKUPS:]:
        old.unlink()
    return target


def backups(settings: Settings) -> list[Path]:
    """The backups there are, the newest first."""
    return sorted((settings.home / "backups").glob("catalog-*.db"), reverse=True)


def stage(settings: Settings, pointers: Sequence[Pointer], name: str = STAGED) -> None:
    """Name these tables, and no others, under a name of the database's that nobody reads."""
    with _changing(settings) as change:
        change("DELETE FROM iceberg_tables WHERE catalog_name = ?", (name,))
        for one in pointers:  # what has no type is a table
            change(
                "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location) VALUES (?, ?, ?, ?)",
                (name, one.namespace, one.table, one.metadata_location),
            )


def switch(settings: Settings) -> None:
    """Let the staged tables take the place of all: in one transaction, so that there is no moment in between."""
    with _changing(settings) as change:
        change(f"DELETE FROM iceberg_tables WHERE catalog_name = ?{_are_tables(change)}", (CATALOG,))
        change("UPDATE iceberg_tables SET catalog_name = ? WHERE catalog_name = ?", (CATALOG, STAGED))
        change("DELETE FROM iceberg_namespace_properties WHERE catalog_name = ?", (STAGED,))
        change(
            "INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value) "
            "SELECT DISTINCT catalog_name, table_namespace, 'exists', 'true' FROM iceberg_tables t WHERE catalog_name = ? "
            "AND NOT EXISTS (SELECT 1 FROM iceberg_namespace_properties p WHERE p.catalog_name = t.catalog_name "
            "AND p.namespace = t.table_namespace)",
            (CATALOG,),
        )


def _pointers_of_rest(settings: Settings) -> list[Pointer]:
    from pyiceberg.exceptions import RESTError
    from requests.exceptions import RequestException

    from cryptodudez_assets.lake.iceberg.rest_catalog import opened

    try:
        found = opened(settings, CATALOG).locations()
    except (RESTError, RequestException) as error:
        raise OutOfReach(said_by_driver(error)) from None
    return [Pointer(*name.rpartition(".")[::2], location) for name, location in found]


def _told(connection: Any) -> Named:
    """The tables of our name, and where those of others lie."""
    rows = connection.execute(
        "SELECT catalog_name, table_namespace, table_name, metadata_location FROM iceberg_tables "
        f"WHERE metadata_location IS NOT NULL{_are_tables(connection.execute)} ORDER BY table_namespace, table_name"
    ).fetchall()
    ours = [Pointer(*row) for catalog, *row in rows if catalog == CATALOG]
    others = [(catalog, at) for catalog, *_, at in rows if catalog != CATALOG and not catalog.startswith(f"{CATALOG}.")]
    return Named(ours, others=others)


def _are_tables(execute: Callable[..., Any]) -> str:
    """The condition by which views are left out. Raises `Damaged` where the database is not one of Iceberg's."""
    columns = [one[0] for one in execute("SELECT * FROM iceberg_tables WHERE 1 = 0", ()).description]
    if missing := COLUMNS - set(columns):
        raise Damaged(
            f"its table iceberg_tables has the columns {', '.join(columns)}; Iceberg's has {', '.join(sorted(missing))}, too"
        )
    return f" AND ({TYPE} IS NULL OR {TYPE} = 'TABLE')" if TYPE in columns else ""


@contextmanager
def _file(path: Path) -> Iterator[sqlite3.Connection]:
    # Not read-only: what a killed process left half done must be undone first. Nothing is created.
    with closing(
        sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, factory=PatientConnection)
    ) as connection:
        yield connection


@contextmanager
def _server(settings: Settings) -> Iterator[Any]:
    import psycopg

    try:
        opened = psycopg.connect(settings.catalog.replace("+psycopg", ""))
    except psycopg.OperationalError as error:
        raise OutOfReach(said_by_driver(error)) from None
    with opened as connection:
        be_patient(connection)
        yield connection


@contextmanager
def _changing(settings: Settings) -> Iterator[Any]:
    """One transaction: a function that carries out a statement, with `?` for each value."""
    path = database_file(settings)
    if path is None:
        with _server(settings) as connection:
            yield lambda statement, values: connection.execute(statement.replace("?", "%s"), values)
    else:
        with _file(path) as file, file:
            yield file.execute
