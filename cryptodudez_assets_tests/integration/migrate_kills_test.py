"""Whoever moves a lake dies by SIGKILL, at 20 points of the way, and the same call ends in what an uninterrupted one leaves."""

from pathlib import Path
from signal import SIGKILL

import psycopg
import pytest

from cryptodudez_assets.lake.store.moved import HomeMoved
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, rows_of, take_in
from cryptodudez_assets_tests.conftest import Once
from cryptodudez_assets_tests.homes_builder import land
from cryptodudez_assets_tests.migrations import bring, copied, fill, killed, picture, to_folder

pytestmark = [pytest.mark.long, pytest.mark.servers]

POINTS = 20


@pytest.fixture(scope="session")
def lived(once: Once) -> Path:
    return once("migrations", lambda folder: fill(folder / "home")) / "home"


def test_killed_at_any_point_it_ends_as_if_nothing_had_happened(
    lived: Path, tmp_path: Path, s3_endpoint: str, postgres: str
) -> None:
    """Every fourth time the lake goes to S3 and PostgreSQL."""
    calm = copied(lived, tmp_path / "calm" / "home")
    done, steps = bring(calm, to_folder(calm))
    assert done is not None
    expected = picture(to_folder(calm))
    assert picture(calm) == expected
    for point in range(POINTS):
        source = copied(lived, tmp_path / f"{point}" / "home")
        target = to_folder(source) if point % 4 else in_cloud(source, s3_endpoint, postgres, f"{tmp_path.name}_{point}")
        step = 1 + point * (len(steps) - 1) // (POINTS - 1)
        assert killed(source, target, step) == -SIGKILL, f"step {step}"
        done, _ = bring(source, target)
        assert done is not None
        assert picture(target) == expected, f"after death at step {step}"
        with pytest.raises(HomeMoved, match="was moved to"):
            land(open_lake(source), "late.csv", b"")
        lake = open_lake(target)
        land(lake, "more.csv", csv("more", range(7)))
        take_in(lake)
        assert rows_of(lake, READINGS.table).filter(sensor="more").height == 7


def in_cloud(source: Settings, s3_endpoint: str, postgres: str, name: str) -> Settings:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    catalog = postgres.replace("/postgres?", f"/{name}?")
    return Settings(
        home=source.home, lake=f"s3://lake/{name}", catalog=catalog, s3_endpoint=s3_endpoint, settle_seconds=0
    )
