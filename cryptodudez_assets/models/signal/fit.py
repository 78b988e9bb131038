"""Fitting a recipe to rows of a data set, and reading probabilities from what was fitted."""

import numpy as np
from threadpoolctl import threadpool_limits

from cryptodudez_assets.models.dataset import Dataset, Float32s, Floats, Ints
from cryptodudez_assets.models.signal.recipes import CALIBRATION_SPLITS, Classifier, SignalRecipe


def fit(dataset: Dataset, recipe: SignalRecipe) -> Classifier:
    """The recipe, fitted to all days whose label is known."""
    with threadpool_limits(1):  # so few rows take longer on several cores
        return fit_rows(dataset, recipe, np.flatnonzero(dataset.labels >= 0))


def fit_rows(dataset: Dataset, recipe: SignalRecipe, rows: Ints) -> Classifier:
    """The recipe, fitted to these rows, without classes that are too rare to calibrate. Raises `ValueError` if one class is left."""
    rows = learnable(dataset, rows)
    found = np.unique(dataset.labels[rows])
    if len(found) < 2:
        names = ", ".join(dataset.classes[one] for one in found) or "none"
        raise ValueError(f"{len(rows)} training days with a single class ({names}): there is nothing to tell apart")
    return recipe.fit(dataset.features[rows], dataset.labels[rows], dataset.uniqueness[rows])


def learnable(dataset: Dataset, rows: Ints) -> Ints:
    """Those of the rows whose class occurs at least once per split of the calibration."""
    counts = np.bincount(dataset.labels[rows], minlength=len(dataset.classes))
    return rows[counts[dataset.labels[rows]] >= CALIBRATION_SPLITS]


def probabilities(model: Classifier, features: Float32s, classes: int) -> Floats:
    """Of each class (rows x classes); 0 for one that did not occur in training."""
    return spread(model.predict_proba(features), model.classes_, classes)


def spread(said: Floats, known: Ints, classes: int) -> Floats:
    """Columns of the known classes, among columns of 0 for the others."""
    every = np.zeros((len(said), classes))
    every[:, known] = said
    return every
