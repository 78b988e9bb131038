"""The whole chain on the real archives: training set, models, verdict, report, served signal, receipt."""

from pathlib import Path

import pytest
from litestar.testing import TestClient

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.promoting import promote_if_better
from cryptodudez_assets.models.signal.reporting import write_report
from cryptodudez_assets.models.signal.training import TrainedSignal, train
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import ETHER, VIEWS
from cryptodudez_assets_tests.feature_frames import ingested
from cryptodudez_assets_tests.integration.features_real_test import ARCHIVES
from cryptodudez_assets_tests.stores import Store
from serving.app import create_app

pytestmark = pytest.mark.every_store

OPTIONS = SignalOptions()


@pytest.fixture(scope="module")
def lake(store: Store, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    settings = store.settings(tmp_path_factory.mktemp("home"))
    archives = {source: [real_data / "teraflow" / name for name in names] for source, names in ARCHIVES.items()}
    ingested(settings, archives)
    lake = open_lake(settings)
    for view in topological(all_views().values()):
        if all(map(lake.tables.table, view.needs(lambda name: lake.tables.table(name) is not None))):
            materialize(lake, view)
    return lake


@pytest.fixture(scope="module")
def trained(lake: Lake) -> TrainedSignal:
    assert training_set.update(lake, ETHER, OPTIONS) is not None
    trained = train(lake, ETHER, OPTIONS)
    promote_if_better(registry_of(lake.settings, ETHER))
    return trained


def test_the_report_states_the_base_rates_and_its_verdict(lake: Lake, trained: TrainedSignal) -> None:
    written = write_report(lake, ETHER)
    assert written is not None
    page = lake.store.read("reports/eth_signal.html").decode().replace("\N{NO-BREAK SPACE}", " ")
    for words in ("51.5 % in 2016–2021", "57.3 % in 2020 to July 2021", "48.5 % in 2019"):
        assert words in page
    assert f"Verdict: {trained.manifest.verdict.label}" in page


def test_what_was_judged_is_in_the_ledger(lake: Lake, trained: TrainedSignal) -> None:
    rows = lake.tables.scan("ml.trials")
    assert rows is not None
    recipes = rows.collect()["recipe"].to_list()
    assert recipes == ["boosted", "linear"]
    assert all(one.trials == 2 for one in trained.findings.candidates)


def test_without_skill_the_served_signal_is_hodl_and_its_receipt_replays(lake: Lake, trained: TrainedSignal) -> None:
    """There is no skill in these archives; a change that finds some had better be looked at twice."""
    assert not trained.manifest.verdict.skill
    store = open_online_store(lake.settings.online)
    for view in VIEWS:
        publish_latest(lake, view, store)
    store.close()
    with TestClient(create_app(lake.settings)) as client:
        answer = client.get("/signal/eth").json()
    assert (answer["decision"], answer["confidence"], answer["verdict"]) == ("HODL", "low", "no skill")
    assert answer["as_of"].startswith("2021-07-07")
    assert answer["reasons"][0].startswith("No model has shown skill.")
    assert answer["stale"]
    explained = explain(lake, answer["receipt_id"])
    assert explained.replay.replayed
    assert {Path(one.uri).name for one in explained.files} == {name for names in ARCHIVES.values() for name in names}


def test_the_training_set_can_be_built_again(lake: Lake, trained: TrainedSignal) -> None:
    snapshot_id = trained.manifest.trained_on.snapshot_id
    assert training_set.rebuild(lake, ETHER, snapshot_id).equals(training_set.read(lake, ETHER, snapshot_id).rows)
