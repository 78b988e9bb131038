"""What positions gain beyond what needs no foresight, and how rarely luck is taken for it however often somebody looks."""

import numpy as np
import pytest
import statsmodels.api as sm

from cryptodudez_assets.models.evaluation.timing import POWER, Gain, alpha, boundary, over_other_times

RETURNS = 0.002 + 0.05 * np.random.default_rng(4).standard_t(5, 1000)


def test_the_intercept_and_its_error_are_those_of_statsmodels():
    random = np.random.default_rng(1)
    others = np.column_stack([RETURNS, np.where(random.random(1000) < 0.5, RETURNS, 0)])
    net = (
        0.001
        + 0.4 * others[:, 0]
        + 0.2 * others[:, 1]
        + np.convolve(random.normal(0, 0.02, 1004), np.ones(5) / 5, "valid")
    )
    theirs = sm.OLS(net, sm.add_constant(others)).fit(cov_type="HAC", cov_kwds={"maxlags": 10})
    ours = alpha(net, others, 10)
    assert (ours.value, ours.error) == (pytest.approx(theirs.params[0]), pytest.approx(theirs.bse[0]))


def test_whoever_holds_a_constant_share_gains_nothing():
    assert alpha(0.3 * RETURNS, RETURNS[:, None], 10).value == pytest.approx(0, abs=1e-12)


def test_a_rule_that_was_never_in_the_market_does_no_harm():
    net = np.where(np.arange(1000) % 3 == 0, RETURNS, 0)
    alone, with_none = alpha(net, RETURNS[:, None], 10), alpha(net, np.c_[RETURNS, np.zeros(1000)], 10)
    assert with_none.deviations == pytest.approx(alone.deviations)


def test_other_times_are_all_rotations_but_the_one_that_is_judged():
    positions = (np.random.default_rng(2).random(60) < 0.4).astype(float)
    returns = RETURNS[:60]
    every = [float((np.roll(positions, shift) * returns).mean()) for shift in range(60)]
    gain = over_other_times(positions, returns)
    assert gain.value == pytest.approx(every[0] - np.mean(every[1:]))
    assert gain.error == pytest.approx(np.std(every[1:]))


def test_positions_that_never_change_have_no_time():
    assert over_other_times(np.ones(1000), RETURNS).deviations == pytest.approx(0, abs=1e-6)
    assert Gain(0.1, 0.0).deviations == 0


@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_luck_passes_the_boundary_as_rarely_as_it_says_at_any_look(level: float):
    """Sums of independent days, looked at daily from the 100th to the 2,000th; the bound of a single look is passed far more often."""
    histories, first, last = 4000, 100, 2000
    sums = np.random.default_rng(3).normal(size=(histories, last)).cumsum(axis=1)[:, first - 1 :]
    days = np.arange(first, last + 1)
    deviations = sums / np.sqrt(days)
    bounds = np.array([boundary(one, first, level) for one in days])
    ever = (deviations > bounds).any(axis=1).mean()
    single = (deviations > 1.645 if level == 0.05 else deviations > 2.241).any(axis=1).mean()
    assert ever <= level + 2 * np.sqrt(level / histories)
    assert single > 3 * level


def test_the_minimum_detectable_effect_is_found_with_the_power_that_it_says():
    """Many histories with just that effect in them: as many pass as the power promises."""
    random, days, histories, needed = np.random.default_rng(5), 500, 600, boundary(500, 500, 0.0125)
    noise, market = random.normal(size=(histories, days)), random.normal(size=(histories, days, 1))
    effect = np.mean([alpha(one, other, 5).detectable(needed) for one, other in zip(noise, market, strict=True)])
    found = [alpha(one + effect, other, 5).deviations > needed for one, other in zip(noise, market, strict=True)]
    assert np.mean(found) == pytest.approx(POWER, abs=0.06)
