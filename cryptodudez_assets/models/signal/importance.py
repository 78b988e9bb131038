"""Which features the chosen recipe stands on: how much worse it foretells where one of them is of other days, fold by fold.

A feature that another one can stand in for loses little alone. What is *not* here: what moved a single prediction (`signal.effects`).
"""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from cryptodudez_assets.models.dataset import Dataset, Floats
from cryptodudez_assets.models.evaluation.scores import log_losses
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.findings import Importance
from cryptodudez_assets.models.signal.fit import probabilities
from cryptodudez_assets.models.signal.recipes import Classifier
from cryptodudez_assets.models.signal.walk_forward import OutOfSample

REPEATS = 2


def importances(dataset: Dataset, out: OutOfSample, folds: Sequence[Fold], seed: int) -> list[Importance]:
    """Of each feature, the largest first: the log loss that is added where its values begin at another day of the test.

    They keep their order, so that a slow feature remains one. `out`: what the recipe said in these folds, with the models that said it.
    """
    random = np.random.default_rng(seed)
    with threadpool_limits(1):
        added = np.array([_added(dataset, *pair, random) for pair in zip(out.models, folds, strict=True)])
    means, spreads = added.mean(axis=0), added.std(axis=0)
    found = [
        Importance(feature=name, added=float(mean), spread=float(spread))
        for name, mean, spread in zip(dataset.names, means, spreads, strict=True)
    ]
    return sorted(found, key=lambda one: -one.added)


def _added(dataset: Dataset, model: Classifier, fold: Fold, random: np.random.Generator) -> Floats:
    features, labels, classes = dataset.features[fold.test], dataset.labels[fold.test], len(dataset.classes)
    shifts = random.integers(1, len(fold.test), REPEATS)
    # All features and shifts in one call: so many small ones take longer.
    moved = np.repeat(features[None], features.shape[1] * REPEATS, axis=0)
    for at in range(features.shape[1]):
        for repeat, shift in enumerate(shifts):
            moved[at * REPEATS + repeat, :, at] = np.roll(features[:, at], shift)
    said = probabilities(model, moved.reshape(-1, features.shape[1]), classes)
    losses = log_losses(np.tile(labels, len(moved)), said).reshape(features.shape[1], -1).mean(axis=1)
    return np.asarray(losses - log_losses(labels, probabilities(model, features, classes)).mean())
