"""Block bootstrap of a correlation: what chance does when days that follow each other stay together. Pure numbers.

Drawing blocks has a mean and a deviation that need no drawing: they are sums over blocks. Only how heavy the tails are is drawn, and
pooled over many pairs, so that small p values can be told with few draws of each.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import rankdata
from scipy.stats import t as student

Floats = NDArray[np.float64]

BLOCK = 21
"""Days, three weeks, so that weekdays stay weekdays."""
DRAWS = 399
SEED = 20211231


def scores(values: Floats) -> Floats:
    """Ranks of what is known, with mean 0 and deviation 1 (all 0 where they are one); NaN where nothing is known."""
    known = np.isfinite(values)
    result = np.full(len(values), np.nan)
    ranks = rankdata(values[known])
    if len(ranks):
        result[known] = (ranks - ranks.mean()) / (ranks.std() or 1)
    return result


def if_unrelated(x: Floats, y: Floats) -> tuple[float, float, Floats]:
    """Mean and deviation of the sum of products if blocks of `x` were drawn for each block of `y`, and such draws in deviations."""
    products = _in_blocks(x) @ _in_blocks(y).T
    n = len(products)
    mean, deviation = float(products.mean(axis=0).sum()), float(np.sqrt(products.var(axis=0).sum()))
    if not deviation > 0:
        return mean, 0.0, np.empty(0)
    draws = products.ravel()[_choices(n) * n + np.arange(n)].sum(axis=1)
    return mean, deviation, (draws - mean) / deviation


def as_related(products: Floats) -> tuple[float, Floats]:
    """Deviation of the sum of products if blocks of days are drawn with both sides, and such draws in deviations from it.

    Few blocks do not know their own deviation well: it is widened as Student's distribution is.
    """
    sums = _in_blocks(products).sum(axis=1)
    n = len(sums)
    deviation = float(np.sqrt(n) * sums.std())
    if not deviation > 0:
        return 0.0, np.empty(0)
    draws = (sums[_choices(n)].sum(axis=1) - sums.sum()) / deviation
    return deviation * _widened(n), draws


def pooled_p(z: Floats, draws: Floats) -> Floats:
    """How often draws of any pair are as far from zero, two-sided. It cannot be below 1 / (draws + 1)."""
    far = np.sort(np.abs(draws))
    as_far = len(far) - np.searchsorted(far, np.abs(z) - 1e-12)
    return np.asarray((1 + as_far) / (1 + len(far)))


def _in_blocks(values: Floats) -> Floats:
    """A row for each; what is not known adds nothing to a product."""
    return np.pad(np.nan_to_num(values), (0, -len(values) % BLOCK)).reshape(-1, BLOCK)


@cache
def _widened(n: int) -> float:
    """By how much the 95 % interval of a mean of `n` is wider than its deviation (by n, not n - 1) says."""
    return float(student.ppf(0.975, n - 1) / normal.ppf(0.975) * np.sqrt(n / (n - 1)))


@cache
def _choices(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(SEED).integers(n, size=(DRAWS, n))
