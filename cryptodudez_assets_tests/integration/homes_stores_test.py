"""Moving and restoring where the catalog is a PostgreSQL database, and where the lake is a bucket."""

import shutil
from pathlib import Path

import psycopg
import pytest

from cryptodudez_assets.lake.iceberg.catalog_database import back_up
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import csv, open_lake, take_in
from cryptodudez_assets_tests.homes_builder import content, land


def begun(settings: Settings) -> Lake:
    lake = open_lake(settings)
    land(lake, "a.csv", csv("s", range(5), bad=1))
    take_in(lake)
    return lake


def empty(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM iceberg_tables")


def test_a_home_with_its_catalog_in_postgresql_moves_and_is_restored(tmp_path: Path, database: str) -> None:
    old, new = (Settings(home=tmp_path / name, catalog=database, settle_seconds=0) for name in ("h1", "h2"))
    before = content(begun(old))
    shutil.copytree(old.home, new.home)
    with pytest.raises(HomeRefused, match="move-home"):
        open_lake(new)
    with pytest.raises(HomeRefused, match="is still there, and its catalog is not a file in it"):
        move(str(old.home), str(new.home), new, all_sources())
    assert content(open_lake(old)) == before
    shutil.rmtree(new.home)
    move(str(old.home), str(new.home), new, all_sources())
    assert content(open_lake(new)) == before
    empty(database)
    with pytest.raises(HomeRefused, match=r"no table is named by the catalog at PostgreSQL .*pg_restore"):
        open_lake(new)
    assert restore(new, now()) is not None
    assert content(open_lake(new)) == before
    assert restore(new, now()) is None
    assert back_up(new, now()) is None


def test_a_lake_in_a_bucket_is_restored_and_does_not_move(tmp_path: Path, s3_endpoint: str) -> None:
    home = tmp_path / "home"
    cloud = Settings(home=home, lake=f"s3://lake/{tmp_path.name}", s3_endpoint=s3_endpoint)
    before = content(begun(cloud))
    with pytest.raises(HomeRefused, match=f"set CRYPTODUDEZ_LAKE={cloud.lake}; tables in a bucket do not move"):
        open_lake(Settings(home=home))
    with pytest.raises(HomeRefused, match="is a bucket, which does not move with its home"):
        move(str(home), str(tmp_path / "h2"), cloud, all_sources())
    (home / "catalog.db").unlink()
    with pytest.raises(HomeRefused, match="there is no catalog at"):
        open_lake(cloud)
    restore(cloud, now())
    assert content(open_lake(cloud)) == before
