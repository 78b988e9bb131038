"""Faults of simulated venues: what one is, how its rate is told, and when it happens. Which ones there are says each venue."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random


class Unit(StrEnum):
    """What a rate counts."""

    MESSAGE = "probability, for each message of diff-orders and each connection"
    CANDLE = "share of the candles, always the same ones"
    MINUTE = "times a minute, on each connection"
    REQUEST = "probability, for each request"
    SECONDS = "seconds, which may be negative"


@dataclass(frozen=True)
class Fault:
    """A fault that can be switched on."""

    name: str
    unit: Unit
    meaning: str


def reader_of(faults: Mapping[str, Fault]) -> Callable[[str], tuple[str, float]]:
    """What reads `drop=0.01` as name and rate, for a venue with these faults; it raises ValueError with what was expected."""
    return partial(_rate_of, faults=faults)


def _rate_of(told: str, faults: Mapping[str, Fault]) -> tuple[str, float]:
    name, equals, rate_text = told.partition("=")
    if name not in faults:
        raise ValueError(f"there is no fault {name!r}; there are: {', '.join(faults)}")
    unit = faults[name].unit
    try:
        rate = float(rate_text)
    except ValueError:
        rate = math.nan
    if not equals or not math.isfinite(rate):
        raise ValueError(f"{told!r}: expected {name}=RATE, a number ({unit})")
    if unit is not Unit.SECONDS and (rate < 0 or (unit is not Unit.MINUTE and rate > 1)):
        raise ValueError(f"{told!r}: the rate is a {unit}: {'0 or more' if unit is Unit.MINUTE else 'between 0 and 1'}")
    return name, rate


class Chance:
    """Draws at most one of several faults a time, by their probabilities. Raises ValueError where these are more than 1 together.

    `struck`: how often each one happened.
    """

    def __init__(self, names: Iterable[str], rates: Mapping[str, float], random: Random) -> None:
        self._random = random
        self._forced: list[str | None] = []
        self.struck: Counter[str] = Counter()
        self._upper: list[tuple[float, str]] = []
        total = 0.0
        for name in names:
            if rates.get(name):
                total += rates[name]
                self._upper.append((total, name))
        if total > 1:
            told = ", ".join(name for _, name in self._upper)
            raise ValueError(
                f"the rates of {told} are {total:g} together; as at most one happens at a time, they are to be up to 1"
            )

    def force(self, name: str, after: int = 0) -> None:
        """Make a fault happen when it is drawn `after` more times, and once more. Forced faults wait in line."""
        self._forced += [*[None] * after, name]

    def draw(self) -> str | None:
        """The fault that happens now, or None."""
        forced = self._forced.pop(0) if self._forced else None
        fault = forced or self._by_chance()
        if fault:
            self.struck[fault] += 1
        return fault

    def _by_chance(self) -> str | None:
        if not self._upper:
            return None
        drawn = self._random.random()
        return next((name for upper, name in self._upper if drawn < upper), None)
