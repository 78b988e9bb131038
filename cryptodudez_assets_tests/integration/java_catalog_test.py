"""Catalog databases as Iceberg's Java library makes them, with the statements of its JDBC catalog: read, or refused with what to do."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, picture, rows_of, take_in

TABLES = """
CREATE TABLE iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000){more},
    PRIMARY KEY (catalog_name, table_namespace, table_name))
"""
NAMESPACES = """
CREATE TABLE iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255), property_value VARCHAR(1000),
    PRIMARY KEY (catalog_name, namespace, property_key))
"""
VIEW = "INSERT INTO iceberg_tables VALUES ('lake', 'lab', 'a_view', 'file:/nowhere/v1.metadata.json', NULL, 'VIEW')"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A home with its catalog in a file, or on a server."""
    catalog = request.getfixturevalue("database") if request.param == "postgresql" else ""
    return Settings(home=tmp_path / "home", catalog=catalog, settle_seconds=0)


@contextmanager
def database(settings: Settings) -> Iterator[Any]:
    """The database, for statements that both kinds know."""
    if settings.catalog.startswith("sqlite"):
        connection = sqlite3.connect(settings.home / "catalog.db")
        with connection:
            yield connection
        connection.close()
    else:
        with psycopg.connect(settings.catalog) as server:
            yield server


def as_java_makes_it(settings: Settings, version: str, name: str = "lake") -> dict[str, list[tuple[object, ...]]]:
    """A lake of ours whose catalog Java has made, with file:/… for the first slash of a path; returns what is in its tables."""
    ours = open_lake(settings)
    _land(ours, "a.csv", csv("s", range(20)))
    take_in(ours)
    before = picture(ours)
    with database(settings) as known:
        rows = known.execute("SELECT table_namespace, table_name, metadata_location FROM iceberg_tables").fetchall()
        spaces = {space for space, _, _ in rows}
        for table in ("iceberg_tables", "iceberg_namespace_properties"):
            known.execute(f"DROP TABLE {table}")
        known.execute(TABLES.format(more=", iceberg_type VARCHAR(5)" if version == "V1" else ""))
        known.execute(NAMESPACES)
        for space, table, location in rows:
            kind = ", 'TABLE'" if version == "V1" else ""
            told = f"'{name}', '{space}', '{table}', 'file:{location}', NULL{kind}"
            known.execute(f"INSERT INTO iceberg_tables VALUES ({told})")
        for space in spaces:
            known.execute(f"INSERT INTO iceberg_namespace_properties VALUES ('{name}', '{space}', 'exists', 'true')")
        if version == "V1":
            known.execute(VIEW)
    return before


def _land(lake: Lake, name: str, content: bytes) -> None:
    path = Path(lake.settings.lake) / "raw" / "readings" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def views(settings: Settings) -> int:
    with database(settings) as known:
        return int(known.execute("SELECT count(*) FROM iceberg_tables WHERE iceberg_type = 'VIEW'").fetchone()[0])


@pytest.mark.parametrize("version", ["V0", "V1"])
def test_what_java_made_is_read_written_moved_and_restored(settings: Settings, version: str) -> None:
    before = as_java_makes_it(settings, version)
    there = open_lake(settings)
    assert picture(there) == before
    assert "lab.a_view" not in there.tables.names()
    _land(there, "b.csv", csv("t", range(5)))
    take_in(there)
    assert rows_of(there, READINGS.table).height == 25
    with database(settings) as known:
        known.execute("DELETE FROM iceberg_tables WHERE table_name = 'readings'")
    assert restore(settings, now()) is not None
    assert rows_of(open_lake(settings), READINGS.table).height == 25
    elsewhere = Settings(home=settings.home.with_name("moved"), settle_seconds=0, **_catalog_of(settings))
    move(str(settings.home), str(elsewhere.home), elsewhere, all_sources())
    assert rows_of(open_lake(elsewhere), READINGS.table).height == 25
    if version == "V1" and not settings.catalog.startswith("sqlite"):
        assert views(elsewhere) == 1


def _catalog_of(settings: Settings) -> dict[str, str]:
    return {} if settings.catalog.startswith("sqlite") else {"catalog": settings.catalog}


def test_a_catalog_of_another_name_is_refused_with_the_name(settings: Settings) -> None:
    as_java_makes_it(settings, "V0", name="prod")
    with pytest.raises(HomeRefused, match=r"as those of 'prod'; expected was 'lake'.*UPDATE iceberg_tables") as refused:
        open_lake(settings)
    with database(settings) as known:  # as it says
        known.execute(str(refused.value).partition("properties`: ")[2])
    assert rows_of(open_lake(settings), READINGS.table).height == 20


def test_a_table_with_a_warehouse_of_its_own_is_refused_with_both_places(settings: Settings, tmp_path: Path) -> None:
    as_java_makes_it(settings, "V1")
    shutil.copytree(settings.home / "lake" / "tables" / "lab" / "readings", tmp_path / "theirs" / "lab.db" / "readings")
    metadata = next((tmp_path / "theirs").rglob("*.metadata.json"))
    with database(settings) as known:
        known.execute(f"UPDATE iceberg_tables SET metadata_location = 'file:{metadata}' WHERE table_name = 'readings'")
    with pytest.raises(
        HomeRefused, match=r"lab.readings, which lies in .*/theirs/lab.db/readings; expected was .*/lake/tables/lab"
    ):
        open_lake(settings)


def test_a_table_of_that_name_that_is_none_of_icebergs_is_refused(settings: Settings) -> None:
    as_java_makes_it(settings, "V0")
    with database(settings) as known:
        known.execute("DROP TABLE iceberg_tables")
        known.execute("CREATE TABLE iceberg_tables (name VARCHAR(10), place VARCHAR(10))")
    with pytest.raises(
        HomeRefused, match=r"has the columns name, place; Iceberg's has catalog_name, metadata_location"
    ):
        open_lake(settings)
