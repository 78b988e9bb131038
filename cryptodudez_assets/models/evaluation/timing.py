"""Timing: whether positions earned more than what needs no foresight, and how far above luck that must be when it is looked at each day.

What needs no foresight: a constant share of the coin, of momentum, or the same positions begun at another time. What is *not* here: which
positions a model takes, and what else a verdict asks for.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from cryptodudez_assets.models.dataset import Floats

POWER = 0.8
"""Probability with which a minimum detectable effect is found, as is usual."""


@dataclass(frozen=True)
class Gain:
    """A mean gain a day, and its standard error."""

    value: float
    error: float

    @property
    def deviations(self) -> float:
        """How many standard errors above zero; 0 where nothing varies."""
        return self.value / self.error if self.error > 0 else 0.0

    def detectable(self, boundary: float) -> float:
        """The minimum detectable effect: a true gain from which on `boundary` is passed with a probability of `POWER`."""
        return float((boundary + norm.ppf(POWER)) * self.error)


def alpha(net: Floats, others: Floats, lags: int) -> Gain:
    """What daily net returns earn beyond the best constant mix of others' (days x others): the intercept of a regression on them.

    The standard error is Newey and West's (1987) over so many days of lag, for days depend on each other. Columns that say nothing new
    (a rule that was never in the market) do no harm.
    """
    n = len(net)
    x = np.column_stack([np.ones(n), others])
    inverse = np.linalg.pinv(x.T @ x)
    coefficients = inverse @ (x.T @ net)
    scores = x * (net - x @ coefficients)[:, None]
    middle = scores.T @ scores
    for lag in range(1, min(lags, n - 1) + 1):
        between = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (between + between.T)
    variance = float((inverse @ middle @ inverse)[0, 0])
    return Gain(float(coefficients[0]), float(np.sqrt(max(variance, 0.0))))


def over_other_times(positions: Floats, returns: Floats) -> Gain:
    """Mean daily return of positions above that of the same ones begun at any other day (going on from the start behind the end).

    Each is held as long and changed as often, and costs as much: what is left is when. The standard error is the deviation over all
    other beginnings.
    """
    n = len(returns)
    spectrum = np.fft.rfft(positions).conj() * np.fft.rfft(returns)
    means = np.fft.irfft(spectrum, n) / n
    others = means[1:]
    return Gain(float(means[0] - others.mean()), float(others.std()))


def boundary(days: int, first_days: int, level: float) -> float:
    """Standard errors above zero that luck passes *ever*, at any daily look from the first on, with a probability of `level` at most.

    The bound of Robbins and Siegmund (1970) for a Brownian motion, which sums of daily gains resemble: it grows with the logarithm of how
    many times longer the record is than at the first look (`first_days`), so that looking each day costs nothing that was not paid for.
    """
    grown = np.log(max(days, first_days) / first_days)
    return float(np.sqrt(_start(level) ** 2 + grown))


def _start(level: float) -> float:
    """Where that bound begins: 1 - Phi(a) + a phi(a) = level."""
    return float(brentq(lambda a: norm.sf(a) + a * norm.pdf(a) - level, 0.5, 40))
