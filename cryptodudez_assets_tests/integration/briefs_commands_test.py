"""The commands of `docs/briefs.md` that only look, typed on what a demo leaves: each says something."""

import re
import shlex
from decimal import Decimal
from pathlib import Path

import briefs_ran
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets_tests.conftest import ROOT

LOOKS = ("sql", "status", "quarantine", "metric", "alerts")
SHOWN = {told for line in briefs_ran.lines() for told in re.findall(r"`cryptodudez ([^`]*)`", line.shown)}
COMMANDS = sorted(told for told in SHOWN if told.split()[0] in LOOKS)
NAMES = r"\b(DAY|CURRENCY|ID)\b"
LOOKED_UP = re.findall(r"^cryptodudez (sql .*)$", briefs_ran.PAGE.read_text(), re.M)


@pytest.fixture
def home(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(demo_home))
    monkeypatch.chdir(ROOT)
    return demo_home


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_something(command: str, home: Path) -> None:
    if re.search(NAMES, command):
        names = given()
        command = re.sub(NAMES, lambda found: names[found[1]], command)
    assert typed(*shlex.split(command))


def test_a_day_and_currency_of_ones_own_have_an_amount(home: Path) -> None:
    (question,) = (told for told in COMMANDS if "CURRENCY" in told)
    names = given()
    row = typed(*shlex.split(re.sub(NAMES, lambda found: names[found[1]], question)), "--format", "csv")[0]
    currency, amount, _ = row.split(",")
    assert (currency, Decimal(amount) > 0) == (names["CURRENCY"], True)


def given() -> dict[str, str]:
    """What the page says where to find: a day, a currency and a user of this home."""
    day, user = (typed(*shlex.split(told), "--format", "csv")[0] for told in LOOKED_UP)
    return dict(zip(("DAY", "CURRENCY", "ID"), [*day.split(","), user], strict=True))


def typed(*words: str) -> list[str]:
    """What stands below the first line of what a command prints."""
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines()[1:] if line.strip()]
