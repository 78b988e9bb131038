"""Which faults there are, what their rates mean, and when they happen on a connection or to a request. The seed decides.

What a fault does to the bytes is in `link.py` and `delivery.py`; what it costs a client, in `forced.py`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Unit(StrEnum):
    """What a rate counts."""

    MESSAGE = "probability, for each message of diff-orders and each connection"
    MINUTE = "times a minute, on each connection"
    REQUEST = "probability, for each request"
    SECONDS = "seconds, which may be negative"


@dataclass(frozen=True)
class Fault:
    """A fault that can be switched on."""

    name: str
    unit: Unit
    meaning: str


STALL_SECONDS, SLOW_SECONDS, SLOW_BY_SECONDS = (3.0, 15.0), (5.0, 15.0), 2.0
GAP_MESSAGES = (2, 10)

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("drop", Unit.MESSAGE, "a message never comes"),
        Fault("duplicate", Unit.MESSAGE, "a message comes twice: at once, or again behind the next one of its book"),
        Fault("reorder", Unit.MESSAGE, "a message comes behind the next one of its book"),
        Fault("gap", Unit.MESSAGE, "the sequence jumps: 2 to 10 messages of a book never come"),
        Fault("bad-json", Unit.MESSAGE, "a message is cut in its middle"),
        Fault(
            "crossed", Unit.MESSAGE, "a message has one more order, which is not in the book: a bid above the best ask"
        ),
        Fault("stall", Unit.MINUTE, "nothing comes for 3 to 15 seconds, then everything at once"),
        Fault("slow", Unit.MINUTE, "for 5 to 15 seconds, everything comes 2 seconds late"),
        Fault("disconnect", Unit.MINUTE, "the connection ends: half of the time by a reset, else by close code 1001"),
        Fault("half-open", Unit.MINUTE, "the connection stays and is silent for ever, also to pings and closes"),
        Fault("5xx", Unit.REQUEST, "an answer over REST is 500, 502, 503 or 504, in HTML"),
        Fault("420", Unit.REQUEST, "an answer is 420, and the address is locked out for a minute"),
        Fault("skew", Unit.SECONDS, "the exchange's clock is fast by so much: in every time that it tells"),
    )
}
OF_MESSAGES = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.MESSAGE)
OF_CONNECTIONS = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.MINUTE)
OF_REQUESTS = tuple(name for name, fault in FAULTS.items() if fault.unit is Unit.REQUEST)


def read_fault(told: str) -> tuple[str, float]:
    """`drop=0.01` as name and rate. Raises ValueError with what was expected."""
    name, equals, rate_text = told.partition("=")
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}; there are: {', '.join(FAULTS)}")
    unit = FAULTS[name].unit
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
    """Draws at most one of several faults a time, by their probabilities. Raises ValueError where these are more than 1 together."""

    def __init__(self, names: Iterable[str], rates: Mapping[str, float], random: Random) -> None:
        self._random = random
        self._forced: list[str] = []
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

    def force(self, name: str) -> None:
        """Make a fault happen the next time that is drawn."""
        self._forced.append(name)

    def draw(self) -> str | None:
        """The fault that happens now, or None."""
        if self._forced:
            return self._forced.pop(0)
        if not self._upper:
            return None
        drawn = self._random.random()
        return next((name for upper, name in self._upper if drawn < upper), None)
