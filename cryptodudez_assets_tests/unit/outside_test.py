"""What the machine or a server refuses is told in a line; faults of ours keep their traceback."""

import errno
import sqlite3
from pathlib import Path

import click
import polars as pl
import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from cryptodudez_assets.cli import Commands, main
from cryptodudez_assets.outside import OF_THE_MACHINE, refusal


@pytest.mark.parametrize("number", sorted(OF_THE_MACHINE))
def test_what_the_machine_refuses_is_told_with_the_place(number: int) -> None:
    told = refusal(OSError(number, "refused", "/some/where"))
    assert told is not None
    assert told.startswith("/some/where: ")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "full", "/lake/x"), "/lake/x: No space left on device: free some space"),
        (pl.exceptions.ComputeError("No space left on device (os error 28)"), "No space left on device: free some"),
        (sqlite3.OperationalError("database or disk is full"), "a database: No space left on device: free some"),
        (OperationalError("insert", {}, sqlite3.OperationalError("attempt to write a readonly database")), "a database: Read-only"),
        (psycopg.OperationalError("connection refused\nIs the server running?"), "the database server cannot be used: connection refused"),
    ],
)  # fmt: skip
def test_servers_databases_and_full_disks_are_told(error: Exception, told: str) -> None:
    assert (refusal(error) or "").startswith(told)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        FileNotFoundError(errno.ENOENT, "gone", "/a"),
        sqlite3.OperationalError("no such table: x"),
        pl.exceptions.ComputeError("wrong"),
    ],
)
def test_faults_of_ours_are_not(error: Exception) -> None:
    assert refusal(error) is None


def test_a_command_ends_in_a_line_where_the_machine_refuses_and_in_a_traceback_where_we_failed() -> None:
    @click.group(cls=Commands)
    def commands() -> None:
        pass

    @commands.command()
    def full() -> None:
        raise OSError(errno.ENOSPC, "full", "/lake\x1b[2J")

    @commands.command()
    def wrong() -> None:
        raise KeyError("x")

    done = CliRunner().invoke(commands, ["full"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "\x1b" not in done.output
    assert isinstance(CliRunner().invoke(commands, ["wrong"]).exception, KeyError)


def test_samples_are_not_written_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["simulate", str(tmp_path / "file"), "--size", "tiny"])
    assert done.exit_code == 1
    assert "file/" in done.output
    assert "Not a directory" in done.output
