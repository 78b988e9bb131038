"""The asset check `no_look_ahead` on the tables of a lake: what it says, and of what."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import dagster as dg
import pytest

from cryptodudez_assets.defs.derived_assets import build_derived_assets
from cryptodudez_assets.defs.derived_checks import build_derived_checks
from cryptodudez_assets.defs.feature_checks import FEW, SpotCheck, build_look_ahead_check, spot_check
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.features.moments import ALL_ROWS
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import take_in
from cryptodudez_assets_tests.planted_leaks import HONEST, LEAKS
from cryptodudez_assets_tests.rig import checks_of

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap"
TABLE = "market.crypto_prices"


def candles() -> Iterator[str]:
    """Two coins over 90 days."""
    yield HEADER
    for number in range(90):
        for symbol, price in (("ETH", 200 + 7 * (number % 11)), ("DOGE", 3 + number % 5)):
            day = f"2020-{number // 30 + 4:02}-{number % 30 + 1:02} 23:59:59"
            yield f"{number},{symbol},{symbol},{day},{price + 1},{price - 1},{price},{price},{1000 + number},9000"


@pytest.fixture
def coins(lake: Lake, drop: Callable[[str, str, bytes], Path]) -> Lake:
    drop("crypto_prices", "coins.csv", ("\n".join(candles()) + "\n").encode())
    take_in(lake, all_sources()["crypto_prices"])
    return lake


def test_a_change_of_a_table_is_looked_at_and_the_check_says_what_it_saw(coins: Lake) -> None:
    view = all_views()["crypto_daily"]
    made = dg.Definitions(
        assets=[build_derived_assets(view)],
        asset_checks=[*build_derived_checks(view), build_look_ahead_check(view)],
        resources={"lake": LakeResource(home=str(coins.settings.home))},
    )
    found = checks_of(made.resolve_implicit_global_asset_job_def().execute_in_process())["no_look_ahead"]
    told = {name: value.value for name, value in found.metadata.items()}
    assert found.passed
    assert found.description == "does not look ahead at any of 60 moments"
    assert sum(told["moments"].values()) == 60
    assert told["moments"].keys() >= {ALL_ROWS, "newest rows", "month ends", "largest moves", "any"}
    assert told["rows_compared"] > 1000
    assert told["keys"] == "all keys"
    assert told["snapshots"] == {TABLE: str(coins.tables.table(TABLE).current_snapshot().snapshot_id)}
    assert told["differences"] == {}


def test_all_moments_are_followed_by_a_few_until_a_while_has_passed_or_the_code_is_another(
    coins: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = all_views()["crypto_daily"]
    resources = {"lake": LakeResource(home=str(coins.settings.home))}
    instance = dg.DagsterInstance.ephemeral()

    def look(view: FeatureView) -> int:
        """At how many moments a run looks."""
        made = dg.Definitions(
            [build_derived_assets(view)],
            asset_checks=[*build_derived_checks(view), build_look_ahead_check(view)],
            resources=resources,
        )
        done = made.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
        return sum(checks_of(done)["no_look_ahead"].metadata["moments"].value.values())

    assert [look(view) for _ in range(3)] == [60, FEW, FEW]
    monkeypatch.setitem(vars(view), "code_hash", "other code")
    assert look(view) == 60
    monkeypatch.setattr("cryptodudez_assets.defs.feature_checks.MEANWHILE", timedelta(0))
    assert look(view) == 60


def test_a_leak_is_told_with_its_rows_and_columns(coins: Lake) -> None:
    found = spot_check(coins, LEAKS["next close at month ends"], Random(1))
    assert str(found) == "looks ahead at 1 of 60 moments: 2020-04-30 23:59"
    (april,) = (told for moment, told in found.metadata["differences"].items() if moment.startswith("2020-04-30"))
    assert april[0].startswith("symbol DOGE, event_ts 2020-04-30 23:59:59+00:00")
    assert april[0].endswith(": value")


def test_tables_that_are_not_there_yet_are_no_leak(lake: Lake) -> None:
    found = spot_check(lake, HONEST["stock with the last of Ether's closes"], Random(1))
    assert found == SpotCheck([], "none", {})
    assert str(found).startswith("no moment to look at")
