"""Any asset can be materialised alone, whatever it is usually made together with."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, take_in

CANDLES = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n" + "".join(
    f"1,Ethereum,ETH,2021-01-{day:02} 23:59:59,2,1,1.5,1.5,100,1000\n" for day in range(1, 10)
)


def landed(home: Path) -> Lake:
    lake = open_lake(Settings(home=home, settle_seconds=0))
    path = Path(lake.settings.lake) / "raw" / "crypto_prices" / "coins.csv"
    path.parent.mkdir(parents=True)
    path.write_text(CANDLES)
    return lake


def test_every_asset_of_the_graph(tmp_path: Path) -> None:
    lake = landed(tmp_path / "home")
    take_in(lake, all_sources()["crypto_prices"])
    definitions = build_definitions(
        all_sources().values(), all_views().values(), LakeResource(home=str(lake.settings.home))
    )
    graph = definitions.resolve_asset_graph()
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [key for layer in graph.toposorted_asset_keys_by_level for key in sorted(layer)]
    keys = [key for key in keys if graph.get(key).is_materializable]
    assert len(keys) > 40
    made = set()
    with dg.DagsterInstance.ephemeral() as instance:
        for key in keys:
            result = job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False)
            done = {event.asset_key for event in result.get_asset_materialization_events()} - graph.external_asset_keys
            assert result.success, key
            assert done <= {key}, key
            made |= done
    names = {key.to_user_string() for key in made}
    assert {"market/crypto_prices", "quarantine/rows/crypto_prices", "features/crypto_daily"} <= names
    assert {"online/crypto_daily", "catalog/tables", "catalog/features"} <= names


@pytest.mark.parametrize("key", ["market/crypto_prices"])
def test_through_dagster_s_own_command(tmp_path: Path, key: str) -> None:
    lake = landed(tmp_path / "home")
    take_in(lake, all_sources()["crypto_prices"])
    command = [str(Path(sys.executable).with_name("dagster")), "asset", "materialize"]
    command += ["-m", "cryptodudez_assets.definitions", "--select", key]
    (tmp_path / "dagster").mkdir()
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(tmp_path / "home"), "DAGSTER_HOME": str(tmp_path / "dagster")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-3000:]
