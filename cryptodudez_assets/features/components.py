"""Factors of a market: principal components of the cross-section of returns, fitted for each day on its past only."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Matrix = npt.NDArray[np.float64]

WINDOW = 180
MAY_MISS = 9  # days of the window that a member of the cross-section may lack
NOISE = 1e-12  # a share of variance that is rounding only
FACTORS = ["market_factor_1", "market_factor_2", "market_factor_3"]
SHARES = ["market_factor_1_share", "market_factor_2_share", "market_factor_3_share"]
SCHEMA: dict[str, Any] = {"event_ts": pl.Datetime("us", "UTC"), **dict.fromkeys([*FACTORS, *SHARES], pl.Float64)}


def factors(returns: pl.DataFrame) -> pl.DataFrame:
    """Scores of each day on its factors, in deviations, and the factors' shares of the variance.

    `returns` has `event_ts` (a UTC day), `symbol` and `log_return_1d`. Each window of calendar days ends with the day
    itself; only symbols that are in it take part, so that what is listed later changes nothing. Days without enough
    members are left out.
    """
    first, values = _grid(returns.drop_nulls())
    rows = []
    for last in range(WINDOW - 1, len(values)):
        if scores := _scores(values[last - WINDOW + 1 : last + 1]):
            rows.append((first + timedelta(days=last), *scores))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _grid(returns: pl.DataFrame) -> tuple[datetime, Matrix]:
    """One row per calendar day, one column per symbol in alphabetical order; NaN where there is no return."""
    if returns.is_empty():
        return datetime.min, np.empty((0, 0))
    symbols = returns["symbol"].unique().sort()
    first: datetime = returns["event_ts"].min()  # type: ignore[assignment]
    day = ((returns["event_ts"] - first).dt.total_days()).to_numpy()
    values = np.full((day.max() + 1, len(symbols)), np.nan)
    values[day, symbols.search_sorted(returns["symbol"]).to_numpy()] = returns["log_return_1d"].to_numpy()
    return first, values


def _scores(window: Matrix) -> tuple[float, ...]:
    """The last day's scores and the shares of variance; empty without enough members."""
    members = window[:, (np.isnan(window).sum(axis=0) <= MAY_MISS) & ~np.isnan(window[-1])]
    spread = np.nanstd(members, axis=0)
    moving = spread > 0
    if moving.sum() < len(FACTORS):
        return ()
    members = np.ascontiguousarray(members[:, moving])
    standard = np.nan_to_num((members - np.nanmean(members, axis=0)) / spread[moving])
    # The smaller of the two product matrices has the same components.
    wide = standard.shape[1] > standard.shape[0]
    variances, vectors = np.linalg.eigh(standard @ standard.T if wide else standard.T @ standard)
    largest = slice(None, -len(FACTORS) - 1, -1)
    loadings = standard.T @ vectors[:, largest] if wide else vectors[:, largest]
    loadings = loadings / np.linalg.norm(loadings, axis=0)
    # A component has no sign of its own: the larger loadings are to be positive, so that up is up.
    loadings = loadings * np.where((loadings**3).sum(axis=0) < 0, -1.0, 1.0)
    shares = variances[largest] / variances.sum()
    deviations = np.sqrt(variances[largest] / WINDOW)
    scores = np.where(shares > NOISE, standard[-1] @ loadings / np.where(shares > NOISE, deviations, 1.0), 0.0)
    return (*scores.tolist(), *shares.tolist())
