"""Luck in choosing: whether the best of several ways to trade is better than none, and whether the choice holds on other days.

Both take daily returns of all ways that could have been chosen (days x ways). What is *not* here: the luck of one of them (`timing`), and
that of all that was ever tried (`sharpe`).
"""

from itertools import combinations

import numpy as np

from cryptodudez_assets.models.dataset import Floats

PARTS = 10
"""Of the days; each half of them in turn is chosen on, 252 times."""


def superior_predictive_ability(gains: Floats, weights: Floats) -> float:
    """Probability of a best gain as large as this if none of the ways gained anything: Hansen's test (2005), consistent version.

    `gains` are daily, over the same benchmark; `weights` are those of bootstrap samples (samples x days), see `stationary_weights`. Low:
    the best is more than the luck of choosing it. 1 where nothing varies.
    """
    n = len(gains)
    means, resampled = gains.mean(axis=0), weights @ gains
    errors = resampled.std(axis=0)
    varies = errors > 0
    if not varies.any():
        return 1.0
    means, resampled, errors = means[varies], resampled[:, varies], errors[varies]
    # Those that are clearly worse must not make the others look better than chance: they are not centred on zero.
    hopeless = means / errors < -np.sqrt(2 * np.log(np.log(n)))
    centres = np.where(hopeless, 0.0, means)
    best = max(0.0, float((means / errors).max()))
    by_luck = np.maximum(((resampled - centres) / errors).max(axis=1), 0.0)
    return float((by_luck > best).mean())


def probability_of_overfitting(returns: Floats, gap: int) -> float:
    """How often the way that is best on half of the days is no better than the median on the other half (Bailey and others 2017).

    Days are cut into parts, and every half of the parts is chosen on once; `gap` days are left out at the end of each part, since a
    position that was taken there is still held. 0.5 and more: choosing by the past is no better than drawing lots. Needs two ways.
    """
    parts = [part[: len(part) - gap] for part in np.array_split(np.arange(len(returns)), PARTS)]
    counts = np.array([len(part) for part in parts])
    sums = np.array([returns[part].sum(axis=0) for part in parts])
    squares = np.array([(returns[part] ** 2).sum(axis=0) for part in parts])
    failed = [
        _rank_of_best(_sharpe(chosen, counts, sums, squares), _sharpe(~chosen, counts, sums, squares)) <= 0.5
        for chosen in _halves()
    ]
    return float(np.mean(failed))


def _halves() -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    every = []
    for half in combinations(range(PARTS), PARTS // 2):
        chosen = np.zeros(PARTS, bool)
        chosen[list(half)] = True
        every.append(chosen)
    return every


def _sharpe(
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], counts: Floats, sums: Floats, squares: Floats
) -> Floats:
    """Daily ratios of all ways on the chosen parts; 0 where a way does not vary."""
    n = counts[chosen].sum()
    means = sums[chosen].sum(axis=0) / n
    variances = np.maximum(squares[chosen].sum(axis=0) / n - means**2, 0)
    return np.asarray(np.divide(means, np.sqrt(variances), out=np.zeros_like(means), where=variances > 0))


def _rank_of_best(here: Floats, there: Floats) -> float:
    """Share of the other ways that the best one here leaves behind there; a tie counts half."""
    best = int(here.argmax())
    others = np.delete(there, best)
    return float(((others < there[best]) + 0.5 * (others == there[best])).mean())
