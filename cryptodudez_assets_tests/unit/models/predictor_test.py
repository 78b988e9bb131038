"""A model serves only after its hash and its self-test; what it needs for that is little."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryptodudez_assets.models.manifest import SelfTest
from cryptodudez_assets.models.onnx_file import to_onnx
from cryptodudez_assets.models.predictor import ModelRefused, as_array, as_rows, load
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.model_builders import (
    NO_SKILL,
    TOY_FEATURES,
    fitted_toy,
    register_base_rates,
    register_toy,
    toy_days,
)

HEAVY = {"sklearn", "skl2onnx", "skops", "onnx", "pyiceberg", "polars", "dagster", "litestar", "scipy", "pandas"}
PREDICT = """
import sys
from pathlib import Path
import numpy as np
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
predictor = load(Registry(Settings(home=Path(sys.argv[1])), "eth_signal"), 1)
assert predictor.predict(np.zeros((1, 3), np.float32)).shape == (1, 3)
print(*{name.split(".")[0] for name in sys.modules})
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(Settings(home=tmp_path), "eth_signal")


def test_it_says_what_the_estimator_says(registry: Registry):
    manifest = register_toy(registry)
    predictor = load(registry, 1)
    rows, _ = toy_days(True, len(TOY_FEATURES), seed=3)
    assert np.isnan(rows).any()
    assert predictor.predict(rows) == pytest.approx(fitted_toy().predict_proba(rows), abs=1e-6)
    assert predictor.manifest == manifest
    assert predictor.sha256 == manifest.files["model.onnx"]


def test_base_rates_load_like_any_other(registry: Registry):
    register_base_rates(registry)
    said = load(registry, 1).predict(np.full((2, 3), np.nan, np.float32))
    assert said.sum(axis=1) == pytest.approx([1, 1])
    assert (said[0] == said[1]).all()


def test_the_verdict_is_the_latest(registry: Registry):
    register_toy(registry)
    registry.review(1, NO_SKILL)
    assert load(registry, 1).verdict == NO_SKILL


def test_a_self_test_that_is_off_is_refused(registry: Registry):
    other = fitted_toy(seed=1).predict_proba(np.zeros((1, 3), np.float32)).tolist()
    register_toy(registry, self_test=SelfTest(inputs=[[0.0, 0.0, 0.0]], probabilities=other))
    with pytest.raises(ModelRefused, match=r"eth_signal-1 is not loaded: its self-test is off by"):
        load(registry, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"self_test": SelfTest(inputs=[], probabilities=[])}, "has no self-test"),
        ({"self_test": SelfTest(inputs=[[0.0]], probabilities=[[1.0, 0.0, 0.0]])}, "takes rows of 3 features"),
        ({"self_test": SelfTest(inputs=[[0.0] * 3], probabilities=[[1.0, 0.0]])}, "was registered for the classes"),
        ({"files": {"model.onnx": to_onnx(fitted_toy(n_features=2), 2)}}, "self-test failed"),
        ({"files": {"model.onnx": b"no model"}}, "not a model in ONNX"),
    ],
)
def test_what_cannot_be_tried_is_refused(registry: Registry, changes: dict[str, object], words: str):
    register_toy(registry, **changes)
    with pytest.raises(ModelRefused, match=words):
        load(registry, 1)


def test_a_changed_model_and_a_missing_version_are_refused(registry: Registry):
    register_toy(registry)
    with pytest.raises(ModelRefused, match="no version 2"):
        load(registry, 2)
    path = Path(registry.uri(1, "model.onnx"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=r"model\.onnx of version 1 was changed"):
        load(registry, 1)
    (path.parent / "manifest.json").write_text("{")
    with pytest.raises(ModelRefused, match=r"manifest\.json of version 1 was changed"):
        load(registry, 1)


def test_rows_of_another_width_are_refused(registry: Registry):
    register_toy(registry)
    with pytest.raises(ValueError, match="rows of 3 features"):
        load(registry, 1).predict(np.zeros((1, 2), np.float32))


def test_rows_survive_json(registry: Registry):
    rows, _ = toy_days(True, 3, seed=5)
    again = as_array(json.loads(json.dumps(as_rows(rows))))
    assert again.dtype == np.float32
    assert again.tobytes() == rows.tobytes()


def test_a_process_that_only_predicts_imports_little(registry: Registry, tmp_path: Path):
    register_toy(registry)
    told = subprocess.run([sys.executable, "-c", PREDICT, str(tmp_path)], capture_output=True, text=True, check=True)
    assert not HEAVY & set(told.stdout.split())
