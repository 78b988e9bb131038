"""A registered model, checked and ready to predict. Needs neither scikit-learn nor the lake."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cryptodudez_assets.models.dataset import Float32s, Floats
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.onnx_file import Malformed, OnnxModel
from cryptodudez_assets.models.registry import Registry, Tampered

MODEL = "model.onnx"
TOLERANCE = 1e-6

Rows = list[list[float | None]]
"""Features as JSON has them: None where not known."""


class ModelRefused(Exception):
    """A model that must not serve; the message says why."""


@dataclass(frozen=True)
class Predictor:
    """A version of a model. `verdict` is the latest about it when it was loaded; `sha256` is that of its model file."""

    manifest: Manifest
    verdict: Verdict
    sha256: str
    model: OnnxModel

    def predict(self, rows: Float32s) -> Floats:
        """Probabilities (rows x the manifest's classes; of a regression, values: rows x 1) for features (rows x its features)."""
        wanted = len(self.manifest.features)
        if rows.ndim != 2 or rows.shape[1] != wanted:
            raise ValueError(f"{self.manifest.label} takes rows of {wanted} features, not an array of {rows.shape}")
        return self.model.predict(rows)


def load(registry: Registry, version: int) -> Predictor:
    """A version whose file is the registered one and says what it said then; else `ModelRefused`."""
    try:
        manifest = registry.manifest(version)
        predictor = Predictor(
            manifest, registry.verdict(version), manifest.files.get(MODEL, ""), OnnxModel(registry.read(version, MODEL))
        )
    except (LookupError, Tampered, Malformed, ValueError) as error:
        raise ModelRefused(f"{registry.name}-{version} is not loaded: {error}") from error
    _self_test(predictor)
    return predictor


def as_array(rows: Sequence[Sequence[float | None]]) -> Float32s:
    """Rows of JSON as a model takes them: not known is NaN."""
    return np.array(rows, dtype=np.float32)


def as_rows(array: Float32s) -> Rows:
    """The reverse. Every float32 is a number of JSON without loss."""
    return [[None if np.isnan(value) else float(value) for value in row] for row in array]


def _self_test(predictor: Predictor) -> None:
    label, test = predictor.manifest.label, predictor.manifest.self_test
    if not test.inputs:
        raise ModelRefused(f"{label} is not loaded: its manifest has no self-test")
    try:
        found = predictor.predict(as_array(test.inputs))
    except Exception as error:  # onnxruntime's errors have no other base
        raise ModelRefused(f"{label} is not loaded: its self-test failed: {error}") from error
    expected = np.array(test.outputs)
    if found.shape != (len(test.inputs), len(predictor.manifest.classes) or 1) or found.shape != expected.shape:
        raise ModelRefused(
            f"{label} is not loaded: its self-test gives an array of {found.shape} where "
            f"{expected.shape} was registered for the classes {', '.join(predictor.manifest.classes) or 'none'}"
        )
    worst = float((np.abs(found - expected) / np.maximum(np.abs(expected), 1)).max())  # values may be large
    if not worst <= TOLERANCE:  # so that NaN fails
        raise ModelRefused(f"{label} is not loaded: its self-test is off by {worst:.2g}, more than {TOLERANCE:.0g}")
