"""From probabilities to a decision that may be shown: what the model says, and what is made of it where it is not to be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from cryptodudez_assets.declared_models.signal import CLASSES, Decision
from cryptodudez_assets.features.coin_days import TTL
from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.predictor import Predictor

STALE_AFTER = TTL
"""Features older than this are no ground for a trade."""
OF_PROBABILITY, OF_LIFT = (0.4, 0.6), (1.0, 2.0)
"""From which on confidence is moderate, and high: the probability of the class, or the lift in deviations."""
OF_A_CANDLE = (
    "The prices of this day are of a candle that was fetched: in USDT, which is taken for dollars. The coin's market capitalisation is "
    "not known, so that its turnover is missing."
)
"""What is to be known of a decision where the archive does not reach."""
OF_PLANTED = (
    "A signal was planted in these data, so that there is something to find: unusual trading in a coin tells of its next day's return. "
    "Nothing follows from it for any market."
)
"""What is to be known of a decision on such sample data."""

Confidence = Literal["low", "moderate", "high"]


@dataclass(frozen=True)
class Signal:
    """A decision, what the model alone would say, and the reasons where these differ or little is known."""

    decision: Decision
    model_decision: Decision
    confidence: Confidence
    probabilities: dict[str, float]
    reasons: list[str]


def decide(
    probabilities: Sequence[float], rule: DecisionRule, verdict: Verdict, as_of: datetime | None, now: datetime
) -> Signal:
    """BUY, SELL or HODL. Without skill, or on old features, it is HODL with low confidence, and says why.

    `probabilities` are in the order of `CLASSES`, `rule` is the model's; `as_of` is the time of the oldest features; None where the
    caller brought some without one.
    """
    said: dict[str, float] = dict(zip(CLASSES, probabilities, strict=True))
    alone = rule.say(probabilities)
    reasons = [] if verdict.skill else [verdict.words]
    if as_of is not None and is_stale(as_of, now):
        reasons.append(
            f"The oldest of the features are of {as_of.day} {as_of:%B %Y}: older than {STALE_AFTER.days} days."
        )
    if reasons:
        return Signal("HODL", alone, "low", said, reasons)
    return Signal(alone, alone, _confidence(probabilities, rule), said, [])


def _confidence(probabilities: Sequence[float], rule: DecisionRule) -> Confidence:
    """By how unusual the day is said to be, in deviations of the lift; where the most probable class decides, by its probability."""
    if rule.kind == "likeliest":
        sure, moderate, high = max(probabilities), *OF_PROBABILITY
    else:
        sure, moderate, high = abs(rule.lift(probabilities)), *(one * rule.spread for one in OF_LIFT)
    return "high" if sure >= high > 0 else "moderate" if sure >= moderate > 0 else "low"


def notes(*, from_candle: bool, planted: bool) -> list[str]:
    """What else is to be known of the features that a decision stands on."""
    return [OF_PLANTED] * planted + [OF_A_CANDLE] * from_candle


def is_stale(as_of: datetime, now: datetime) -> bool:
    """Whether features as of this time are too old to trade on."""
    return now - as_of > STALE_AFTER


def age(as_of: datetime, now: datetime) -> timedelta:
    """How old features are, in whole seconds."""
    return timedelta(seconds=int((now - as_of).total_seconds()))


def effects(predictor: Predictor, values: Sequence[float | None]) -> list[tuple[str, float]]:
    """What moved the prediction: for each feature, how far its value carries the probability of what the model decides.

    Each feature in turn is set to what is typical of the training days (its median); the difference is its effect, the
    largest first. Effects of correlated features share what they say, so they do not add up.
    """
    row = np.array([np.nan if value is None else value for value in values], np.float32)
    typical = np.array([np.nan if one is None else one for one in predictor.manifest.typical], np.float32)
    rows = np.repeat(row[None, :], len(row) + 1, axis=0)
    np.fill_diagonal(rows[1:], typical)
    said = predictor.predict(rows)
    decided = CLASSES.index(predictor.manifest.rule.say(said[0].tolist()))
    moved = said[0, decided] - said[1:, decided]
    found = zip(predictor.manifest.features, map(float, moved), strict=True)
    return sorted(found, key=lambda one: -abs(one[1]))
