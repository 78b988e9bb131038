"""The whole judgement finds no skill in noise, finds what was planted, and does not look ahead."""

from dataclasses import replace

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.signal.judge import judge
from cryptodudez_assets.models.signal.labels import UNKNOWN
from cryptodudez_assets.models.signal.recipes import SignalRecipe, base_rates, candidates
from cryptodudez_assets.models.signal.walk_forward import folds_of, walk_forward
from cryptodudez_assets_tests.datasets import QUICK, VOLATILITY, dataset_of, noise, planted

OPTIONS = QUICK.model_copy(update={"placebo_repeats": 0, "placebo_shifts_days": ()})
LOOK_AHEAD = SignalOptions(min_train_days=300, folds=3, embargo_days=0)


def verdict_on(dataset: Dataset) -> Verdict:
    return judge(dataset, OPTIONS, tweet_features=[], other_trials=[]).findings.best.verdict


def test_noise_is_no_skill():
    verdicts = [verdict_on(noise(seed)) for seed in range(20)]
    assert sum(one.label == "no skill" for one in verdicts) >= 19
    assert all(one.words.startswith("No skill: of 4 tests on 8") for one in verdicts if not one.skill)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_signal_is_found(seed: int):
    """A correlation of one half with the next day's return: three quarters of the variance are noise."""
    verdict = verdict_on(planted(seed))
    assert verdict.skill, verdict.words


@pytest.mark.parametrize("made", [base_rates(), *candidates(LOOK_AHEAD)], ids=lambda one: one.name)
def test_the_future_does_not_change_what_was_said_before(made: SignalRecipe):
    """All prices and features after a day are others; what was decided up to it stays the same to the last bit."""
    random = np.random.default_rng(8)
    returns, features = random.normal(0, VOLATILITY, 600), random.normal(size=(600, 4)).astype(np.float32)
    one = without_last_labels(dataset_of(returns, features))
    said = walk_forward(one, made, folds_of(one, LOOK_AHEAD))
    for day in (said.rows[0] + 20, said.rows[len(said.rows) // 2], said.rows[-40]):
        other_returns, other_features = returns.copy(), features.copy()
        other_returns[day + 1 :] = random.normal(0.02, 2 * VOLATILITY, 599 - day)
        other_features[day + 1 :] = random.normal(3, 5, size=(599 - day, 4))
        other = without_last_labels(dataset_of(other_returns, other_features))
        then = walk_forward(other, made, folds_of(other, LOOK_AHEAD))
        before = said.rows <= day
        np.testing.assert_array_equal(then.rows, said.rows)
        np.testing.assert_array_equal(then.probabilities[before], said.probabilities[before])
        if made.name != "base_rates":
            assert not np.array_equal(then.probabilities[~before], said.probabilities[~before])


def without_last_labels(dataset: Dataset) -> Dataset:
    """Those that depend on how soon a barrier is touched: with them, the folds would lie elsewhere after other prices."""
    labels = dataset.labels.copy()
    labels[-LOOK_AHEAD.horizon_days :] = UNKNOWN
    return replace(dataset, labels=labels)
