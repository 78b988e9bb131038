"""A model costs one file: another coin's signal, declared, goes from landed archives to its route, a receipt and what explains it."""

import io
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from rich.console import Console

from cryptodudez_assets import declared_models
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.features import all_views, left_out
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.iceberg.provenance import kept
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.drifting import latest_look, look
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.verify import verify_models
from cryptodudez_assets.products.declared import all_products
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets.rebuilding import rebuild
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import toy_model
from cryptodudez_assets_tests.builders import open_lake, rows_of
from serving.app import create_app

pytestmark = pytest.mark.long

CHECKS = {
    "training_set": {"contract", "intact", "rebuilds_exactly"},
    "asset": {"better_than_champion"},
    "champion": {"champion_loads"},
    "drift": {"no_drift"},
    "record": {"contract", "intact", "online_is_offline"},
}


def forget() -> None:
    for found in (declared_models.declared_models, declared_models.all_models, all_derived, all_views):
        found.cache_clear()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignalModel]:
    """Declared by a file that lies beside the others."""
    folder = tmp_path_factory.mktemp("declared")
    shutil.copy(toy_model.__file__, folder / "btc_signal.py")
    declared_models.__path__.append(str(folder))
    forget()
    found = declared_models.all_models()["btc_signal"]
    assert isinstance(found, SignalModel)
    yield found
    declared_models.__path__.remove(str(folder))
    sys.modules.pop(f"{declared_models.__name__}.btc_signal")
    forget()


@dataclass
class Home:
    lake: Lake
    said: str


@pytest.fixture(scope="module")
def home(model: SignalModel, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Archives were landed and `cryptodudez run` has been called."""
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("home")))
    archives = tmp_path_factory.mktemp("archives")
    for name in simulate(archives, "tiny", last_day=now().date() - timedelta(days=1)).sources:
        list(land(lake, name, sorted((archives / name).iterdir())))
    said = io.StringIO()
    assert run_pending(lake, list(all_sources()), Console(file=said, width=200)), said.getvalue()
    return Home(lake, said.getvalue())


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[TestClient[Litestar]]:
    with TestClient(create_app(home.lake.settings)) as client:
        yield client


def test_the_declaration_alone_makes_views_assets_and_checks(model: SignalModel) -> None:
    assert not left_out()
    assert {"btc_daily", "btc_sensitivity_daily", "btc_predictors_daily"} <= set(all_views())
    definitions = build_definitions(all_sources().values(), all_views().values())
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert {key_of(name) for name in model.tables} <= set(graph.get_all_asset_keys())
    names = {(key.asset_key, key.name) for key in graph.asset_check_keys}
    for part, checks in CHECKS.items():
        assert {(key_of(getattr(model, part)), check) for check in checks} <= names
    conditions = [graph.get(key_of(name)).automation_condition for name in model.tables]
    assert all(conditions)


def test_it_is_trained_and_its_base_rates_serve_until_it_has_shown_skill(home: Home, model: SignalModel) -> None:
    registry = registry_of(home.lake.settings, model)
    champion = registry.champion()
    assert champion is not None
    assert champion.name == "btc_signal"
    assert champion.trained_on.table == "ml.btc_training_set"
    assert champion.trained_on.inputs.keys() == {view.history for view in inputs_of(model).views}
    assert (home.lake.settings.home / "reports" / "btc_signal.html").read_text().count("Bitcoin signal") >= 1
    rows = training_set.read(home.lake, model).rows
    closes = rows_of(home.lake, "features.crypto_daily").filter(symbol="BTC").sort("event_ts")["close"]
    assert rows["close"].to_list() == closes.to_list()


def test_nothing_is_behind_then(home: Home) -> None:
    found = standing(home.lake, all_products(home.lake))
    assert [str(one) for one in found.behind] == []


def test_its_route_gives_a_receipt_that_explains_itself(
    home: Home, client: TestClient[Litestar], model: SignalModel
) -> None:
    answer = client.get("/signal/btc")
    told = answer.json()
    assert answer.status_code == 200, told
    assert (told["model"], set(told["features"])) == ("btc_signal", set(inputs_of(model).names))
    assert "btc_predictors_daily__btc_log_return_1d" in told["features"]
    explained = explain(home.lake, told["receipt_id"])
    assert explained.replay.replayed
    assert {one.table for one in explained.lineage} == {"features.crypto_daily", "features.btc_predictors_daily"}
    assert {one.source for one in explained.files} >= {"crypto_prices", "elon_tweets"}


def test_the_dashboard_has_a_page_for_each_signal(client: TestClient[Litestar], model: SignalModel) -> None:
    first, other = client.get("/").text, client.get("/dashboard/btc_signal").text
    assert '<span class="asset">Ethereum</span>' in first
    assert 'href="/dashboard/btc_signal">Bitcoin' in first
    assert '<span class="asset">Bitcoin</span>' in other
    assert 'href="/">Ethereum' in other
    assert client.get("/signal/btc").json()["receipt_id"] in other


def test_its_drift_is_looked_for(home: Home, model: SignalModel) -> None:
    looks = look(home.lake, model)
    assert looks is not None
    assert looks.model_version.startswith("btc_signal-")
    assert looks.found.keys() == {"days", "requests"}
    assert latest_look(home.lake, model).is_empty(), "no day has passed since it was trained"
    assert {path.name for path in (home.lake.settings.home / "reports").glob("btc_*drift*.html")} == {
        f"btc_signal_drift_of_{sample}.html" for sample in ("days", "requests")
    }


def test_upkeep_forgets_no_training_data(home: Home, model: SignalModel) -> None:
    list(maintain(home.lake, grace=timedelta(0)))
    for path in sorted((Path(home.lake.settings.lake) / "models").iterdir()):
        registry = registry_of(home.lake.settings, declared_models.all_models()[path.name])
        for version in registry.versions():
            told = registry.manifest(version).trained_on
            assert told.inputs, f"{path.name} does not say what it was made from"
            assert kept(home.lake.tables.table(told.table), told.snapshot_id) is not None
            assert home.lake.tables.scan(told.table, snapshot_id=told.snapshot_id) is not None


def test_its_files_are_verified_and_its_training_set_is_made_again(home: Home, model: SignalModel) -> None:
    verified = verify_models(home.lake.settings)
    assert {one.of for one in verified} == declared_models.all_models().keys()
    assert not any(one.differences for one in verified)
    before = training_set.read(home.lake, model).rows
    assert rebuild(home.lake, model.training_set).tables == [model.training_set]
    assert training_set.read(home.lake, model).rows.equals(before)


def test_the_volume_has_a_receipt_too(home: Home, client: TestClient[Litestar]) -> None:
    answer = client.get("/predict?vol_moving_avg=12345&adj_close_rolling_med=25")
    assert answer.status_code == 200, answer.text
    explained = explain(home.lake, answer.headers["X-Receipt-Id"])
    assert explained.replay.replayed
    assert explained.receipt.answer == answer.json()
    assert {one.source for one in explained.files} >= {"stock_market"}


def test_a_comment_is_no_other_model(model: SignalModel) -> None:
    before = training_set.code_hash(model)
    text = Path(toy_model.__file__).read_text()
    declared = next(one for one in declared_models.declared_models().taken if one.value.name == model.name)
    declared.file.write_text(f'# A comment.\n{text}\n"""Words."""\n')
    sys.modules.pop(f"{declared_models.__name__}.btc_signal")
    forget()
    again = declared_models.all_models()["btc_signal"]
    assert isinstance(again, SignalModel)
    assert training_set.code_hash(again) == before
