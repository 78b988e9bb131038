"""Recipes of the forecast. Each says the ratio of the day's volume to the mean of the month before, as volume models do to theirs."""

import numpy as np
from sklearn.linear_model import LinearRegression

from cryptodudez_assets.declared_models.forecast import HAR, KNOWN_BEFORE
from cryptodudez_assets.models.dataset import Float32s, Floats
from cryptodudez_assets.models.volume.recipes import VolumeRecipe, boosted, median

YESTERDAY, MONTH, HAR_NAME = "yesterday", "share_of_month", "har"
"""Baselines: the volume of the day before, or the same share of the month's mean for all, or a line through day, week and month."""


def candidates(seed: int) -> list[VolumeRecipe]:
    """The recipes of which one becomes the model, the plainest first."""
    parameters = {
        "max_iter": 100,
        "max_leaf_nodes": 15,
        "learning_rate": 0.1,
        "early_stopping": False,  # it would hold out days at random, among those that are learned from
        "random_state": seed,
    }
    return [
        VolumeRecipe(MONTH, median, {}, by_average=True),
        VolumeRecipe(HAR_NAME, _Har, {}, by_average=True, in_logs=True),
        VolumeRecipe("boosted", boosted, parameters),
    ]


def as_yesterday(features: Float32s) -> Floats:
    """What the day before had: of the baseline that learns nothing."""
    scale, log_ratio = (features[:, KNOWN_BEFORE.index(name)].astype(np.float64) for name in (KNOWN_BEFORE[0], HAR[0]))
    return (scale + 1) * np.exp(log_ratio) - 1


class _Har:
    """A line through day, week and month; of what else is seen its factors are 0."""

    def fit(self, features: Floats, target: Floats, sample_weight: Floats) -> LinearRegression:
        seen = [KNOWN_BEFORE.index(name) for name in HAR]
        line = LinearRegression().fit(features[:, seen], target, sample_weight=sample_weight)
        factors = np.zeros(features.shape[1])
        factors[seen] = line.coef_
        line.coef_, line.n_features_in_ = factors, len(factors)
        return line
