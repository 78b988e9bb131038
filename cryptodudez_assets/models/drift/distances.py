"""How far the distribution of a stretch of rows is from that of all other rows, for many stretches at once.

Both distances are read off the difference of two empirical distribution functions: its maximum is Kolmogorov and Smirnov's,
its integral is Wasserstein's (in the reference's deviations). scipy has both for one pair; replays need them for thousands.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["Kolmogorov-Smirnov", "Wasserstein"]

LARGE = 1000  # rows of a reference from which on a size of effect says more than a test (Evidently's rule)
FEWEST_KNOWN = 10  # values that a distribution is judged by
RANDOM_WALK = (
    14.1  # Dickey and Fuller (1979): n (1 - r) of a random walk with unknown mean stays below it in 95 of 100 cases
)


def method_for(n_reference: int) -> Method:
    """The distance that fits a reference of so many rows."""
    return "Kolmogorov-Smirnov" if n_reference <= LARGE else "Wasserstein"


def measure(
    reference: npt.ArrayLike, current: npt.ArrayLike, names: Sequence[str], method: Method | None = None
) -> dict[str, float]:
    """The distance of each column of `current` (m x k) from that of `reference` (n x k); missing values are left out.

    Kolmogorov-Smirnov: 0 to 1. Wasserstein: in deviations of the reference; of a column that is constant there,
    Kolmogorov-Smirnov. NaN where either side has fewer than 10 known values. ValueError where shapes do not fit.
    """
    before, now = table(reference, names), table(current, names)
    values, scale = np.vstack([before, now]), deviations(before)
    found = distances(values, np.array([len(before)]), len(now), method or method_for(len(before)), scale)
    return dict(zip(names, found[0].tolist(), strict=True))


def table(values: npt.ArrayLike, names: Sequence[str]) -> Floats:
    """Rows x names, with NaN for everything that is not a finite number."""
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != len(names):
        raise ValueError(f"expected rows of {len(names)} columns ({', '.join(names)}), got the shape {found.shape}")
    return np.where(np.isfinite(found), found, np.nan)


def deviations(values: Floats) -> Floats:
    """The standard deviation of each column's known values; 0 where it is constant or nothing is known."""
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - np.where(known, values, 0).sum(axis=0) / n, 0)
    constant = np.nanmax(values, axis=0, initial=-np.inf) <= np.nanmin(values, axis=0, initial=np.inf)
    return np.where(constant, 0, np.sqrt((centred**2).sum(axis=0) / n))


def distances(values: Floats, starts: Ints, length: int, method: Method, scale: Floats) -> Floats:
    """One row per stretch of `length` rows of `values` from each of `starts`, one column per column, against all other rows."""
    return np.column_stack(
        [
            _distances(one, starts, length, "Wasserstein" if method == "Wasserstein" and unit else None, unit)
            for one, unit in zip(values.T, scale.tolist(), strict=True)
        ]
    )


def _distances(values: Floats, starts: Ints, length: int, method: Method | None, unit: float) -> Floats:
    """The same for one column."""
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    if len(order) < 2 * FEWEST_KNOWN:
        return np.full(len(starts), np.nan)
    inside = ((order >= starts[:, None]) & (order < starts[:, None] + length)).cumsum(axis=1, dtype=np.int32)
    n_inside = inside[:, -1:]
    n_outside = len(order) - n_inside
    outside = np.arange(1, len(order) + 1, dtype=np.int32) - inside
    apart = np.abs(inside / np.maximum(n_inside, 1) - outside / np.maximum(n_outside, 1))[:, :-1]
    steps = np.diff(values[order])  # between equal values there is no step: the functions jump over all of them at once
    found = apart @ steps / unit if method == "Wasserstein" else (apart * (steps > 0)).max(axis=1)
    return np.where((np.minimum(n_inside, n_outside) >= FEWEST_KNOWN)[:, 0], found, np.nan)


def missing_distances(values: Floats, starts: Ints, length: int) -> Floats:
    """Shares of missing values inside each stretch against all other rows: the absolute difference."""
    missing = np.vstack([np.zeros(values.shape[1]), np.isnan(values).cumsum(axis=0)])
    inside = missing[starts + length] - missing[starts]
    return np.asarray(np.abs(inside / length - (missing[-1] - inside) / (len(values) - length)))


def levels(values: Floats) -> npt.NDArray[np.bool_]:
    """Columns of which Dickey and Fuller's test cannot exclude, at 5 %, that they are random walks, as prices are.

    It asks for n (1 - r) >= 14.1, r being the autocorrelation from row to row. A fixed bound on r would also drop what
    is slow by making: an average of 30 days has r = 0.97. Such a column passes if the reference is 14 times its window.
    """
    return np.array([_is_level(one) for one in values.T], dtype=np.bool_)


def _is_level(values: Floats) -> bool:
    pairs = np.column_stack([values[:-1], values[1:]])
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    if len(pairs) < 2 * FEWEST_KNOWN:
        return False
    before, after = (pairs - pairs.mean(axis=0)).T
    square = float(before @ before)
    return square > 0 and len(pairs) * (1 - float(before @ after) / square) < RANDOM_WALK
