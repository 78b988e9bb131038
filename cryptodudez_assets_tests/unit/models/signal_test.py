"""What is made of probabilities: a decision, or HODL with the reason why."""

from datetime import UTC, datetime, timedelta

import pytest

from cryptodudez_assets.declared_models.signal import CLASSES
from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.signal.signal import STALE_AFTER, decide

SKILL, NO_SKILL = (
    Verdict(skill=True, words="Skill: it beats all."),
    Verdict(skill=False, words="No skill: none beats luck."),
)
NOW = datetime(2021, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("probabilities", "decision", "confidence"),
    [
        ((0.7, 0.2, 0.1), "BUY", "high"),
        ((0.2, 0.3, 0.5), "SELL", "moderate"),
        ((0.33, 0.34, 0.33), "HODL", "low"),
    ],
)
def test_with_skill_the_rule_decides(probabilities, decision, confidence):
    signal = decide(probabilities, DecisionRule(), SKILL, NOW, NOW)
    assert (signal.decision, signal.model_decision, signal.confidence) == (decision, decision, confidence)
    assert signal.probabilities == dict(zip(CLASSES, probabilities, strict=True))
    assert signal.reasons == []


@pytest.mark.parametrize(
    ("probabilities", "decision", "confidence"),
    [
        ((0.34, 0.46, 0.2), "BUY", "high"),  # HODL is the likeliest, and a rise twice as likely as usual against a fall
        ((0.31, 0.46, 0.23), "BUY", "moderate"),
        ((0.28, 0.46, 0.26), "HODL", "low"),
        ((0.17, 0.46, 0.37), "SELL", "high"),
    ],
)
def test_what_is_unusual_decides_by_the_lift(probabilities, decision, confidence):
    rule = DecisionRule(kind="lift", base_rates=[0.28, 0.46, 0.26], spread=0.2, deviations=0.5)
    signal = decide(probabilities, rule, SKILL, NOW, NOW)
    assert (signal.decision, signal.confidence) == (decision, confidence)


def test_without_skill_it_is_hodl_and_says_why():
    signal = decide((0.9, 0.05, 0.05), DecisionRule(), NO_SKILL, NOW, NOW)
    assert (signal.decision, signal.model_decision, signal.confidence) == ("HODL", "BUY", "low")
    assert signal.reasons == ["No skill: none beats luck."]


def test_on_old_features_it_is_hodl_and_says_how_old_they_are():
    at_the_limit = decide((0.9, 0.05, 0.05), DecisionRule(), SKILL, NOW - STALE_AFTER, NOW)
    past_it = decide((0.9, 0.05, 0.05), DecisionRule(), SKILL, NOW - STALE_AFTER - timedelta(seconds=1), NOW)
    assert at_the_limit.decision == "BUY"
    assert past_it.decision == "HODL"
    assert "27 June 2021" in past_it.reasons[0]


def test_features_without_a_time_are_the_caller_s_business():
    assert decide((0.9, 0.05, 0.05), DecisionRule(), SKILL, None, NOW).decision == "BUY"
