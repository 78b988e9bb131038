"""A home may have any name that a folder can have: all that is kept in it is kept there, and can be read again."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets.cli import main
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.settings import Settings

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
CANDLE = "1,Testcoin,TST,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n"
NAMES = ["a?b", "a%20b", "50%?x=1&y#z", ' it\'s "q"; [*]{x}$HOME\\', "-ü €\nnew line"]


@pytest.mark.parametrize("name", NAMES)
def test_landing_running_asking_and_serving_work_in_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    home, archive = tmp_path / "homes" / name, tmp_path / "coins.csv"
    archive.write_text(HEADER + CANDLE)

    assert "landed" in command(home, "land", "crypto_prices", str(archive)).output
    assert ": done" in command(home, "run").output
    assert "nothing new" in command(home, "run").output
    told = command(home, "sql", "select count(*) n from market.crypto_prices", "--format", "json").stdout
    assert json.loads(told) == [{"n": 1}]
    store = open_online_store(Settings(home=home).online)
    (row,) = store.newest(all_views()["crypto_daily"], [{"symbol": "TST"}], ["close"])
    store.close()
    assert row["close"] == 1.5
    assert row["known_ts"] <= now()

    assert [path.name for path in (tmp_path / "homes").iterdir()] == [name]  # and nothing elsewhere
    assert {"catalog.db", "dagster", "lake", "online.db"} <= {path.name for path in home.iterdir()}
    assert list((home / "dagster").rglob("*.db"))


@pytest.mark.parametrize("name", ["odd\udcff", "ends\x00here"])
def test_a_home_that_cannot_be_named_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    told = CliRunner(env={} if "\x00" in name else {"CRYPTODUDEZ_HOME": str(home)}).invoke(main, ["land", "--help"])
    assert told.exit_code == 0  # help is always to be had
    with pytest.raises(ValueError, match="must be"):
        Settings(home=home)


@pytest.mark.parametrize("lake", ["s3://bucket/a?b", "gs://bucket/a%20b", "s3://bucket/a#b"])
def test_a_bucket_s_address_has_no_signs_that_urls_read(lake: str) -> None:
    with pytest.raises(ValueError, match="must have none of"):
        Settings(lake=lake)


def command(home: Path, *words: str) -> Result:
    done = CliRunner(env={"CRYPTODUDEZ_HOME": str(home), "CRYPTODUDEZ_SETTLE_SECONDS": "0"}).invoke(main, list(words))
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done
