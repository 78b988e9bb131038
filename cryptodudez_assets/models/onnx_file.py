"""Models as ONNX: a file that runs no code of its own and predicts a row in microseconds, without scikit-learn."""

from typing import Any

import numpy as np
import onnxruntime

from cryptodudez_assets.models.dataset import Float32s, Floats

INPUT = "X"
PROBABILITIES, VALUES = "probabilities", "values"
"""What a classifier gives, and what a regression does."""
PROBES, MOST, TOLERANCE = 200, 0.9, 1e-5


class Malformed(ValueError):
    """These bytes are no model in ONNX that can be used here."""


class OnnxModel:
    """A classifier or a regression. Safe for several threads."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # one row is less work than to wake a thread
        options.log_severity_level = 4  # errors are raised; they need not be printed as well
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other base
            raise Malformed(f"not a model in ONNX ({len(content)} bytes): {error}") from error
        inputs = [(one.name, one.type) for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        gives = [name for name in (PROBABILITIES, VALUES) if name in outputs]
        if inputs != [(INPUT, "tensor(float)")] or not gives:
            raise Malformed(
                f"a model takes {INPUT} (float32) and gives {VALUES} or gives {PROBABILITIES}; "
                f"this takes {inputs}, gives {outputs}"
            )
        self._output = gives[0]

    def predict(self, rows: Float32s) -> Floats:
        """Probabilities (rows x classes) or values (rows x 1) for features (rows x features, NaN where not known)."""
        (said,) = self._session.run([self._output], {INPUT: np.ascontiguousarray(rows, np.float32)})
        return np.asarray(said, np.float64)


def to_onnx(estimator: Any, n_features: int) -> bytes:
    """A fitted classifier of scikit-learn as ONNX.

    The result was compared with the estimator: raises ValueError where it says something else. skl2onnx converts some
    without a complaint that then do, such as `CalibratedClassifierCV` around a pipeline (put it at the pipeline's end).
    """
    import skl2onnx

    options = {"zipmap": False}  # probabilities as one array
    model = skl2onnx.to_onnx(estimator, np.zeros((1, n_features), np.float32), options=options)
    content = bytes(model.SerializeToString())
    off = _difference(OnnxModel(content), estimator, n_features)
    if not off <= TOLERANCE:
        raise ValueError(f"in ONNX this model would say something else: probabilities differ by {off:.2g}")
    return content


def _difference(model: OnnxModel, estimator: Any, n_features: int) -> float:
    """How far the probabilities of most rows agree: in single precision, one row in many falls on the other side of a split."""
    random = np.random.default_rng(0)
    scales = 10 ** random.uniform(-3, 1, size=(PROBES, 1))  # what the features look like is not known here
    rows: Float32s = (random.normal(size=(PROBES, n_features)) * scales).astype(np.float32)
    differences = np.abs(model.predict(rows) - estimator.predict_proba(rows)).max(axis=1)
    return float(np.quantile(differences, MOST))
