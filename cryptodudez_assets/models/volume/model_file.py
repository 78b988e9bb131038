"""A fitted recipe as one ONNX file that says the volume: average times ratio where it learned that, never below 0."""

import numpy as np

from cryptodudez_assets.models.dataset import Float32s, Floats
from cryptodudez_assets.models.onnx_file import INPUT, VALUES, OnnxModel
from cryptodudez_assets.models.volume.recipes import Fitted, Says

MOST, TOLERANCE = 0.99, 1e-5
"""In single precision, one row in many falls on the other side of a split."""


def to_file(fitted: Fitted, probes: Float32s) -> bytes:
    """The file. It was compared with the estimator on `probes`: raises ValueError where it says something else."""
    import skl2onnx
    from onnx import TensorProto, helper, numpy_helper

    model = skl2onnx.to_onnx(fitted.estimator, np.zeros((1, probes.shape[1]), np.float32))
    graph = model.graph
    said = graph.output[0].name
    if fitted.recipe.in_logs:
        graph.node.append(helper.make_node("Exp", [said], ["ratio"]))
        said = "ratio"
    if fitted.recipe.of_average:
        graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first"))
        graph.node.append(helper.make_node("Gather", [INPUT, "first"], ["average"], axis=1))
        graph.node.append(helper.make_node("Mul", [said, "average"], ["volume"]))
        said = "volume"
    graph.node.append(helper.make_node("Relu", [said], [VALUES]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(VALUES, TensorProto.FLOAT, [None, 1]))
    content = bytes(model.SerializeToString())
    off = _difference(says(content), fitted, probes)
    if not off <= TOLERANCE:
        raise ValueError(
            f"in ONNX {fitted.recipe.name} would say something else: it is off by {off:.2g} of the volume or its average"
        )
    return content


def says(content: bytes) -> Says:
    """What a file says. Raises `Malformed` for one that is no model."""
    model = OnnxModel(content)
    return lambda features: model.predict(features)[:, 0]


def _difference(file: Says, fitted: Fitted, probes: Float32s) -> float:
    expected: Floats = np.asarray(fitted.estimator.predict(probes), np.float64)
    if fitted.recipe.in_logs:
        expected = np.exp(expected)
    volume = np.maximum(expected * probes[:, 0] if fitted.recipe.of_average else expected, 0)
    size = np.maximum(np.maximum(volume, probes[:, 0]), 1)  # a ratio near 0 is a sum of parts of size 1
    return float(np.quantile(np.abs(file(probes) - volume) / size, MOST))
