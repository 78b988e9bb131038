"""Invented markets as data sets: prices that nothing can foretell, and prices that one feature foretells."""

from datetime import UTC, datetime, timedelta

import numpy as np

from cryptodudez_assets.declared_models.signal import CLASSES, SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Float32s, Floats
from cryptodudez_assets.models.signal.labels import triple_barrier, uniqueness

QUICK = SignalOptions(
    min_train_days=400,
    folds=3,
    costs_bps=(0.0, 10.0),
    placebo_repeats=1,
    placebo_shifts_days=(30,),
    bootstrap_samples=500,
)
"""Options with which a data set of some 1,300 days is judged in a second or two."""

FIRST_DAY = datetime(2017, 1, 1, tzinfo=UTC)
VOLATILITY = 0.04


def noise(seed: int, days: int = 1300, features: int = 15, options: SignalOptions = QUICK) -> Dataset:
    """Returns with clusters of volatility and fat tails, and features that have nothing to do with them."""
    random = np.random.default_rng(seed)
    return dataset_of(_clustered(random, days), slow_features(random, days, features), options)


def planted(
    seed: int, days: int = 3000, features: int = 15, strength: float = 0.5, options: SignalOptions = QUICK
) -> Dataset:
    """The same, but the first feature, slow to change, is correlated by `strength` with the next day's return."""
    random = np.random.default_rng(seed)
    shocks, columns = _clustered(random, days), slow_features(random, days, features)
    hint = np.concatenate([[0.0], columns[:-1, 0]])
    return dataset_of(strength * VOLATILITY * hint + np.sqrt(1 - strength**2) * shocks, columns, options)


def dataset_of(returns: Floats, features: Float32s, options: SignalOptions = QUICK) -> Dataset:
    """From the log return of each day over the day before; deviations for the labels are of the last 30 days."""
    n = len(returns)
    deviations = np.array([returns[max(0, row - 29) : row + 1].std() for row in range(n)])
    deviations[:5] = np.nan
    closes = np.exp(np.cumsum(returns))
    labels, known, ended = triple_barrier(closes, deviations, options.horizon_days, options.barrier_width)
    return Dataset(
        days=[FIRST_DAY + timedelta(days=row) for row in range(n)],
        names=tuple(f"feature_{at}" for at in range(features.shape[1])),
        classes=CLASSES,
        features=features,
        labels=labels,
        label_row=known,
        uniqueness=uniqueness(ended),
        closes=closes,
    )


def _clustered(random: np.random.Generator, days: int) -> Floats:
    """GARCH(1, 1) with Student's t (5 degrees of freedom), of `VOLATILITY` a day on average."""
    returns, variance = np.zeros(days), VOLATILITY**2
    shocks = random.standard_t(5, days) / np.sqrt(5 / 3)
    for day in range(days):
        returns[day] = np.sqrt(variance) * shocks[day]
        variance = 0.05 * VOLATILITY**2 + 0.08 * returns[day] ** 2 + 0.87 * variance
    return returns


def slow_features(random: np.random.Generator, days: int, features: int) -> Float32s:
    """Standard normal values with an autocorrelation of 0.6, some of them not known."""
    values = random.normal(size=(days, features))
    for day in range(1, days):
        values[day] = 0.6 * values[day - 1] + 0.8 * values[day]
    values[random.random(values.shape) < 0.02] = np.nan
    values[:, 0] = np.nan_to_num(values[:, 0])
    return values.astype(np.float32)
