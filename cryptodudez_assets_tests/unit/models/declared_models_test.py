"""What holds of every declared model, and of a toy: it has its assets, checks, products, route and page of the docs."""

from dataclasses import replace
from pathlib import Path

import pytest

from cryptodudez_assets import declared_models
from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.declared_models.declaration import Model, problem_of
from cryptodudez_assets.declared_models.forecast import VolumeForecast
from cryptodudez_assets.declared_models.signal import Coin, SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.coin_views import views_of
from cryptodudez_assets.features.declaration import refuse_too_early
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import toy_model
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.model_builders import fitted_toy, toy_draft, toy_files
from serving.app import create_app

TOY = toy_model.MODEL
OF_NO_MAIN_COIN = replace(TOY, name="xmr_signal", coin=Coin("XMR", "Monero", ("monero",)), serves="/signal/xmr")
DECLARED = list(all_models().values())
each_model = pytest.mark.parametrize("model", DECLARED, ids=lambda model: model.name)
each_signal = pytest.mark.parametrize(
    "model",
    [*(one for one in DECLARED if isinstance(one, SignalModel)), TOY, OF_NO_MAIN_COIN],
    ids=lambda model: model.name,
)


@each_model
def test_it_has_assets_checks_and_products(model: Model) -> None:
    graph = defs().resolve_asset_graph()
    keys = {key_of(name) for name in model.tables}
    assert keys <= set(graph.get_all_asset_keys())
    assert (key_of(getattr(model, "champion", model.asset)), "champion_loads") in {
        (key.asset_key, key.name) for key in graph.asset_check_keys
    }
    made = {name for one in products_of(all_sources().values(), all_views().values()) for name in one.names}
    assert set(model.tables) <= made


@each_model
def test_it_has_a_route_that_is_documented(model: Model, settings: Settings) -> None:
    app = create_app(settings)
    assert model.serves in {route.path for route in app.routes}
    assert model.serves in (app.openapi_schema.paths or {})
    assert any(model.serves in page.read_text() for page in (ROOT / "docs").glob("*.md"))


@each_model
def test_its_tables_are_in_the_data_dictionary(model: Model) -> None:
    dictionary = (ROOT / "docs" / "data_dictionary.md").read_text()
    if isinstance(model, VolumeModel | VolumeForecast):
        assert f"## {model.reads}\n" in dictionary
    if isinstance(model, SignalModel):
        assert {f"## {name}\n" for name in (model.training_set, model.drift, model.record)} <= set(
            dictionary.splitlines(keepends=True)
        )


@pytest.mark.parametrize("model", [*DECLARED, TOY], ids=lambda model: model.name)
def test_no_version_is_registered_that_does_not_say_what_it_was_made_from(model: Model, tmp_path: Path) -> None:
    registry, draft = registry_of(Settings(home=tmp_path), model), toy_draft(fitted_toy())
    silent = draft.model_copy(update={"trained_on": draft.trained_on.model_copy(update={"inputs": {}})})
    with pytest.raises(ValueError, match=f"{model.name} is to say what"):
        registry.register(silent, toy_files(fitted_toy()))
    assert registry.versions() == []
    kept = registry.register(draft, toy_files(fitted_toy()))
    assert registry.manifest(kept.version) == kept
    assert kept.label == f"{model.name}-1"


@each_signal
def test_its_features_are_columns_of_its_views(model: SignalModel) -> None:
    views = {view.name: view for view in [*all_views().values(), *views_of(model.coin)]}
    inputs = inputs_of(model)
    for view, names in inputs.chosen.items():
        assert set(names) <= set(views[view].features)
    assert len(set(inputs.names)) == len(inputs.names)
    refuse_too_early(views_of(model.coin), {source.table: source.contract for source in all_sources().values()})


@each_signal
def test_its_views_are_told_apart_by_their_coin(model: SignalModel) -> None:
    other = replace(model.coin, terms=("other",))
    for one, changed in zip(views_of(model.coin), views_of(other), strict=True):
        assert one.code_hash != changed.code_hash
        assert one.code_hash == type(one).code_hash.func(one), "the same whenever it is asked for"


@each_signal
def test_a_change_of_the_coin_reaches_every_row(model: SignalModel) -> None:
    """Rows of other symbols stand on its close: one input has no symbol, so that a change of it is no matter of one key."""
    for view in views_of(model.coin):
        assert not [name for name in view.key if all(name in one.columns for one in view.inputs)]


def test_names_of_ethereum_are_as_they_were() -> None:
    ether = all_models()["eth_signal"]
    assert isinstance(ether, SignalModel)
    assert ether.tables == [
        *("ml.eth_training_set", "ml.eth_signal", "ml.eth_signal_champion", "ml.eth_signal_drift"),
        *("ml.eth_signal_report", "ml.eth_signal_record"),
    ]
    assert ether.serves == "/signal/eth"
    assert [view.name for view in views_of(ether.coin)] == ["eth_sensitivity_daily", "eth_predictors_daily"]
    assert inputs_of(ether).names[6:9] == (
        "eth_predictors_daily__eth_log_return_1d",
        "eth_predictors_daily__eth_log_return_7d",
        "eth_predictors_daily__eth_log_return_1d_lag_1",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Sol signal"}, "expected small letters"),
        ({"name": "../sol"}, "expected small letters"),
        ({"serves": "signal/sol"}, "expected a path"),
        ({"serves": "/models/sol"}, "the API answers something else there"),
        ({"owner": "nobody"}, "expected team:name"),
    ],
)
def test_what_cannot_be_taken_is_said(change: dict[str, str], why: str) -> None:
    assert why in (problem_of(replace(TOY, **change)) or "")
    assert problem_of(TOY) is None


@pytest.mark.parametrize(
    ("coin", "why"),
    [
        ({"symbol": "btc"}, "capital letters"),
        ({"symbol": "B/C"}, "capital letters"),
        ({"terms": ()}, "at least one word"),
        ({"terms": ("Two Words",)}, "small letters"),
    ],
)
def test_a_coin_that_cannot_be_is_refused(coin: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(TOY.coin, **coin)


def test_two_that_name_the_same_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(toy_model.__file__).read_text()
    (tmp_path / "one_signal.py").write_text(text)
    (tmp_path / "two_signal.py").write_text(text)
    monkeypatch.setattr(declared_models, "__path__", [*declared_models.__path__, str(tmp_path)])
    found = declared_models.declared_models.__wrapped__()
    assert {one.value.name for one in found.taken} == {model.name for model in DECLARED}
    assert len(found.taken) == len(DECLARED)
    assert len(found.left_out) == 2
    assert all("is declared in" in one.reason for one in found.left_out)


def test_the_columns_of_the_training_set_say_what_they_mean() -> None:
    assert [column.name for column in columns_of(training_contract(OF_NO_MAIN_COIN)) if not column.description] == []
