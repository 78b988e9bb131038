"""Are today's features and predictions like those of the training? Distances, calibrated on the reference's own blocks.

`detect` is the door; `measure` gives the bare distances. A page of the result: `cryptodudez_assets.models.drift_report`.
"""

from cryptodudez_assets.models.drift.detect import detect
from cryptodudez_assets.models.drift.distances import Method, measure, method_for
from cryptodudez_assets.models.drift.found import Drift

__all__ = ["Drift", "Method", "detect", "measure", "method_for"]
