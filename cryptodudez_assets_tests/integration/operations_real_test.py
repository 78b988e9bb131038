"""The page for operators: its commands, in its order, on a home of real archives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.file_entries import FILES
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.homes_builder import at

pytestmark = pytest.mark.long

TABLES = {"crypto_prices": "market.crypto_prices", "elon_tweets": "social.elon_tweets"}
ARCHIVES = {"crypto_prices": "cryptocurrency_historical_prices.zip", "elon_tweets": "elon_musk_tweets.zip"}


def test_the_commands_of_the_page_work_in_their_order(tmp_path: Path, real_data: Path) -> None:
    archives = {name: real_data / "teraflow" / file for name, file in ARCHIVES.items()}
    if missing := [str(path) for path in archives.values() if not path.is_file()]:
        pytest.skip(f"no {', '.join(missing)} (set CRYPTODUDEZ_REAL_DATA)")
    home = tmp_path / "cryptodudez"
    lake = open_lake(at(home))
    for name, path in archives.items():
        list(land(lake, name, [path]))
        take_in(lake, all_sources()[name])
    before = {table: rows_of(lake, table) for table in TABLES.values()}
    commands = "\n".join(documented.page("docs/operations.md").commands).replace("/srv/", f"{tmp_path}/")
    done = subprocess.run(
        ["bash", "-euc", commands], env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for place in ("cryptodudez", "trial"):
        after = open_lake(at(tmp_path / place))
        for table, rows in before.items():
            assert rows_of(after, table).sort(rows.columns).equals(rows.sort(rows.columns)), f"{place} {table}"
        assert rows_of(after, FILES.name)["uri"].str.starts_with(f"{tmp_path}/{place}/lake/raw/").all()


def environment() -> dict[str, str]:
    tools = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "CRYPTODUDEZ_SETTLE_SECONDS": "0"}
