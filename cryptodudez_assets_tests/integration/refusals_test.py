"""Servers that cannot be started say so in a line, before anything is."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main

NOWHERE = "postgresql://joe:pw@127.0.0.1:1/db"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(home: Path, *words: str, **settings: str) -> str:
    """The line that it said."""
    done = CliRunner(env={"CRYPTODUDEZ_HOME": str(home), **settings}).invoke(main, words)
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit), done.exception  # else there would be a traceback
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line and not line.startswith(("Usage", "Try"))]
    assert "pw" not in line
    return line


@pytest.mark.parametrize("command", [["serve", "--port"], ["up", "--port"], ["up", "--api-port"]], ids=" ".join)
@pytest.mark.parametrize("port", ["0", "99999", "-1"])
def test_a_port_that_cannot_be_one(tmp_path: Path, command: list[str], port: str) -> None:
    assert "not in the range 1<=x<=65535" in refused(tmp_path, *command, port)


@pytest.mark.parametrize("command", [["serve", "--port"], ["up", "--port"], ["up", "--api-port"]], ids=" ".join)
def test_a_port_that_is_taken(tmp_path: Path, command: list[str], taken: int) -> None:
    line = refused(tmp_path, *command, str(taken))
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in line
    assert f"`{command[1]} {taken + 1}`" in line


@pytest.mark.parametrize("command", ["serve", "up"])
@pytest.mark.parametrize(
    ("setting", "named"), [("CATALOG", "the catalog's server"), ("ONLINE", "the online store's server")]
)
def test_a_database_server_that_does_not_answer(tmp_path: Path, command: str, setting: str, named: str) -> None:
    line = refused(tmp_path, command, **{f"CRYPTODUDEZ_{setting}": NOWHERE})
    assert line.startswith(f"Error: {named} cannot be used: ")


def test_an_address_that_others_reach_needs_a_key(tmp_path: Path) -> None:
    assert "CRYPTODUDEZ_API_KEY" in refused(tmp_path, "up", "--host", "0.0.0.0")  # noqa: S104


def test_a_database_that_does_not_answer_whatever_is_asked_of_it(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    told = refused(tmp_path, "status", CRYPTODUDEZ_CATALOG=NOWHERE)
    assert "cannot be used" in told
    assert "127.0.0.1" in told
