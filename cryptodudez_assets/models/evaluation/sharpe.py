"""Sharpe ratios and luck: how probable it is that one is more than the best of many trials shows by chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import kurtosis, norm, skew

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.evaluation.backtest import daily_sharpe


class TrialSharpe(NamedTuple):
    """A configuration that was tried, by its hash, and the daily Sharpe ratio that it had out of sample."""

    configuration: str
    daily_sharpe: float


def probabilistic_sharpe(sharpe: float, benchmark: float, n: int, skewness: float, kurtosis: float) -> float:
    """Probability that the true Sharpe ratio is above a benchmark (Bailey and López de Prado 2012).

    Both ratios are per observation, of n observations; `kurtosis` is 3 for normal returns.
    """
    variance = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return float(norm.cdf((sharpe - benchmark) * np.sqrt(n - 1) / np.sqrt(variance)))


def expected_best(variance: float, trials: int) -> float:
    """Sharpe ratio to be expected of the best of so many trials without skill (the False Strategy theorem).

    Bailey and López de Prado, The Deflated Sharpe Ratio, 2014; `variance` is that of the trials' ratios. 0 for one trial.
    """
    if trials < 2:
        return 0.0
    of_max = (1 - np.euler_gamma) * norm.ppf(1 - 1 / trials) + np.euler_gamma * norm.ppf(1 - 1 / (trials * np.e))
    return float(np.sqrt(variance) * of_max)


def deflated_sharpe(net: Floats, trials: Sequence[TrialSharpe]) -> float:
    """Probability that daily log returns have a Sharpe ratio above what the best of all trials shows by luck.

    `trials` are all that were ever made, this one among them; those with the same configuration count once. Their variance
    is taken as at least the 1/(n-1) that luck alone gives: trials that resemble each other would make it too small.
    0 for returns that do not vary.
    """
    sharpe, n = daily_sharpe(net), len(net)
    if sharpe == 0:
        return 0.0
    ratios = list(dict(trials).values())
    variance = max(float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0, 1 / (n - 1))
    shape = float(skew(net)), float(kurtosis(net, fisher=False))
    return probabilistic_sharpe(sharpe, expected_best(variance, len(ratios)), n, *shape)
