"""What kind of market a day belongs to, told from nothing but what was known at its close."""

import numpy as np

from cryptodudez_assets.models.dataset import Dataset, Floats
from cryptodudez_assets.models.evaluation.backtest import Bools

TREND_DAYS = 90
VOLATILITY_DAYS = 30


def regimes(dataset: Dataset) -> dict[str, Bools]:
    """By name, the rows of the data set in it: two by trend, two by volatility, one per calendar year.

    Days before there is a trailing window are in none of the first four.
    """
    trend, volatility = trailing_return(dataset.returns, TREND_DAYS), _trailing_deviation(dataset.returns)
    usual = _expanding_median(volatility)
    years = np.array([day.year for day in dataset.days])
    return {
        f"bull (up over {TREND_DAYS} days)": trend > 0,
        f"bear (down over {TREND_DAYS} days)": trend <= 0,
        "high volatility": volatility > usual,
        "low volatility": volatility <= usual,
        **{str(year): years == year for year in np.unique(years)},
    }


def trailing_return(returns: Floats, days: int) -> Floats:
    """Log return up to the close of each row over so many days; `returns[i]` is that of the day *after* row i.

    NaN for the first rows. A day without a return counts as none.
    """
    log_closes = np.concatenate([[0.0], np.nancumsum(returns)])[:-1]
    return np.concatenate([np.full(days, np.nan), log_closes[days:] - log_closes[:-days]])[: len(returns)]


def _trailing_deviation(returns: Floats) -> Floats:
    """Of the last returns that were known at each row's close; NaN for the first rows."""
    deviation = np.full(len(returns), np.nan)
    for row in range(VOLATILITY_DAYS, len(returns)):
        window = returns[row - VOLATILITY_DAYS : row]
        if np.isfinite(window).sum() > VOLATILITY_DAYS // 2:
            deviation[row] = np.nanstd(window)
    return deviation


def _expanding_median(values: Floats) -> Floats:
    """Of all values so far."""
    medians = np.full(len(values), np.nan)
    for row in np.flatnonzero(np.isfinite(values)):
        medians[row] = np.nanmedian(values[: row + 1])
    return medians
