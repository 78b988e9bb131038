"""What `docs/briefs.md` says of a demo: commands that only look say something, files are there, raw files are untouched, models trained."""

import re
import shlex
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import briefs_ran
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.ether import VOLUME_MODEL

LOOKS = ("sql", "status", "quarantine", "metric", "alerts")
SHOWN = {told for line in briefs_ran.lines() for told in re.findall(r"`cryptodudez ([^`]*)`", line.shown)}
COMMANDS = sorted(told for told in SHOWN if told.split()[0] in LOOKS)
NAMES = r"\b(DAY|CURRENCY|ID)\b"
LOOKED_UP = re.findall(r"^- .*: `cryptodudez (sql .*)`$", briefs_ran.PAGE.read_text(), re.M)


@pytest.fixture
def home(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(demo_home))
    monkeypatch.chdir(ROOT)
    return demo_home


def test_files_are_where_it_says(home: Path) -> None:
    shown = {told for line in briefs_ran.lines() for told in re.findall(r"`\.cryptodudez/([^`]*)`", line.shown)}
    assert len(shown) >= 8
    assert [path for path in shown if not (home / path).exists()] == []


def test_what_landed_lies_in_the_raw_zone_byte_by_byte_when_all_is_computed(home: Path) -> None:
    (samples,) = home.glob("samples/*/")
    landed = [path.name for path in (home / "lake" / "raw").iterdir()]
    assert len(landed) >= 10
    for source in landed:
        assert digests(home / "lake" / "raw" / source) == digests(samples / source), source


def digests(folder: Path) -> set[str]:
    return {sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_from_landed_stocks_a_model_of_volume_was_trained_and_serves(home: Path) -> None:
    settings = Settings(home=home)
    serving = registry_of(settings, VOLUME_MODEL).champion()
    assert serving is not None
    landed = open_lake(settings).tables.table("market.stock_market")
    assert serving.trained_on.table == "features.stock_rolling"
    assert serving.trained_on.inputs == {"market.stock_market": content_of(landed)}
    assert serving.trained_on.rows > 0


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
