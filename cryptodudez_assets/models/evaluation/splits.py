"""Walk-forward folds over days: what a model may learn from, and the days behind it that it is tried on."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import TimeSeriesSplit

from cryptodudez_assets.models.dataset import Dataset, Ints

LEAST_TEST_DAYS = 20
"""In each fold: with fewer, a fold may not even contain every class."""


class TooFewDays(ValueError):
    """There are not enough labelled days for the folds that were asked for."""


class Leak(ValueError):
    """A label that was not known yet when a test began would be learned from."""


@dataclass(frozen=True)
class Fold:
    """Rows of a data set to learn from, and later ones to be tried on. All have a label, those to be tried on a return."""

    number: int
    train: Ints
    test: Ints


def walk_forward_folds(
    dataset: Dataset, n_folds: int, min_train_days: int, horizon_days: int, embargo_days: int
) -> list[Fold]:
    """Consecutive test periods of equal length up to the last labelled day, each with all that lies `horizon + embargo` before.

    All training rows of a walk-forward lie before its test, so purging (no label reaches into the test) and embargo are
    one gap, and scikit-learn's `TimeSeriesSplit` is all that it needs. Raises `TooFewDays`, and `Leak` if the data's own
    `label_row` shows that the gap was not enough.
    """
    labelled = np.flatnonzero(dataset.labels >= 0)
    span = np.arange(labelled[0], labelled[-1] + 1) if len(labelled) else labelled
    gap = horizon_days + embargo_days
    needed = min_train_days + gap + n_folds * LEAST_TEST_DAYS
    if len(span) < needed:
        raise TooFewDays(
            f"{len(span)} days from the first to the last label, but {n_folds} folds need {needed}: {min_train_days} to "
            f"learn from, {gap} between, {LEAST_TEST_DAYS} in each test. Land more price history."
        )
    splitter = TimeSeriesSplit(n_folds, test_size=(len(span) - min_train_days - gap) // n_folds, gap=gap)
    return [
        _fold(dataset, number, span[train], span[test]) for number, (train, test) in enumerate(splitter.split(span))
    ]


def _fold(dataset: Dataset, number: int, train: Ints, test: Ints) -> Fold:
    learned = train[dataset.labels[train] >= 0]
    tried = test[(dataset.labels[test] >= 0) & np.isfinite(dataset.returns[test])]
    if not len(learned) or not len(tried):
        raise TooFewDays(
            f"fold {number} has {len(learned)} labelled days to learn from and {len(tried)} to be tried on, from "
            f"{dataset.days[train[0]]:%Y-%m-%d} to {dataset.days[test[-1]]:%Y-%m-%d}: are prices missing?"
        )
    late = learned[dataset.label_row[learned] >= test[0]]
    if len(late):
        raise Leak(
            f"fold {number} is tried from {dataset.days[test[0]]:%Y-%m-%d}, but the label of {dataset.days[late[0]]:%Y-%m-%d} "
            f"was known only on {dataset.days[dataset.label_row[late[0]]]:%Y-%m-%d}: the horizon is longer than was said"
        )
    return Fold(number, learned, tried)
