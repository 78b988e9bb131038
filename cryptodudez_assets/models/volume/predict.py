"""One prediction: features as somebody sends them to a volume in shares."""

import math

import numpy as np

from cryptodudez_assets.models.predictor import Predictor
from cryptodudez_assets.models.volume.options import FEATURES

MOST = {"vol_moving_avg": 1e12, "adj_close_rolling_med": 1e9}
"""Above them a number is a mistake: the largest mean volume of the real data is 2e9, the largest price 4e6."""


def check(vol_moving_avg: float, adj_close_rolling_med: float) -> None:
    """Raise ValueError, in words for the sender, unless both are numbers that a stock could have."""
    for name, value in zip(FEATURES, (vol_moving_avg, adj_close_rolling_med), strict=True):
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, and is to be a finite number")
        if not 0 <= value <= MOST[name]:
            raise ValueError(f"{name} is {value:g}, and is to be from 0 to {MOST[name]:g}")


def predict(predictor: Predictor, vol_moving_avg: float, adj_close_rolling_med: float) -> int:
    """The day's volume in shares, 0 or more. Raises ValueError as `check` does."""
    check(vol_moving_avg, adj_close_rolling_med)
    row = np.array([[vol_moving_avg, adj_close_rolling_med]], np.float32)
    return round(float(predictor.predict(row)[0, 0]))
