"""The commands of `docs/briefs.md` that only look, typed on what a demo leaves: each says something."""

import re
import shlex
from pathlib import Path

import briefs_ran
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets_tests.conftest import ROOT

LOOKS = ("sql", "status", "quarantine", "metric", "alerts")
SHOWN = {told for line in briefs_ran.lines() for told in re.findall(r"`cryptodudez ([^`]*)`", line.shown)}
COMMANDS = sorted(told for told in SHOWN if told.split()[0] in LOOKS)
DAY = "select max(date) from accounts.fact_currency_day where kind = 'deposit'"
USER = "select user_id from accounts.dim_user where user_id is not null limit 1"


@pytest.fixture
def home(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(demo_home))
    monkeypatch.chdir(ROOT)
    return demo_home


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_something(command: str, home: Path) -> None:
    if "day=" in command:
        command = command.replace("2026-11-20", typed("sql", DAY, "--format", "csv")[0])
    if "user_id=" in command:
        command = command.replace("=ID", f"={typed('sql', USER, '--format', 'csv')[0]}")
    assert typed(*shlex.split(command))


def typed(*words: str) -> list[str]:
    """What stands below the first line of what a command prints."""
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines()[1:] if line.strip()]
