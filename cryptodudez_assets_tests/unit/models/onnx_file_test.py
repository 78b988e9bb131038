"""ONNX says what scikit-learn says, or is not made."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cryptodudez_assets.models.onnx_file import Malformed, OnnxModel, to_onnx
from cryptodudez_assets.models.signal.recipes import base_rates
from cryptodudez_assets_tests.model_builders import toy_days

FEATURES = 4
ROWS, LABELS = toy_days(True, FEATURES, seed=0)
NEW, _ = toy_days(True, FEATURES, seed=1)


def imputed(*steps: object) -> object:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), *steps)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        imputed(LogisticRegression()),
        imputed(CalibratedClassifierCV(LogisticRegression(), cv=3)),
        HistGradientBoostingClassifier(max_iter=10),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=10), cv=3),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=10), cv=3, ensemble=False),
        make_pipeline(CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=10), cv=3)),
        base_rates().build(),
    ],
    ids=["logistic", "calibrated logistic", "trees", "calibrated trees", "one calibrator", "pipeline", "base rates"],
)
def test_it_says_what_scikit_learn_says(estimator):
    estimator.fit(ROWS, LABELS)
    model = OnnxModel(to_onnx(estimator, FEATURES))
    assert model.predict(NEW) == pytest.approx(estimator.predict_proba(NEW), abs=1e-6)
    assert model.predict(NEW[:1]).shape == (1, 3)
    assert model.predict(NEW[:1]).dtype == np.float64


def test_what_would_say_something_else_is_refused():
    """skl2onnx converts it without a complaint."""
    estimator = CalibratedClassifierCV(imputed(LogisticRegression()), cv=3).fit(ROWS, LABELS)
    with pytest.raises(ValueError, match="would say something else"):
        to_onnx(estimator, FEATURES)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04", bytes(1000)])
def test_other_bytes_are_refused(content: bytes):
    with pytest.raises(Malformed, match="not a model in ONNX"):
        OnnxModel(content)


def test_half_a_file_is_refused():
    content = to_onnx(base_rates().build().fit(ROWS, LABELS), FEATURES)
    with pytest.raises(Malformed):
        OnnxModel(content[: len(content) // 2])


def test_a_model_of_something_else_is_refused():
    from skl2onnx import to_onnx as convert
    from sklearn.linear_model import LinearRegression

    regression = LinearRegression().fit(np.nan_to_num(ROWS), np.arange(len(ROWS)))
    with pytest.raises(Malformed, match="gives probabilities; this takes"):
        OnnxModel(convert(regression, np.nan_to_num(ROWS[:1])).SerializeToString())
