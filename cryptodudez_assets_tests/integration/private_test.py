"""Who may read a home: its owner, and a group that it was opened to on purpose."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.iceberg.catalog_database import back_up
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, take_in


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(home: Path) -> None:
    """Everything that holds a database."""
    lake = open_lake(Settings(home=home, settle_seconds=0))
    assert lake.tables.names() == []
    Receipts(lake.settings.receipts).close()
    open_online_store(lake.settings.online).close()
    assert back_up(lake.settings, now())
    dagster_home(lake.settings)


def test_a_new_home_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    home = tmp_path / "home"
    fill(home)
    assert mode(home) == mode(home / "dagster") == mode(home / "backups") == 0o700
    databases = list(home.rglob("*.db*"))
    assert {path.name for path in databases} >= {"catalog.db", "online.db", "receipts.db"}
    assert {path.name: oct(mode(path)) for path in databases if mode(path) != 0o600} == {}


@pytest.mark.parametrize(
    ("before", "after", "database", "said"),
    [
        (0o755, 0o700, 0o600, True),  # by a umask
        (0o777, 0o770, 0o660, True),  # the group may write: this was meant, that everybody may was not
        (0o2775, 0o2770, 0o660, True),
        (0o750, 0o750, 0o640, False),  # open to a group on purpose
        (0o770, 0o770, 0o660, False),
        (0o2770, 0o2770, 0o660, False),
        (0o700, 0o700, 0o600, False),
    ],
    ids=lambda one: oct(one) if isinstance(one, int) else None,
)
def test_a_home_that_is_there_is_closed_to_those_for_whom_it_was_not_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: int, after: int, database: int, said: bool
) -> None:
    home = tmp_path / "home"
    fill(home)
    files = [home / name for name in ("catalog.db", "online.db", "receipts.db")]
    for path in files:
        path.chmod(0o666 & (before | 0o600) & ~0o111)
    home.chmod(before)
    caplog.clear()

    open_lake(Settings(home=home))

    assert oct(mode(home)) == oct(after)
    assert {oct(mode(path)) for path in files} == {oct(database)}
    assert ("everybody on this machine could read" in caplog.text) == said
    caplog.clear()
    open_lake(Settings(home=home))
    assert not caplog.text  # said once


def test_what_is_made_in_a_shared_home_is_the_group_s_too(
    tmp_path: Path, drop: Callable[..., Path], lake: Lake
) -> None:
    lake.settings.home.mkdir()
    lake.settings.home.chmod(0o2770)
    drop(READINGS.name, "a.csv", csv("s", range(3)))
    take_in(lake)
    assert mode(lake.settings.home) == 0o2770
    assert mode(lake.settings.home / "catalog.db") == 0o660


def test_a_lake_that_is_kept_elsewhere_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir(mode=0o755)
    (tmp_path / "lake").chmod(0o755)
    open_lake(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"))).tables.names()
    assert mode(tmp_path / "lake") == 0o755
