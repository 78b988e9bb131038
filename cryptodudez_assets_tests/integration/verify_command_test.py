"""`cryptodudez verify` and `rebuild` as a person uses them: named, with what to do, and in the exit code."""

import json
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets.cli import main
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.integration.materialize_test import bring_in, one_more_candle
from cryptodudez_assets_tests.unit.verify_test import flip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    lake = open_lake(Settings(home=tmp_path / "home", settle_seconds=0))
    bring_in(lake, "crypto_prices", one_more_candle(tmp_path / "a.csv", "2021-01-01"))
    return tmp_path / "home"


def cryptodudez(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_what_differs_is_named_and_made_again(home: Path) -> None:
    sound = cryptodudez("verify")
    assert (sound.exit_code, sound.output.splitlines()[-1].partition(": ")[2]) == (0, "0 differ from what was written")
    (path,) = (home / "lake" / "tables" / "market" / "crypto_prices").rglob("*.parquet")
    flip(path, Random(1))
    raw = next((home / "lake" / "raw").rglob("*.csv"))

    told = cryptodudez("verify", "--json")
    assert told.exit_code == 1
    (difference,) = json.loads(told.stdout)["differences"]
    assert (difference["kind"], difference["where"]) == ("data file", str(path))
    assert "`cryptodudez rebuild market.crypto_prices`" in cryptodudez("verify", "market.crypto_prices").output

    rebuilt = cryptodudez("rebuild", "market.crypto_prices")
    assert rebuilt.exit_code == 0, rebuilt.output
    assert "rebuilt: market.crypto_prices, 1 rows" in rebuilt.output
    assert cryptodudez("verify").exit_code == 0

    raw.unlink()
    gone = cryptodudez("rebuild", "market.crypto_prices")
    assert gone.exit_code == 1
    assert f"1 raw files are gone, changed or damaged: {raw} (1 rows)" in gone.output
    assert f"raw file {raw} of crypto_prices is missing" in cryptodudez("verify").output


def test_a_name_that_is_no_table_is_met_with_the_nearest(home: Path) -> None:
    for command in ("verify", "rebuild"):
        told = cryptodudez(command, "market.crypto_price")
        assert told.exit_code == 1
        assert "did you mean market.crypto_prices?" in told.output


def test_there_is_nothing_to_verify_in_an_empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "none"))
    told = cryptodudez("verify")
    assert (told.exit_code, "nothing at" in told.output) == (0, True)
    assert not (tmp_path / "none").exists()
