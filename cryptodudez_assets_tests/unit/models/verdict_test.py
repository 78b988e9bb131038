"""The verdict: all tests or nothing, in words with the numbers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.evaluation.bootstrap import Resampled
from cryptodudez_assets.models.signal.verdict import LIMITS, Evidence, verdict


def around(value: float, half: float) -> Resampled:
    return Resampled(value, np.linspace(value - half, value + half, 1001))


GOOD = Evidence(
    days=1234,
    log_loss=1.05,
    base_log_loss=1.08,
    log_loss_gain=around(0.03, 0.02),
    balanced_accuracy=around(0.4, 0.05),
    over_persistence=around(0.06, 0.05),
    excess_return=around(0.002, 0.001),
    sharpe=1.7,
    deflated_sharpe=0.97,
    trials=12,
)


def test_skill_if_all_tests_are_passed():
    found = verdict(GOOD, SignalOptions(), 2)
    assert found.skill
    assert found.label == "skill"
    assert found.words.startswith("Skill: all 4 tests on 1,234 out-of-sample days were passed.")
    assert found.words.endswith(LIMITS)


@pytest.mark.parametrize(
    ("change", "at", "words"),
    [
        (
            {"log_loss_gain": around(0.01, 0.02)},
            0,
            "1.0500 against 1.0800 of the base rates: a gain of +0.0100, with 97.5 % confidence",
        ),
        (
            {"balanced_accuracy": around(0.35, 0.06)},
            1,
            "balanced accuracy is 0.350, with 97.5 % confidence at least 0.293",
        ),
        ({"over_persistence": around(0.0, 0.05)}, 1, "that is +0.000 from persistence"),
        (
            {"deflated_sharpe": 0.9},
            2,
            "the best of 12 trials shows by luck with a probability of 0.900 (needed: 0.950)",
        ),
        (
            {"excess_return": around(0.0, 0.001)},
            3,
            "0.000 % a day more than buy and hold; the difference is with 97.5 % confidence at least -0.095 %",
        ),
        ({"excess_return": around(-0.00036, 0.001)}, 3, "earns 0.036 % a day less than buy and hold"),
    ],
)
def test_no_skill_if_one_fails(change: dict[str, Any], at: int, words: str):
    found = verdict(replace(GOOD, **change), SignalOptions(), 2)
    assert not found.skill
    assert [test.passed for test in found.tests] == [other != at for other in range(4)]
    assert found.words.startswith("No skill: of 4 tests on 1,234 out-of-sample days, 1 failed.")
    assert found.words.endswith("The signal is HODL until a model passes all of them.")
    assert words in found.words
    assert words in found.tests[at].words


def test_a_verdict_says_what_it_could_have_found():
    """Samples that spread twice as far find twice as much at least."""
    words = [
        verdict(replace(GOOD, excess_return=around(0, half)), SignalOptions(), 2).tests[3].words
        for half in (1e-3, 2e-3)
    ]
    least = [float(re.findall(r"finds (\d\.\d+) % a day or more with a probability of 80%", one)[0]) for one in words]
    assert least == pytest.approx([0.1618, 0.3235], abs=0.001)


def test_who_chooses_between_more_candidates_must_show_more():
    doubtful = replace(GOOD, log_loss_gain=around(0.0182, 0.02))
    assert verdict(doubtful, SignalOptions(), 1).skill
    assert not verdict(doubtful, SignalOptions(), 2).skill
