"""Drift of the signal over requests: of the champion alone, and only where it takes the features of this version."""

from datetime import UTC, datetime

import numpy as np
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.predictor import Rows
from cryptodudez_assets.models.receipts import Receipt, Receipts
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.drifting import REQUESTS, latest_look, look
from cryptodudez_assets_tests.datasets import noise
from cryptodudez_assets_tests.ether import ETHER, NAMES, SIGNAL
from cryptodudez_assets_tests.findings_builder import LAST
from cryptodudez_assets_tests.serving_builders import champion
from cryptodudez_assets_tests.signal_lake import DAY, fill

K = len(NAMES)


@pytest.fixture
def market(lake: Lake) -> Lake:
    """A lake with the days on which `champion` was tried."""
    fill(lake, noise(seed=1, days=1100, features=K), LAST + DAY)
    assert training_set.update(lake, ETHER)
    return lake


def ask(lake: Lake, registry: Registry, rows: Rows, n: int = 1, endpoint: str = "predict", sha256: str = "") -> None:
    """Keep receipts of `n` such requests, answered by what serves."""
    manifest = registry.champion()
    assert manifest is not None
    receipts = Receipts(lake.settings.receipts)
    first = len(receipts.recent(endpoint, SIGNAL, manifest.version, 10**9))
    receipts.record(
        [
            Receipt(
                id=f"{manifest.version}-{sha256}-{endpoint}-{number}",
                made_at=datetime.now(UTC),
                endpoint=endpoint,
                request={},
                model=SIGNAL,
                version=manifest.version,
                sha256=sha256 or manifest.files["model.onnx"],
                inputs=rows,
                probabilities=[],
                answer={},
                as_of=None,
                feature_snapshots={},
            )
            for number in range(first, first + n)
        ]
    )
    receipts.close()


def rows_of(width: int, n: int = 1, value: float = 0.0) -> Rows:
    random = np.random.default_rng(n)
    return (random.normal(size=(n, width)) + value).tolist()


@pytest.mark.parametrize("n", [1, K])  # so many receipts of a feature less make full rows, all of them shifted
def test_rows_sent_to_a_version_with_other_features_are_passed_over(market: Lake, n: int):
    settings = market.settings
    ask(market, champion(settings, features=NAMES[:-1]), rows_of(K - 1), n)
    ask(market, champion(settings), rows_of(K), 3)
    looks = look(market, ETHER)
    assert looks is not None
    assert looks.model_version == "eth_signal-2"
    assert looks.found["requests"].n_given == 3


def test_rows_sent_to_another_model_of_the_same_number_are_passed_over(market: Lake):
    registry = champion(market.settings)
    ask(market, registry, rows_of(K - 1), sha256="of a registry that is gone")
    ask(market, registry, rows_of(K), endpoint="signal")
    looks = look(market, ETHER)
    assert looks is not None
    assert looks.found["requests"].n_given == 0


def test_the_newest_rows_sent_are_looked_at(market: Lake):
    registry = champion(market.settings)
    ask(market, registry, rows_of(K, REQUESTS))
    ask(market, registry, rows_of(K, REQUESTS // 2, value=50.0), 2)
    looks = look(market, ETHER)
    assert looks is not None
    assert looks.found["requests"].n_given == REQUESTS
    assert looks.alarms == ["requests"]
    assert all(one.drifted for one in looks.found["requests"].columns if one.name in NAMES and not one.level)


def test_a_champion_of_other_features_is_not_looked_at(market: Lake, caplog: pytest.LogCaptureFixture):
    champion(market.settings, features=NAMES[:-1])
    assert look(market, ETHER) is None
    assert "eth_signal-1 was trained on other features than this version has" in caplog.text
    assert latest_look(market, ETHER).is_empty()
    champion(market.settings)
    assert look(market, ETHER) is not None
