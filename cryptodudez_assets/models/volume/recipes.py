"""Recipes of the volume model, how they are fitted to counted rows, and the brief's forest as the reference.

Trees say the ratio of volume to average: it has no scale, so few leaves serve penny stocks and giants alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from cryptodudez_assets.models.dataset import Float32s, Floats
from cryptodudez_assets.models.volume.data import Cells, Rows

Says = Callable[[Float32s], Floats]
"""Volumes (rows) for features (rows x 2)."""

ONE_NUMBER, SHARE = "one_number", "share_of_average"
"""Baselines: the same volume for whatever stock and day (the median), or the same share of its average."""


@dataclass(frozen=True)
class VolumeRecipe:
    """A regression that is not fitted yet. `parameters` are JSON.

    It learns and says volume / average where `of_average`, else volume; of the ratio the logarithm where `in_logs`. Rows count as many
    times as their average where `by_average`, which makes the error of the ratio that of the volume; else all the same.
    """

    name: str
    build: Callable[..., Any]
    parameters: Mapping[str, Any]
    of_average: bool = True
    by_average: bool = False
    in_logs: bool = False


@dataclass(frozen=True)
class Fitted:
    """A recipe that has learned, with its mean absolute error on that after each iteration (in what it says)."""

    recipe: VolumeRecipe
    estimator: Any
    losses: list[float]


def candidates(seed: int) -> list[VolumeRecipe]:
    """The recipes of which one becomes the model, the plainest first."""
    parameters = {
        "max_iter": 100,
        "max_leaf_nodes": 15,
        "learning_rate": 0.1,
        "early_stopping": False,  # it would hold out cells at random, of days that are learned from
        "random_state": seed,
    }
    return [
        VolumeRecipe(ONE_NUMBER, median, {}, of_average=False),
        VolumeRecipe(SHARE, median, {}, by_average=True),
        VolumeRecipe("linear", LinearRegression, {}, of_average=False),
        VolumeRecipe("boosted", boosted, parameters),
        VolumeRecipe("boosted_by_average", boosted, parameters, by_average=True),
    ]


def fit(recipe: VolumeRecipe, cells: Cells) -> Fitted:
    """Learn from all rows that were counted."""
    average = cells.features[:, 0]
    target = cells.ratio if recipe.of_average else cells.ratio * average
    if recipe.in_logs:
        target = np.log((cells.ratio * average + 1) / (average + 1))  # a day without trade has one, too
    weight = cells.rows * average if recipe.by_average else cells.rows
    with threadpool_limits(
        1
    ):  # so few cells that threads, which wait for each other by spinning, cost more than they bring
        estimator = recipe.build(**recipe.parameters).fit(cells.features, target, sample_weight=weight)
    staged = getattr(estimator, "staged_predict", lambda rows: [estimator.predict(rows)])
    losses = [float(np.average(np.abs(target - said), weights=weight)) for said in staged(cells.features)]
    return Fitted(recipe, estimator, losses)


def reference_forest(rows: Rows, seed: int) -> Says:
    """The brief's recipe: a RandomForest as it comes, on the bare features."""
    forest = RandomForestRegressor(random_state=seed).fit(rows.features, rows.volume)
    return lambda features: np.asarray(forest.predict(features), np.float64)


def boosted(**parameters: Any) -> Any:
    """Boosted trees of the absolute error."""
    return HistGradientBoostingRegressor(loss="absolute_error", **parameters)


def median() -> Any:
    """The same for all, the median."""
    # A tree of one leaf: unlike DummyRegressor it heeds weights for the median, and can be converted to ONNX.
    return DecisionTreeRegressor(criterion="absolute_error", min_samples_split=10**9)
