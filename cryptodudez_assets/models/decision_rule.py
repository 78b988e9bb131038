"""How probabilities become BUY, SELL or HODL: a rule that is kept beside a model, for it was fitted like the model.

What is *not* here: which rule is fitted to what (`signal/rules.py`), and what is shown of a decision (`signal/signal.py`). Needs neither
scikit-learn nor the lake, since it is asked with every request.
"""

from collections.abc import Sequence
from math import log
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cryptodudez_assets.declared_models.signal import BUY, CLASSES, HODL, SELL, Decision
from cryptodudez_assets.models.dataset import Floats, Ints

LEAST_PROBABILITY = 1e-6
"""Below it a probability counts as this much, so that every lift is finite."""


class DecisionRule(BaseModel):
    """A rule. Probabilities are in the order of `CLASSES`.

    The lift of a day is how much more likely than usual a rise is said to be, against a fall: log(p(BUY) / usual) - log(p(SELL) / usual).
    The most probable class alone would hide what a model knows: where nothing happens on half of the days, HODL is the most
    probable class of nearly every day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["likeliest", "lift", "never"] = "likeliest"
    base_rates: list[float] = Field(
        default=[], description="What is usual: how frequent each class was among the days learned from."
    )
    spread: float = Field(
        default=0.0, description="Deviation of the lift on days out of sample: what it is measured in."
    )
    deviations: float = Field(
        default=0.0, description="BUY above so many deviations, SELL below as many under zero, HODL between."
    )

    @property
    def name(self) -> str:
        """In words."""
        if self.kind == "lift":
            return f"lift beyond {self.deviations:g} deviations" if self.deviations else "sign of the lift"
        return "most probable class" if self.kind == "likeliest" else "never trade"

    def say(self, probabilities: Sequence[float]) -> Decision:
        """The decision of one day; plain Python, for NumPy takes longer for three numbers."""
        if self.kind == "likeliest":
            return CLASSES[max(range(len(CLASSES)), key=probabilities.__getitem__)]
        if self.kind == "never":
            return "HODL"
        lift, least = self.lift(probabilities), self.deviations * self.spread
        return "BUY" if lift > least else "SELL" if lift < -least else "HODL"

    def lift(self, probabilities: Sequence[float]) -> float:
        """Of one day; 0 where nothing is known to be usual."""
        if not self.base_rates:
            return 0.0
        buy, _, sell = (max(one, LEAST_PROBABILITY) for one in probabilities)
        return log(buy / sell) - log(self.base_rates[BUY] / self.base_rates[SELL])

    def decide(self, probabilities: Floats) -> Ints:
        """The decisions of many days (rows x classes), as positions in `CLASSES`."""
        return self.of_lifts(probabilities, lifts(probabilities, self.base_rates))

    def of_lifts(self, probabilities: Floats, lifted: Floats) -> Ints:
        """The same, where the lifts are known."""
        if self.kind == "likeliest":
            return np.asarray(probabilities.argmax(axis=1))
        least = np.inf if self.kind == "never" else self.deviations * self.spread
        return np.where(lifted > least, BUY, np.where(lifted < -least, SELL, HODL))


def lifts(probabilities: Floats, base_rates: Sequence[float]) -> Floats:
    """Of many days (rows x classes)."""
    if not base_rates:
        return np.zeros(len(probabilities))
    said = np.clip(probabilities, LEAST_PROBABILITY, None)
    return np.asarray(np.log(said[:, BUY] / said[:, SELL]) - log(base_rates[BUY] / base_rates[SELL]))
