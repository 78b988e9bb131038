"""The verdict: all tests or nothing, in words with the numbers."""

import re
from dataclasses import replace
from typing import Any

import pytest

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.evaluation.timing import Gain
from cryptodudez_assets.models.findings import Placebo
from cryptodudez_assets.models.signal.verdict import LIMITS, Evidence, verdict

GOOD = Evidence(
    days=1234,
    log_loss=1.05,
    base_log_loss=1.08,
    unexplained=Gain(0.004, 0.001),
    other_times=Gain(0.0035, 0.001),
    boundary=3.06,
    sharpe=1.7,
    deflated_sharpe=0.97,
    trials=12,
)


def test_skill_if_all_tests_are_passed():
    found = verdict(GOOD, SignalOptions())
    assert found.skill
    assert found.label == "skill"
    assert found.words.startswith("Skill: all 4 tests on 1,234 out-of-sample days were passed.")
    assert found.words.endswith(LIMITS)


@pytest.mark.parametrize(
    ("change", "at", "words"),
    [
        ({"log_loss": 1.0801}, 0, "1.0801 against 1.0800 of the base rates: a gain of -0.0001 (needed: above 0)"),
        (
            {"unexplained": Gain(0.00305, 0.001)},
            1,
            "At 10 bps it gains 0.305 % a day that no mix of buying and holding and of momentum explains, "
            "+3.05 standard errors (needed: 3.06)",
        ),
        ({"unexplained": Gain(-0.001, 0.001)}, 1, "it loses 0.100 % a day that no mix"),
        (
            {"other_times": Gain(0.003, 0.001)},
            2,
            "begun on any other day it gains 0.300 % a day, +3.00 standard errors",
        ),
        (
            {"deflated_sharpe": 0.9},
            3,
            "the best of 12 trials shows by luck with a probability of 0.900 (needed: 0.950)",
        ),
    ],
)
def test_no_skill_if_one_fails(change: dict[str, Any], at: int, words: str):
    found = verdict(replace(GOOD, **change), SignalOptions())
    assert not found.skill
    assert [test.passed for test in found.tests] == [other != at for other in range(4)]
    assert found.words.startswith("No skill: of 4 tests on 1,234 out-of-sample days, 1 failed.")
    assert found.words.endswith("The signal is HODL until a model passes all of them.")
    assert words in found.words
    assert words in found.tests[at].words


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (
            (1.06, 1.07),
            "none of 2 placebos foretell as well or better: if tweets said nothing, that would happen once in 3 times",
        ),
        ((1.06, 1.05), "1 of 2 placebos foretell as well or better: that tweets help cannot be told"),
    ],
)
def test_a_verdict_says_whether_it_may_stand_on_tweets(losses: tuple[float, float], words: str):
    false = [Placebo(name="shuffled", log_loss=one, balanced_accuracy=0.3) for one in losses]
    found = verdict(replace(GOOD, placebos=false), SignalOptions())
    assert found.skill
    assert words in found.words


def test_a_verdict_says_what_it_could_have_found():
    """Where days tell half as much, twice as much must be there."""
    words = [
        verdict(replace(GOOD, unexplained=Gain(0, error)), SignalOptions()).tests[1].words for error in (1e-3, 2e-3)
    ]
    least = [
        float(re.findall(r"finds a gain of (\d\.\d+) % a day or more with a probability of 80%", one)[0])
        for one in words
    ]
    assert least == pytest.approx([100 * 1e-3 * (3.06 + 0.8416), 200 * 1e-3 * (3.06 + 0.8416)], abs=0.001)
