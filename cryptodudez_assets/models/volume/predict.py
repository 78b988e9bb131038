"""One prediction: features as somebody sends them to a volume in shares."""

import math

import numpy as np

from cryptodudez_assets.declared_models.volume import FEATURES
from cryptodudez_assets.models.predictor import Predictor

MOST = {"vol_moving_avg": 1e12, "adj_close_rolling_med": 1e9}
"""Above them a number is a mistake: the largest mean volume of the real data is 2e9, the largest price 4e6."""


def check(vol_moving_avg: float, adj_close_rolling_med: float) -> None:
    """Raise ValueError, in words for the sender, unless both are numbers that a stock could have."""
    for name, value in zip(FEATURES, (vol_moving_avg, adj_close_rolling_med), strict=True):
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, and is to be a finite number")
        if not 0 <= value <= MOST[name]:
            raise ValueError(f"{name} is {value:g}, and is to be from 0 to {MOST[name]:g}")


def say(predictor: Predictor, vol_moving_avg: float, adj_close_rolling_med: float) -> float:
    """What the model says, to the last bit. Raises ValueError as `check` does."""
    check(vol_moving_avg, adj_close_rolling_med)
    return float(predictor.predict(np.array([[vol_moving_avg, adj_close_rolling_med]], np.float32))[0, 0])


def shares(said: float) -> int:
    """That as a volume in shares, 0 or more."""
    return round(said)


def predict(predictor: Predictor, vol_moving_avg: float, adj_close_rolling_med: float) -> int:
    """The day's volume in shares, 0 or more. Raises ValueError as `check` does."""
    return shares(say(predictor, vol_moving_avg, adj_close_rolling_med))
