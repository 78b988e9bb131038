"""How much of a statistic is luck: the stationary bootstrap of daily values (Politis and Romano 1994), for many at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.findings import Interval


def block_days(n: int, horizon_days: int) -> int:
    """Mean length of blocks: twice the horizon over which labels overlap, or the n^(1/3) that the theory asks for if longer."""
    return max(2 * horizon_days, int(np.ceil(n ** (1 / 3))))


def stationary_weights(n: int, block: float, samples: int, seed: int) -> Floats:
    """For each sample the share that each of n days has in it (samples x n), so that `weights @ daily` are the samples' means.

    A sample is n days long, made of runs of consecutive days whose length is geometric with mean `block`; they start
    anywhere, and after the last day comes the first. One array of weights for all statistics keeps them paired.
    """
    random = np.random.default_rng(seed)
    at = np.arange(n)
    starts = random.random((samples, n)) * block < 1
    starts[:, 0] = True
    run = np.maximum.accumulate(np.where(starts, at, 0), axis=1)
    first = np.take_along_axis(random.integers(n, size=(samples, n)), run, axis=1)
    days = (first + at - run) % n
    counts = np.bincount((days + n * np.arange(samples)[:, None]).ravel(), minlength=samples * n)
    return np.asarray(counts.reshape(samples, n) / n)


@dataclass(frozen=True)
class Resampled:
    """A statistic with what it was on each sample."""

    value: float
    samples: Floats

    def interval(self, level: float) -> Interval:
        """Two-sided percentile interval; each side is missed with a probability of `level / 2`."""
        low, high = np.quantile(self.samples, [level / 2, 1 - level / 2])
        return Interval(value=self.value, low=float(low), high=float(high))


def mean_itself(means: Floats) -> Floats:
    """The statistic of those who want the mean of a single daily value."""
    return means


def resampled(weights: Floats, daily: Floats, statistic: Callable[[Floats], Floats] = mean_itself) -> Resampled:
    """A statistic that is a function of the means of daily values (n, or n x …); it is given the means of one or all samples."""
    flat = daily.reshape(len(daily), -1)
    means = (weights @ flat).reshape(len(weights), *daily.shape[1:])
    return Resampled(float(statistic(daily.mean(axis=0))), statistic(means))
