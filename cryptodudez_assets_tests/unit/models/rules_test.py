"""Decision rules: fitted on the past alone, paid for by what they gain, and the same for one row as for many."""

from dataclasses import replace

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import BUY, CLASSES
from cryptodudez_assets.models.dataset import Dataset, Floats
from cryptodudez_assets.models.decision_rule import DecisionRule, lifts
from cryptodudez_assets.models.signal.recipes import candidates
from cryptodudez_assets.models.signal.rules import alternatives, as_if_always, with_rules
from cryptodudez_assets.models.signal.walk_forward import OutOfSample, folds_of, positions, walk_forward
from cryptodudez_assets_tests.datasets import QUICK, dataset_of, noise, planted

OPTIONS = QUICK.model_copy(update={"min_train_days": 500})
LINEAR = candidates(OPTIONS)[0]
USUAL = [0.3, 0.5, 0.2]


def tried(dataset: Dataset) -> OutOfSample:
    folds = folds_of(dataset, OPTIONS)
    return with_rules(dataset, LINEAR, folds, walk_forward(dataset, LINEAR, folds), OPTIONS)


def said(n: int = 400) -> Floats:
    return np.random.default_rng(1).dirichlet((3, 5, 2), n)


@pytest.mark.parametrize("rule", [*alternatives(USUAL, 0.5), DecisionRule()], ids=lambda one: one.name)
def test_one_row_is_decided_as_many_are(rule: DecisionRule):
    assert [CLASSES[at] for at in rule.decide(said())] == [rule.say(row) for row in said().tolist()]
    np.testing.assert_allclose(lifts(said(), rule.base_rates), [rule.lift(row) for row in said().tolist()], atol=1e-12)


def test_what_is_usual_has_no_lift_and_what_is_impossible_is_finite():
    rule = DecisionRule(kind="lift", base_rates=USUAL, spread=0.5)
    assert rule.lift(USUAL) == pytest.approx(0)
    assert rule.say(USUAL) == "HODL"
    assert np.isfinite(rule.lift([0.0, 1.0, 0.0]))
    assert rule.say([0.3, 0.7, 0.0]) == "BUY"


def test_a_rise_that_is_more_likely_than_usual_is_bought_though_nothing_is_likelier():
    probabilities = [0.34, 0.5, 0.16]
    assert DecisionRule().say(probabilities) == "HODL"
    assert DecisionRule(kind="lift", base_rates=USUAL, spread=0.5).say(probabilities) == "BUY"


def test_the_future_does_not_choose_the_rule():
    """Returns and features after the first fold are others; its rule, and the second fold's, which is fitted on it, stay."""
    dataset = planted(3, days=1600, strength=0.3)
    one = tried(dataset)
    after = int(one.of(1).rows[0])
    closes, features = dataset.closes.copy(), dataset.features.copy()
    closes[after + 1 :] = closes[after] * np.exp(np.cumsum(np.full(len(closes) - after - 1, -0.02)))
    features[after + 1 :] = 7
    other = tried(replace(dataset, closes=closes, features=features))
    assert other.rules[:2] == one.rules[:2]
    assert other.served != one.served


def test_a_signal_is_followed_and_noise_is_hardly_traded():
    """On noise the alternative that trades whenever the lift changes its sign costs what the fitted rules do not."""
    changes, always = 0, 0
    for seed in range(4):
        assert tried(planted(seed, days=1600, strength=0.4)).served.kind != "never"
        quiet = tried(noise(seed, days=1600))
        changes += np.abs(np.diff(positions(quiet.decisions))).sum()
        always += np.abs(np.diff(positions(as_if_always(quiet)[2][1].decisions))).sum()
    assert changes < always / 2


def test_without_days_to_warm_up_on_nothing_is_traded_at_first():
    """All labels of the first training days are of one class."""
    dataset = noise(2, days=1600)
    labels = dataset.labels.copy()
    labels[:250] = np.where(labels[:250] >= 0, 1, labels[:250])
    assert tried(replace(dataset, labels=labels)).rules[0].kind == "never"


def test_costs_that_eat_the_gain_are_not_paid():
    dataset = planted(1, days=1600, strength=0.3)
    folds = folds_of(dataset, OPTIONS)
    out = walk_forward(dataset, LINEAR, folds)
    dear = with_rules(dataset, LINEAR, folds, out, OPTIONS.model_copy(update={"judged_cost_bps": 300.0}))
    cheap = with_rules(dataset, LINEAR, folds, out, OPTIONS)
    trades = [int(np.abs(np.diff(one.decisions == BUY)).sum()) for one in (dear, cheap)]
    assert trades[0] < trades[1] / 2


def test_a_coin_that_only_rises_is_no_reason_to_trade():
    """Every rule that is long earns; none earns more than a constant position."""
    random = np.random.default_rng(1)
    rising = dataset_of(
        np.abs(random.normal(0.01, 0.01, 1600)) * np.where(random.random(1600) < 0.8, 1, -0.3),
        noise(1, days=1600).features,
    )
    assert all(rule.kind == "never" for rule in tried(rising).rules)
