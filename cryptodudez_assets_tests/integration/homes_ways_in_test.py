"""Every way into a home refuses one that is not its own, in one line, and leaves it as it was."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.store.places import inside
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import csv, open_lake, take_in
from cryptodudez_assets_tests.homes_builder import at, files_with_hashes, land
from serving.app import create_app

COMMANDS = [
    ["status"],
    ["status", "--files"],
    ["sql", "select 1"],
    ["run"],
    ["demo", "--size", "tiny"],
    ["land", "crypto_prices", "FILE"],
    ["quarantine", "list"],
    ["quarantine", "show", "x"],
    ["quarantine", "replay", "crypto_prices"],
    ["explain", "x"],
    ["up"],
    ["serve"],
]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("first") / "home"
    lake = open_lake(at(home))
    land(lake, "a.csv", csv("s", range(3)))
    take_in(lake)
    return home


@pytest.fixture
def strange(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that nobody made a home of its own, named by the environment."""
    shutil.copytree(first, tmp_path / "copy")
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "copy"))
    return tmp_path / "copy"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands(first: Path, strange: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "FILE").write_text("x")
    before = files_with_hashes(first.parent), files_with_hashes(strange)
    arguments = [str(tmp_path / one) if one == "FILE" else one for one in command]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1, done.output
    assert done.output.count("\n") == 1
    assert done.output.startswith(
        f"Error: the tables of {strange} lie in {first}/lake/tables, not in its lake {strange}/lake"
    )
    assert done.output.endswith(f"Run `cryptodudez move-home {first} {strange}`\n")
    assert (files_with_hashes(first.parent), files_with_hashes(strange)) == before


def code_location(_: Settings) -> object:
    from cryptodudez_assets.definitions import defs

    return defs.load_fn()


def feast(settings: Settings) -> object:
    pytest.importorskip("feast")
    from cryptodudez_assets.feature_store.feast_plugin import offline

    return offline.Lake.open(settings, {})


WAYS: dict[str, Callable[[Settings], object]] = {
    "code location": code_location,
    "resource": lambda settings: LakeResource(home=str(settings.home)).open(),
    "API and dashboard": create_app,
    "Feast": feast,
}


@pytest.mark.parametrize("way", WAYS)
def test_what_opens_a_home_by_code(strange: Path, way: str) -> None:
    before = files_with_hashes(strange)
    with pytest.raises(HomeRefused, match="move-home"):
        WAYS[way](at(strange))
    assert files_with_hashes(strange) == before


def test_the_command_that_the_line_names_mends_it(first: Path, strange: Path) -> None:
    refused = CliRunner().invoke(main, ["status"]).output
    command = refused.partition("`cryptodudez ")[2].partition("`")[0].split()
    assert CliRunner().invoke(main, command).exit_code == 0
    assert CliRunner().invoke(main, ["status"]).exit_code == 0


def test_a_catalog_that_is_gone_is_told_and_brought_back_by_command(first: Path, strange: Path) -> None:
    CliRunner().invoke(main, ["move-home", str(first), str(strange)])
    (strange / "catalog.db").unlink()
    done = CliRunner().invoke(main, ["status"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert not (strange / "catalog.db").exists()
    restored = CliRunner().invoke(main, ["restore-catalog"])
    assert "tables are named again" in restored.output
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    assert "left as it is" in CliRunner().invoke(main, ["restore-catalog"]).output


@pytest.mark.parametrize(
    ("location", "folder", "is_inside"),
    [
        ("/l/tables/a/b", "/l/tables", True),
        ("file:///l/tables/a/b", "/l/tables/", True),
        ("/l//tables/a", "/l/tables", True),
        ("/l/tables/../../other", "/l/tables", False),
        ("/l/tables-2/a", "/l/tables", False),
        ("/l/tables", "/l/tables", False),
        ("s3://b/l/tables/a", "s3://b/l/tables", True),
        ("s3://b/l/tables-2/a", "s3://b/l/tables", False),
        ("/b/l/tables/a", "s3://b/l/tables", False),
    ],
)
def test_what_lies_within_a_folder(location: str, folder: str, is_inside: bool) -> None:
    assert inside(location, folder) is is_inside
