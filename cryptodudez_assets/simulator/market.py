"""Prices: a one-factor model of daily log returns with GARCH(1,1) volatility and heavy tails, as candles."""

import math
from array import array
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from cryptodudez_assets.simulator.sizes import FIRST_DAY

ARCH, GARCH = (0.10, 0.86)  # weight of yesterday's squared shock and of yesterday's variance
TAILS = 6  # degrees of freedom: fewer would leave the model without a fourth moment

Factor = Mapping[date, float]


class Garch:
    """Shocks whose volatility clusters around a long-run daily level."""

    def __init__(self, rng: Random, volatility: float) -> None:
        self._rng = rng
        self._long_run = volatility**2
        self._variance = self._long_run

    def step(self) -> float:
        """The next day's shock."""
        shock = math.sqrt(self._variance) * _student_t(self._rng)
        self._variance = (1 - ARCH - GARCH) * self._long_run + ARCH * shock**2 + GARCH * self._variance
        return shock


class Candle(NamedTuple):
    """One day of prices."""

    open: float
    high: float
    low: float
    close: float


class Asset:
    """Something traded: its log price follows the factor by `beta`, its own shocks and a drift.

    `pull` draws the price back to where it started, for coins pegged to a currency.
    """

    def __init__(
        self, rng: Random, *, price: float, volatility: float, beta: float, drift: float, pull: float = 0.0
    ) -> None:
        self._rng = rng
        self._own = Garch(rng, volatility)
        self._volatility = volatility
        self._beta, self._drift, self._pull = beta, drift, pull
        self._start = self._last = price
        self._level = 0.0

    def step(self, factor: float, extra: float = 0.0) -> Candle:
        """The next day's candle; `extra` is a return on top of the model's."""
        shock = self._drift + self._beta * factor + self._own.step() + extra
        self._level = (1 - self._pull) * self._level + shock
        reach = self._volatility / 2
        first = self._last * math.exp(self._rng.gauss(0, reach / 5))
        last = self._start * math.exp(self._level)
        high = max(first, last) * math.exp(abs(self._rng.gauss(0, reach)))
        low = min(first, last) * math.exp(-abs(self._rng.gauss(0, reach)))
        self._last = last
        # Vendors keep prices in 32 bits, hence their long decimals; the order of the four survives the rounding.
        return Candle(*array("f", (first, high, low, last)))


def market_factor(
    rng: Random, volatility: float, last_day: date, shared: Factor | None = None, beta: float = 0.0
) -> Factor:
    """Returns common to all assets of a market, by calendar day; `shared` is the part it has from another market."""
    garch = Garch(rng, volatility)
    return {day: garch.step() + (beta * shared[day] if shared else 0.0) for day in days(FIRST_DAY, last_day)}


def days(first: date, last: date) -> Iterable[date]:
    """Calendar days from first to last."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _student_t(rng: Random) -> float:
    """Student's t, scaled to variance 1."""
    chi_square = rng.gammavariate(TAILS / 2, 2)
    return rng.gauss(0, 1) * math.sqrt((TAILS - 2) / chi_square)
