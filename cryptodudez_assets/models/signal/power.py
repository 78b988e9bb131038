"""What the tests of money could have found on the days that were judged: signals planted on the coin's own returns, without a model.

So a verdict of no skill can be told from days on which nobody could have shown any. Nothing is fitted here: the planted signal itself is
followed, as by a model that knows it. What a model loses by having to learn it is measured by `benchmarks/verdict_power.py`.
"""

import numpy as np

from cryptodudez_assets.declared_models.signal import BUY, SELL
from cryptodudez_assets.models.dataset import Floats, Ints
from cryptodudez_assets.models.evaluation.backtest import DAYS_PER_YEAR, daily_sharpe
from cryptodudez_assets.models.findings import PowerPoint
from cryptodudez_assets.models.signal.judgement import Bench

STRENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3)
REPEATS = 50
MEMORY = 0.6
"""Correlation of a signal with its value on the day before: a day's tweets or volume do not begin anew each day either."""


def power_curve(bench: Bench, candidates: int) -> list[PowerPoint]:
    """For each strength, how many of the planted signals pass what is asked of each of so many candidates."""
    random = np.random.default_rng(bench.options.seed)
    return [_point(bench, strength, bench.boundary(candidates), random) for strength in STRENGTHS]


def planted(returns: Floats, strength: float, random: np.random.Generator) -> Ints:
    """Decisions by the sign of a signal that is correlated by `strength` with the return of the day that follows."""
    deviations = (returns - returns.mean()) / returns.std()
    noise = random.normal(size=len(returns))
    for day in range(1, len(noise)):
        noise[day] = MEMORY * noise[day - 1] + np.sqrt(1 - MEMORY**2) * noise[day]
    return np.where(strength * deviations + np.sqrt(1 - strength**2) * noise > 0, BUY, SELL)


def _point(bench: Bench, strength: float, boundary: float, random: np.random.Generator) -> PowerPoint:
    every = [planted(bench.returns, strength, random) for _ in range(REPEATS)]
    found = sum(all(gain.deviations > boundary for gain in bench.timing(one)) for one in every)
    sharpe = np.median([daily_sharpe(bench.net(one)) for one in every]) * np.sqrt(DAYS_PER_YEAR)
    return PowerPoint(strength=strength, sharpe=float(sharpe), found=found, of=REPEATS)
