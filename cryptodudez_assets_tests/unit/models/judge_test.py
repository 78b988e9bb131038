"""Baselines, regimes, placebos and the whole judgement, on a small data set."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import BUY, CLASSES, HODL, SELL
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.evaluation.sharpe import TrialSharpe
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.evaluation.timing import boundary
from cryptodudez_assets.models.findings import PredictedDay
from cryptodudez_assets.models.signal.baselines import last_known_label, momentum, persistence_probabilities
from cryptodudez_assets.models.signal.judge import JudgedSignal, judge, up_days
from cryptodudez_assets.models.signal.placebos import reordered
from cryptodudez_assets.models.signal.recipes import base_rates, configuration_hash, recipe
from cryptodudez_assets.models.signal.regimes import regimes, trailing_return
from cryptodudez_assets_tests.datasets import QUICK, dataset_of, noise, planted

BARE = QUICK.model_copy(update={"min_train_days": 300, "placebo_repeats": 0, "placebo_shifts_days": ()})
OLDER = recipe("linear", {"inverse_penalty": 0.001, "horizon_days": 5})


def small() -> Dataset:
    return noise(5, days=500, features=3)


@cache
def judged() -> JudgedSignal:
    return judge(
        small(),
        QUICK.model_copy(update={"min_train_days": 300}),
        tweet_features=["feature_2"],
        other_trials=[TrialSharpe("another", 0.01)],
        extra=[base_rates(), OLDER],
    )


def rising(days: int) -> Dataset:
    """Up by one percent for two days, down for one."""
    return dataset_of(np.where(np.arange(days) % 3 < 2, 0.01, -0.01), np.zeros((days, 1), np.float32))


class TestJudge:
    def test_everybody_is_judged_on_the_same_days(self):
        findings = judged().findings
        n = {one.scores.n for one in [*findings.candidates, *findings.champions, *findings.baselines] if one.scores}
        assert n == {len(frame) for frame in judged().predictions.values()}

    def test_who_is_judged(self):
        findings = judged().findings
        assert [one.name for one in findings.candidates] == ["linear", "boosted"]
        assert [(one.name, one.parameters) for one in findings.champions] == [
            ("base_rates", {}),
            ("linear", OLDER.parameters),
        ]
        assert [one.name for one in findings.baselines] == [
            *("majority", "persistence", "buy_and_hold", "always_hodl", "random", "momentum")
        ]
        assert [one.name for one in findings.placebos] == ["tweets shuffled 1", "tweets moved 30 days to the past"]

    def test_the_lowest_log_loss_is_chosen(self):
        losses = {one.name: one.scores.log_loss for one in judged().findings.candidates if one.scores}
        assert judged().findings.chosen == min(losses, key=lambda name: losses[name])
        best, other = sorted(judged().findings.candidates, key=lambda one: losses[one.name])
        assert best.intervals["log_loss_over_chosen"].value == 0
        assert other.intervals["log_loss_over_chosen"].value == pytest.approx(losses[other.name] - losses[best.name])

    def test_base_rates_gain_nothing_on_themselves(self):
        found = judged().of("base_rates")
        assert found.intervals["log_loss_gain"].model_dump() == {"value": 0, "low": 0, "high": 0}
        assert not found.verdict.skill

    def test_who_is_one_of_two_or_was_looked_at_for_long_must_show_more(self):
        alone, of_two = boundary(100, 100, 0.025), boundary(100, 100, 0.0125)
        assert alone < of_two < boundary(365, 100, 0.0125)
        for one in judged().findings.candidates:
            assert f"(needed: {of_two:.2f})" in one.verdict.tests[1].words

    def test_a_look_long_ago_asks_for_more_today(self):
        days = len(judged().predictions["boosted"])
        findings = judge(small(), BARE, tweet_features=[], other_trials=[], first_days=days // 3).findings
        needed = boundary(days, days // 3, 0.0125)
        assert f"(needed: {needed:.2f})" in findings.best.verdict.tests[1].words

    def test_each_rule_is_told_and_one_is_taken_for_each_fold(self):
        for one in judged().findings.candidates:
            assert [rule.name for rule in one.rules][:3] == ["never trade", "most probable class", "sign of the lift"]
            assert sum(rule.folds for rule in one.rules) == QUICK.folds
        assert judged().rules["base_rates"] == DecisionRule()
        assert judged().rules["linear"].base_rates

    def test_trials_are_those_of_the_ledger_and_of_this_run(self):
        assert judged().findings.best.trials == 3

    def test_a_trial_that_is_in_the_ledger_counts_once(self):
        linear = recipe("linear", judged().of("linear").parameters)
        known = TrialSharpe(configuration_hash(linear, BARE, small().names), 0.2)
        assert judge(small(), BARE, tweet_features=[], other_trials=[known]).findings.best.trials == 2

    def test_predictions_are_rows_of_their_contract(self):
        for name in ("linear", "boosted", "base_rates", "momentum"):
            frame = judged().predictions[name]
            assert frame.columns == list(PredictedDay.model_fields)
            assert [PredictedDay(**row) for row in frame.head(3).to_dicts()]
        frame = judged().predictions["boosted"]
        assert set(frame["decision"]) <= set(CLASSES)

    def test_predictions_add_up_to_the_backtest(self):
        total = judged().findings.best.backtest(QUICK.judged_cost_bps).total_return
        frame = judged().predictions[judged().findings.chosen]
        assert np.expm1(frame["net_return"].sum()) == pytest.approx(total)

    def test_losses_are_of_each_fold_and_each_iteration(self):
        boosted = [one for one in judged().losses if one["recipe"] == "boosted"]
        stages = [one["train_log_loss"] for one in boosted if one["fold"] == 0 and "iteration" in one]
        assert len(stages) == 60
        assert stages == sorted(stages, reverse=True)
        assert sum("train_days" in one for one in boosted) == QUICK.folds

    def test_the_feature_that_foretells_matters_most(self):
        dataset = planted(3, days=900, features=4, strength=0.5)
        findings = judge(dataset, BARE, tweet_features=[], other_trials=[]).findings
        first, *others = findings.importances
        assert first.feature == "feature_0"
        assert first.added > 5 * max(one.added for one in others)
        assert first.added > first.spread > 0
        assert findings.selection.superior < 0.05

    def test_the_same_data_give_the_same_findings(self):
        again = judge(
            small(),
            QUICK.model_copy(update={"min_train_days": 300}),
            tweet_features=["feature_2"],
            other_trials=[TrialSharpe("another", 0.01)],
            extra=[base_rates(), OLDER],
        )
        assert again.findings == judged().findings

    def test_findings_are_json(self):
        findings = judged().findings
        assert type(findings).model_validate_json(findings.model_dump_json()) == findings


class TestBaselines:
    def test_persistence_knows_only_labels_that_were_known(self):
        dataset = small()
        last = last_known_label(dataset)
        for row in (0, 40, 200, 499):
            known = [at for at in range(row + 1) if 0 <= dataset.label_row[at] <= row]
            assert last[row] == (dataset.labels[known[-1]] if known else HODL)

    def test_persistence_counts_what_followed_in_training_only(self):
        labels = np.array([BUY, SELL, BUY, SELL, BUY, SELL, HODL, HODL, HODL, HODL])
        dataset = replace(rising(11), labels=np.append(labels, -1), label_row=np.append(np.arange(1, 11), -1))
        said = persistence_probabilities(dataset, [Fold(0, np.arange(6), np.arange(6, 10))])
        # In training, after BUY 3 times SELL, after SELL twice BUY, and BUY before anything was known (HODL).
        np.testing.assert_allclose(said, [[3 / 5, 1 / 5, 1 / 5], *[[2 / 4, 1 / 4, 1 / 4]] * 3])

    def test_momentum_follows_the_past(self):
        dataset = rising(100)
        assert set(momentum(dataset, np.arange(40, 90))) == {BUY}
        assert set(momentum(replace(dataset, closes=1 / dataset.closes), np.arange(40, 90))) == {SELL}
        assert set(momentum(dataset, np.arange(20))) == {HODL}

    def test_holding_and_never_buying(self):
        every = {one.name: one.backtest(0.0) for one in judged().findings.baselines}
        market = judged().predictions["boosted"]["return_next_day"].sum()
        assert every["buy_and_hold"].total_return == pytest.approx(np.expm1(market))
        assert every["always_hodl"].total_return == 0

    def test_random_is_held_as_often_as_the_chosen_recipe(self):
        random = next(one for one in judged().findings.baselines if one.name == "random").backtest(0.0)
        chosen = judged().findings.best.backtest(0.0)
        years = len(judged().predictions["boosted"]) / 365
        assert random.exposure == pytest.approx(chosen.exposure)
        assert random.turnover == pytest.approx(chosen.turnover, abs=2.01 / years)


class TestRegimes:
    def test_trailing_returns_end_with_the_close_of_the_day(self):
        np.testing.assert_allclose(trailing_return(np.array([1.0, 2.0, 4.0, np.nan]), 2), [np.nan, np.nan, 3, 6])

    def test_the_future_does_not_matter(self):
        dataset = small()
        closes = dataset.closes.copy()
        closes[301:] = closes[301:] ** 5
        before, after = regimes(dataset), regimes(replace(dataset, closes=closes))
        assert all((before[name][:301] == after[name][:301]).all() for name in before)
        assert any((before[name] != after[name]).any() for name in before)

    def test_a_leap_after_the_close_of_a_day_is_not_seen_on_it(self):
        dataset = small()
        before = regimes(dataset)
        for day in range(100, 480, 20):
            leapt = np.where(np.arange(500) > day, 5.0, 1.0) * dataset.closes
            after = regimes(replace(dataset, closes=leapt))
            assert all((before[name][: day + 1] == after[name][: day + 1]).all() for name in before)
            assert after["high volatility"][day + 1]

    def test_two_by_trend_two_by_volatility_and_years(self):
        found = regimes(small())
        assert list(found)[2:] == ["high volatility", "low volatility", "2017", "2018"]
        trend, volatility = list(found.values())[:2], list(found.values())[2:4]
        assert [int(sum(pair).max()) for pair in (trend, volatility)] == [1, 1]
        assert (trend[0] | trend[1])[90:].all()


def test_placebos_change_nothing_but_tweets():
    dataset = small()
    moved = reordered(dataset, np.array([2]), np.roll(np.arange(500), -30)).features
    np.testing.assert_array_equal(moved[:, :2], dataset.features[:, :2])
    np.testing.assert_array_equal(moved[:-30, 2], dataset.features[30:, 2])


class TestUpDays:
    def test_they_are_counted_from_the_first_whole_year(self):
        dataset = rising(800)
        later = replace(dataset, days=[day + timedelta(days=100) for day in dataset.days])
        found = {one.period: one for one in up_days(later)}
        assert list(found) == ["the whole period", "2018", "2019", "2016–2021"]
        assert found["the whole period"].n == 800 - (365 - 100) - 1
        assert found["the whole period"].share == pytest.approx(2 / 3, abs=0.01)
        assert found["2018"].n == 364

    def test_a_missing_day_is_bridged(self):
        dataset = rising(800)
        closes = dataset.closes.copy()
        closes[500] = np.nan
        assert up_days(replace(dataset, closes=closes))[0].n == up_days(dataset)[0].n - 1

    def test_without_a_whole_year_all_days_count(self):
        assert up_days(rising(100))[0].n == 99
