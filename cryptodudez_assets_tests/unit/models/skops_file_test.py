"""Estimators come back from skops as they were; nothing else does."""

import io
import pickle
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import FunctionTransformer

from cryptodudez_assets.models.signal.recipes import PurgedFolds, base_rates
from cryptodudez_assets.models.skops_file import Untrusted, dumps, loads
from cryptodudez_assets_tests.model_builders import fitted_toy, toy_days

ROWS, LABELS = toy_days(True, 3, seed=0)


@pytest.mark.parametrize(
    "estimator",
    [
        fitted_toy(),
        base_rates().build(),
        HistGradientBoostingClassifier(max_iter=5),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), cv=PurgedFolds(3, 2), ensemble=False),
    ],
    ids=["logistic", "base rates", "trees", "calibrated"],
)
def test_estimators_come_back(estimator):
    estimator.fit(ROWS, LABELS)
    assert np.array_equal(loads(dumps(estimator)).predict_proba(ROWS), estimator.predict_proba(ROWS))


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_disguise_is_refused_and_not_run(tmp_path: Path):
    evil = pickle.dumps(Evil(tmp_path / "ran"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", evil)
    for content in (evil, packed.getvalue(), b""):
        with pytest.raises(Untrusted):
            loads(content)
    assert not (tmp_path / "ran").exists()


def test_other_types_are_refused():
    odd = CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), method=print)
    with pytest.raises(Untrusted, match="print"):
        dumps(odd)
    with pytest.raises(Untrusted):
        loads(skops.io.dumps(FunctionTransformer(partial(print, "hello"))))


def test_a_broken_file_is_refused():
    content = dumps(fitted_toy())
    with pytest.raises(Untrusted):
        loads(content[: len(content) // 2])
