"""The deflated Sharpe ratio, by the example that its authors published."""

import numpy as np
import pytest

from cryptodudez_assets.models.evaluation.sharpe import (
    TrialSharpe,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
)

SHARPE, DAYS = 2.5 / np.sqrt(250), 1250
VARIANCE = 0.5 / 250


class TestPublishedExample:
    """Bailey and López de Prado 2014, "A numerical example": 2.5 a year over five years of 250 days, skewness -3, kurtosis 10."""

    def test_the_best_of_a_hundred_by_luck(self):
        assert expected_best(VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)

    def test_of_a_hundred_trials(self):
        assert probabilistic_sharpe(SHARPE, expected_best(VARIANCE, 100), DAYS, -3, 10) == pytest.approx(
            0.9004, abs=5e-5
        )

    def test_of_forty_six_trials(self):
        assert probabilistic_sharpe(SHARPE, expected_best(VARIANCE, 46), DAYS, -3, 10) == pytest.approx(
            0.9505, abs=5e-5
        )

    def test_of_normal_returns(self):
        assert probabilistic_sharpe(SHARPE, expected_best(VARIANCE, 88), DAYS, 0, 3) == pytest.approx(0.9505, abs=5e-5)


def test_the_best_of_many_by_luck_is_what_a_simulation_gives():
    best = np.random.default_rng(1).normal(0, 0.03, (20_000, 50)).max(axis=1).mean()
    assert expected_best(0.03**2, 50) == pytest.approx(best, rel=0.02)


def test_one_trial_is_not_deflated():
    net = np.random.default_rng(1).normal(0.002, 0.03, 500)
    assert expected_best(0.1, 1) == 0
    assert deflated_sharpe(net, [TrialSharpe("a", 0.05)]) > 0.5


def test_more_trials_deflate_and_the_same_one_counts_once():
    net = np.random.default_rng(1).normal(0.002, 0.03, 500)
    alone, twice = [TrialSharpe("a", 0.05)], [TrialSharpe("a", 0.05)] * 2
    assert deflated_sharpe(net, alone) == deflated_sharpe(net, twice)
    assert deflated_sharpe(net, [*alone, *(TrialSharpe(str(i), 0.05) for i in range(20))]) < deflated_sharpe(net, alone)


def test_trials_that_resemble_each_other_still_vary_as_luck_does():
    net = np.random.default_rng(1).normal(0.002, 0.03, 500)
    alike, apart = ([TrialSharpe(str(i), 0.05 + i * gap) for i in range(20)] for gap in (0, 1e-4))
    assert deflated_sharpe(net, alike) == deflated_sharpe(net, apart)


def test_returns_that_do_not_vary_have_no_skill():
    assert deflated_sharpe(np.zeros(100), [TrialSharpe("a", 0.0)]) == 0
