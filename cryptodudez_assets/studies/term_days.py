"""Days on which tweets name a term against all other days: mean abnormal returns, tested by permutation, for many terms at once.

Many tests find something by chance alone, so that p-values are adjusted for their number (Benjamini and Hochberg).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cryptodudez_assets.studies.event_study import Floats, Returns, estimate

PERMUTATIONS = 9_999
SEED = 20190402
FEWEST_DAYS = 5
ALL_YEARS = "all"

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class TermEffect:
    """Mean abnormal return on days with a term and on others. `p`, `q`: two-sided, before and after adjustment."""

    term: str
    period: str
    n_days: int
    n_other: int
    mean: float
    mean_other: float
    p: float
    q: float

    @property
    def difference(self) -> float:
        """How much higher the return is on days with the term."""
        return self.mean - self.mean_other


def rolling_abnormal(returns: Returns) -> Floats:
    """Abnormal return of every day by the model of the days before it: nothing looks ahead."""
    models = [estimate(returns, day) for day in range(len(returns.days))]
    pairs = zip(models, returns.asset, returns.control, strict=True)
    return np.array([np.nan if model is None else y - model.alpha - model.beta * x for model, y, x in pairs])


@dataclass(frozen=True)
class _Counts:
    """Of one period and each term: days with it, their summed returns, and the same sums after every permutation."""

    n: int
    total: float
    n_days: Floats
    sums: Floats
    permuted: Floats

    def __add__(self, other: "_Counts") -> "_Counts":
        return _Counts(
            self.n + other.n,
            self.total + other.total,
            self.n_days + other.n_days,
            self.sums + other.sums,
            self.permuted + other.permuted,
        )


def term_effects(abnormal: Floats, years: NDArray[np.int64], mentions: Mapping[str, Flags]) -> list[TermEffect]:
    """Effects of each term in each year and in all of them. Days are permuted within their year: volatility differs between."""
    if not mentions:
        return []
    random = np.random.default_rng(SEED)
    flags = np.column_stack(list(mentions.values())).astype(np.float64)
    known = np.isfinite(abnormal)
    periods: dict[str, _Counts] = {}
    for year in np.unique(years[known]):
        chosen = known & (years == year)
        periods[str(year)] = _count(abnormal[chosen], flags[chosen], random)
    if len(periods) > 1:
        first, *more = periods.values()
        periods[ALL_YEARS] = sum(more, first)
    found = [one for period, counts in periods.items() for one in _effects(list(mentions), period, counts)]
    adjusted = benjamini_hochberg([one.p for one in found])
    return [replace(one, q=q) for one, q in zip(found, adjusted, strict=True)]


def _count(values: Floats, flags: Floats, random: np.random.Generator) -> _Counts:
    shuffled = random.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)
    return _Counts(len(values), float(values.sum()), flags.sum(axis=0), values @ flags, shuffled @ flags)


def _effects(terms: Sequence[str], period: str, counts: _Counts) -> list[TermEffect]:
    found = []
    for i, term in enumerate(terms):
        n_days, n_other = int(counts.n_days[i]), counts.n - int(counts.n_days[i])
        if min(n_days, n_other) < FEWEST_DAYS:
            continue
        mean, mean_other = counts.sums[i] / n_days, (counts.total - counts.sums[i]) / n_other
        # Since the total stays, the difference of means is a line in the sum over days with the term.
        differences = counts.permuted[:, i] / n_days - (counts.total - counts.permuted[:, i]) / n_other
        # Within years the expected difference need not be zero over all years: measure from its mean.
        centre = differences.mean()
        extreme = np.abs(differences - centre) >= abs(mean - mean_other - centre) - 1e-12
        p = (1 + int(extreme.sum())) / (1 + PERMUTATIONS)
        found.append(TermEffect(term, period, n_days, n_other, float(mean), float(mean_other), p, p))
    return found


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values: calling all of those up to q a finding, a share of q is false on average."""
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.minimum.accumulate(np.asarray(p)[order] * len(p) / ranks) if len(p) else np.empty(0)
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1)
    return [float(q) for q in result]
