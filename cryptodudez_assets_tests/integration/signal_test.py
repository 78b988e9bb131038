"""The signal as Dagster runs it: who is promoted, what is requested when, what a death leaves, what is served."""

import warnings
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import numpy as np
import pytest
from litestar.testing import TestClient

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.model_assets import TRIALS
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal import training
from cryptodudez_assets.models.signal.training import train
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.datasets import noise, planted
from cryptodudez_assets_tests.ether import ETHER, NAMES, SIGNAL
from cryptodudez_assets_tests.rig import checks_of
from cryptodudez_assets_tests.signal_lake import fill
from serving.app import create_app

TRAINING_SET, MODEL, CHAMPION, DRIFT, REPORT, RECORD = map(key_of, ETHER.tables)
TRAINING = [TRAINING_SET, MODEL, TRIALS]
ALL = [*TRAINING, CHAMPION, RECORD, REPORT, DRIFT]


class Deployment:
    """The signal's assets on a lake of their own."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.registry = registry_of(lake.settings, ETHER)
        self.instance = dg.DagsterInstance.ephemeral()
        resource = LakeResource(home=str(lake.settings.home))
        self.definitions = build_definitions([], all_views().values(), resource)
        self._cursor: dg.AssetDaemonCursor | None = None
        self.requested()

    def run(self, keys: list[dg.AssetKey]) -> dg.ExecuteInProcessResult:
        """Materialise in one run."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False)

    def requested(self) -> set[dg.AssetKey]:
        """One tick of the automation sensor."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        return {one.key for one in result.results if one.true_subset.size}


def opened(home) -> Lake:
    return open_lake(Settings(home=home, settle_seconds=0))


@pytest.fixture(scope="module")
def without_signal(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    lake = opened(tmp_path_factory.mktemp("noise"))
    fill(lake, noise(seed=1, days=1100, features=len(NAMES)))
    return Deployment(lake)


@pytest.fixture(scope="module")
def with_signal(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    lake = opened(tmp_path_factory.mktemp("planted"))
    fill(lake, planted(seed=1, days=3000, features=len(NAMES), strength=0.6))
    return Deployment(lake)


def test_without_skill_the_base_rates_serve_and_the_run_is_green(without_signal: Deployment) -> None:
    result = without_signal.run(TRAINING)
    check = checks_of(result)["better_than_champion"]

    assert result.success
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "No skill" in (check.description or "")
    assert CHAMPION not in without_signal.requested(), "a candidate that did not pass is not promoted by automation"

    promoted = without_signal.run([CHAMPION, REPORT, DRIFT])
    champion = without_signal.registry.champion()
    assert promoted.success
    assert champion is not None
    assert champion.recipe == "base_rates"
    assert not without_signal.registry.verdict(champion.version).skill
    assert (without_signal.lake.settings.home / "reports" / "eth_signal.html").exists()


def test_a_signal_is_found_promoted_and_served(with_signal: Deployment) -> None:
    result = with_signal.run(ALL)
    champion = with_signal.registry.champion()

    assert result.success
    assert checks_of(result)["better_than_champion"].passed
    assert checks_of(result)["champion_loads"].passed
    assert champion is not None
    assert champion.verdict.skill
    with TestClient(create_app(with_signal.lake.settings)) as client:
        answer = client.get("/signal/eth").json()
        page = client.get("/").text
    assert answer["verdict"] == "skill"
    assert not answer["stale"]
    assert (
        answer["decision"] == answer["model_decision"] == max(answer["probabilities"], key=answer["probabilities"].get)
    )
    assert answer["decision"] in page


def test_the_same_recipe_on_the_same_days_is_a_refresh_and_no_new_trial(with_signal: Deployment) -> None:
    before, tried = with_signal.registry.champion(), len(ledger.trials_of(with_signal.lake, SIGNAL))
    trained = train(with_signal.lake, ETHER)
    assert before is not None
    assert trained.findings.best.trials == 2
    assert len(ledger.trials_of(with_signal.lake, SIGNAL)) == tried == 2
    assert with_signal.run([CHAMPION]).success
    after = with_signal.registry.champion()
    assert after is not None
    assert after.version > before.version


@pytest.mark.parametrize(("step", "seed"), [("to_onnx", 1), ("dumps", 2)])
def test_a_training_that_dies_leaves_the_champion_and_its_trials_count_once(
    without_signal: Deployment, monkeypatch: pytest.MonkeyPatch, step: str, seed: int
) -> None:
    registry, lake = without_signal.registry, without_signal.lake
    champion, versions, tried = registry.champion(), registry.versions(), len(ledger.trials_of(lake, SIGNAL))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, step, die)
    for _ in range(2):  # it is done again, and dies again
        with pytest.raises(KeyboardInterrupt):
            train(lake, ETHER, SignalOptions(placebo_repeats=0, placebo_shifts_days=(), seed=seed))

    assert champion is not None
    assert registry.versions() == versions
    assert load(registry, champion.version).manifest == registry.champion() == champion
    assert len(ledger.trials_of(lake, SIGNAL)) == tried + 2


def test_training_asks_for_itself_when_there_is_no_model_or_drift(without_signal: Deployment) -> None:
    """The daily part is a cron condition of Dagster's own."""
    fresh = Deployment(without_signal.lake)
    fresh.run([TRAINING_SET])
    assert MODEL in fresh.requested()
    fresh.run([MODEL, TRIALS, CHAMPION, DRIFT])
    fresh.requested()
    assert MODEL not in fresh.requested()

    market = noise(seed=1, days=1100, features=len(NAMES))
    later = noise(seed=2, days=60, features=len(NAMES))
    features = np.concatenate([market.features, later.features * 3 + 2])
    closes = np.concatenate([market.closes, later.closes / later.closes[0] * market.closes[-1]])
    fill(fresh.lake, replace(longer(market, 60), features=features, closes=closes), now() + timedelta(days=60))
    looked = fresh.run([TRAINING_SET, DRIFT])
    assert not checks_of(looked)["no_drift"].passed
    assert looked.success
    assert MODEL in fresh.requested()
    assert MODEL not in fresh.requested(), "once for each time that drift begins"


def longer(market, days):
    """Room for more days; labels and dates are made anew when they are written."""
    more = len(market) + days
    return replace(
        market,
        days=[market.days[0]] * more,
        features=np.zeros((more, len(NAMES)), np.float32),
        labels=np.full(more, -1),
        label_row=np.full(more, -1),
        uniqueness=np.zeros(more),
        closes=np.ones(more),
    )
