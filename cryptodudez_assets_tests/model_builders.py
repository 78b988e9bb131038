"""Small registered models for tests: fitted in a moment, with everything beside them that a training leaves."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from cryptodudez_assets.declared_models.signal import CLASSES
from cryptodudez_assets.declared_models.volume import FEATURES
from cryptodudez_assets.models import skops_file
from cryptodudez_assets.models.dataset import Float32s
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Draft, Manifest, SelfTest, TrainedOn
from cryptodudez_assets.models.onnx_file import OnnxModel, to_onnx
from cryptodudez_assets.models.predictor import as_rows
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.signal.recipes import base_rates
from cryptodudez_assets.models.volume.model_file import to_file
from cryptodudez_assets.models.volume.recipes import SHARE, Fitted, VolumeRecipe
from cryptodudez_assets_tests import findings_builder

TOY_FEATURES = ("momentum", "volatility", "mood")
SKILL = Verdict(skill=True, words="Skill: it beats every baseline after costs.")
NO_SKILL = Verdict(skill=False, words="No skill: it does no better than the base rates.")
ROWS = 300


def register_toy(
    registry: Registry,
    skill: bool = True,
    features: Sequence[str] = TOY_FEATURES,
    files: Mapping[str, bytes] | None = None,
    **changes: Any,
) -> Manifest:
    """Register a logistic regression on `features` as a candidate; every other `seed` makes another model.

    `files` replaces or adds files; `changes` are other values of the draft (`recipe=…`, `metrics=…`), or `seed`.
    """
    estimator = fitted_toy(skill, len(features), changes.pop("seed", 0))
    told = {"verdict": SKILL if skill else NO_SKILL} | changes
    return registry.register(toy_draft(estimator, features, **told), toy_files(estimator, skill) | dict(files or {}))


def register_base_rates(registry: Registry, features: Sequence[str] = TOY_FEATURES) -> Manifest:
    """Register what a trainer begins with: the shares of the classes, whatever the features."""
    estimator = base_rates().build().fit(*toy_days(False, len(features), 0))
    told = {"recipe": base_rates().name, "parameters": {}, "verdict": NO_SKILL}
    return registry.register(toy_draft(estimator, features, **told), toy_files(estimator, False))


def toy_days(skill: bool, n_features: int, seed: int) -> tuple[Float32s, Any]:
    """Features (some not known) and labels, which have to do with the first feature where there is skill."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, n_features)).astype(np.float32)
    hint = rows[:, 0] if skill else random.normal(size=ROWS)
    labels = np.array(CLASSES)[np.digitize(-hint + 0.5 * random.normal(size=ROWS), (-0.5, 0.5))]
    rows[random.random(rows.shape) < 0.02] = np.nan
    return rows, labels


@cache
def fitted_toy(skill: bool = True, n_features: int = len(TOY_FEATURES), seed: int = 0) -> Any:
    """A classifier of `toy_days`: BUY where the first feature is large, SELL where it is small."""
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
    return model.fit(*toy_days(skill, n_features, seed))


def toy_draft(estimator: Any, features: Sequence[str] = TOY_FEATURES, **changes: Any) -> Draft:
    """What a training would say about `estimator`."""
    rows, _ = toy_days(True, len(features), 7)
    told = {
        "recipe": "logistic",
        "parameters": {"C": 1.0},
        "classes": list(CLASSES),
        "features": list(features),
        "typical": [0.0 for _ in features],
        "trained_on": TrainedOn(
            table="ml.eth_training_set",
            snapshot_id=42,
            inputs={"features.crypto_daily": 1, "features.eth_predictors_daily": 2},
            rows=ROWS,
            first_day=datetime(2016, 1, 1, tzinfo=UTC),
            last_day=datetime(2021, 7, 1, tzinfo=UTC),
        ),
        "code_version": "0123456789ab",
        "metrics": {"balanced_accuracy": 0.4, "log_loss": 1.05},
        "verdict": SKILL,
        "self_test": SelfTest(
            inputs=as_rows(rows[:5]), probabilities=estimator.predict_proba(rows[:5]).astype(float).tolist()
        ),
    }
    return Draft(**told | changes)


def toy_files(estimator: Any, skill: bool = True) -> dict[str, bytes]:
    """The files of a version."""
    return {**_model_files(estimator), **_found_files(skill), "training.log": b"trained\n"}


@cache
def _model_files(estimator: Any) -> dict[str, bytes]:
    return {
        "model.onnx": to_onnx(estimator, estimator.n_features_in_),
        "model.skops": skops_file.dumps(estimator),
    }


@cache
def _found_files(skill: bool) -> dict[str, bytes]:
    parquet = io.BytesIO()
    findings_builder.predictions(skill)[findings_builder.CHOSEN].write_parquet(parquet)
    return {
        "findings.json": findings_builder.findings(skill).model_dump_json().encode(),
        "predictions.parquet": parquet.getvalue(),
    }


def register_volume(registry: Registry, share: float = 0.8, features: Sequence[str] = FEATURES) -> Manifest:
    """Register a model that says this share of the first of its features, which is an average volume."""
    rows = np.outer([10.0, 1000.0], np.ones(len(features))).astype(np.float32)
    estimator = DecisionTreeRegressor().fit(rows, [share, share])
    file = to_file(Fitted(VolumeRecipe(SHARE, DecisionTreeRegressor, {}), estimator, []), rows)
    said = OnnxModel(file).predict(rows).tolist()
    told = {"classes": [], "self_test": SelfTest(inputs=as_rows(rows), values=said), "recipe": SHARE}
    draft = toy_draft(fitted_toy(n_features=len(features)), features, **told)
    return registry.register(draft, {"model.onnx": file})
