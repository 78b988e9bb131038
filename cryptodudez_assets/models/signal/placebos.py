"""Placebos: the same recipe with tweets that cannot help. If it does as well with them, it did not learn from tweets."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Ints
from cryptodudez_assets.models.evaluation.scores import scores
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.findings import Placebo
from cryptodudez_assets.models.signal.recipes import SignalRecipe
from cryptodudez_assets.models.signal.walk_forward import walk_forward


def placebos(
    dataset: Dataset,
    recipe: SignalRecipe,
    folds: Sequence[Fold],
    options: SignalOptions,
    tweet_features: Sequence[str],
    progress: Callable[[str], None],
) -> list[Placebo]:
    """The recipe's scores on the same folds with each kind of false tweets; none where no feature is of tweets."""
    columns = np.array([at for at, name in enumerate(dataset.names) if name in set(tweet_features)], dtype=np.int64)
    found = []
    for name, order in _orders(len(dataset), options) if len(columns) else ():
        progress(f"placebo: {name}")
        out = walk_forward(reordered(dataset, columns, order), recipe, folds)
        result = scores(dataset.labels[out.rows], out.decisions, out.probabilities)
        found.append(Placebo(name=name, log_loss=result.log_loss, balanced_accuracy=result.balanced_accuracy))
    return found


def reordered(dataset: Dataset, columns: Ints, order: Ints) -> Dataset:
    """Each row gets, in these columns together, what the row `order` says had."""
    features = dataset.features.copy()
    features[:, columns] = dataset.features[np.ix_(order, columns)]
    return dataset.with_features(features)


def _orders(n: int, options: SignalOptions) -> Iterator[tuple[str, Ints]]:
    for repeat in range(options.placebo_repeats):
        yield f"tweets shuffled {repeat + 1}", np.random.default_rng([options.seed, repeat]).permutation(n)
    for days in options.placebo_shifts_days:
        # To the past: a row gets the tweets of a later day. The ends are joined, so that no day goes without.
        yield f"tweets moved {abs(days)} days to the {'past' if days > 0 else 'future'}", np.roll(np.arange(n), -days)
