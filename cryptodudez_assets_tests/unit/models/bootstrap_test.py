"""The block bootstrap, against the package `arch`."""

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.evaluation.bootstrap import Resampled, block_days, resampled, stationary_weights

N, BLOCK, SAMPLES = 400, 15, 4000


@pytest.fixture(scope="module")
def daily() -> Floats:
    """A value per day that resembles the day before's."""
    random = np.random.default_rng(3)
    values = random.normal(size=N)
    for day in range(1, N):
        values[day] += 0.7 * values[day - 1]
    return values


@pytest.fixture(scope="module")
def weights() -> Floats:
    return stationary_weights(N, BLOCK, SAMPLES, seed=1)


def ratio(means: Floats) -> Floats:
    """A statistic that is no mean."""
    return np.asarray(means[..., 0] / means[..., 1])


def test_weights_are_shares_of_days(weights: Floats):
    assert weights.shape == (SAMPLES, N)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / N, rtol=0.1)


def test_a_mean_varies_as_it_does_in_arch(daily: Floats, weights: Floats):
    ours = resampled(weights, daily)
    theirs = StationaryBootstrap(BLOCK, daily, seed=np.random.default_rng(2)).apply(lambda x: x.mean(), SAMPLES)[:, 0]
    alone = resampled(stationary_weights(N, 1, SAMPLES, seed=1), daily)
    assert ours.value == pytest.approx(daily.mean())
    np.testing.assert_allclose(ours.samples.std(), theirs.std(), rtol=0.06)
    np.testing.assert_allclose(
        np.quantile(ours.samples, (0.025, 0.5, 0.975)),
        np.quantile(theirs, (0.025, 0.5, 0.975)),
        atol=0.2 * theirs.std(),
    )
    assert alone.samples.std() < 0.6 * ours.samples.std(), "blocks keep what days have to do with each other"


def test_a_paired_statistic_varies_as_it_does_in_arch(daily: Floats, weights: Floats):
    pairs = np.stack([daily + 5, daily + np.random.default_rng(5).normal(size=N) + 10], axis=1)
    ours = resampled(weights, pairs, ratio)
    theirs = StationaryBootstrap(BLOCK, pairs, seed=np.random.default_rng(2)).apply(
        lambda x: ratio(x.mean(axis=0)), SAMPLES
    )[:, 0]
    np.testing.assert_allclose(ours.samples.std(), theirs.std(), rtol=0.06)
    assert ours.samples.mean() == pytest.approx(theirs.mean(), abs=0.2 * theirs.std())


def test_intervals():
    found = Resampled(0.5, np.arange(1001) / 1000)
    interval = found.interval(0.05)
    assert (interval.value, interval.low, interval.high) == (0.5, pytest.approx(0.025), pytest.approx(0.975))


@pytest.mark.parametrize(("n", "horizon", "expected"), [(1000, 5, 10), (1000, 3, 10), (1000, 20, 40), (8, 1, 2)])
def test_blocks_are_longer_than_what_labels_share(n: int, horizon: int, expected: int):
    assert block_days(n, horizon) == expected
