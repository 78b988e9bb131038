"""Judging all recipes on one data set: which is best, whether it has skill, and everything that this stands on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.evaluation.backtest import daily_sharpe
from cryptodudez_assets.models.evaluation.scores import log_losses
from cryptodudez_assets.models.evaluation.selection import probability_of_overfitting, superior_predictive_ability
from cryptodudez_assets.models.evaluation.sharpe import TrialSharpe
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.findings import Findings, Judgement, Selection, UpDays
from cryptodudez_assets.models.promotion import BASE_RATES
from cryptodudez_assets.models.signal.baselines import baselines, momentum
from cryptodudez_assets.models.signal.importance import importances
from cryptodudez_assets.models.signal.judgement import Bench, judgement, prediction_frame
from cryptodudez_assets.models.signal.placebos import placebos
from cryptodudez_assets.models.signal.power import power_curve
from cryptodudez_assets.models.signal.recipes import SignalRecipe, base_rates, candidates, configuration_hash
from cryptodudez_assets.models.signal.rules import as_if_always, with_rules
from cryptodudez_assets.models.signal.walk_forward import OutOfSample, folds_of, positions, walk_forward

__all__ = ["JudgedSignal", "TrialSharpe", "judge"]

PERIODS = {
    "2016–2021": (date(2016, 1, 1), date(2021, 12, 31)),
    "2020 to July 2021": (date(2020, 1, 1), date(2021, 7, 31)),
}
"""First and last day; those whose share of rising days is quoted most."""


@dataclass(frozen=True)
class JudgedSignal:
    """The findings, and per recipe (the base rates among them) what they were made from."""

    findings: Findings
    base_rates: Judgement
    predictions: Mapping[str, pl.DataFrame]
    """Out of sample, as `findings.Prediction`; also of the momentum rule, with probabilities of 0 and 1."""
    losses: list[dict[str, Any]]
    """For the training log; each says its recipe."""
    daily_sharpe: Mapping[str, float]
    """Net of the judged cost, for the ledger."""
    rules: Mapping[str, DecisionRule]
    """How each is to decide from now on."""

    def of(self, name: str) -> Judgement:
        """The judgement of a candidate, or of the base rates."""
        return next(one for one in [*self.findings.candidates, self.base_rates] if one.name == name)


def judge(
    dataset: Dataset,
    options: SignalOptions,
    *,
    tweet_features: Sequence[str],
    other_trials: Sequence[TrialSharpe],
    first_days: int | None = None,
    extra: Sequence[SignalRecipe] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> JudgedSignal:
    """Try the candidates walk-forward, choose the one with the lowest log loss, and judge it.

    `tweet_features` are the columns that placebos replace, `other_trials` all that the ledger knows, `extra` the recipes of
    earlier champions, judged on the same folds but not chosen, `first_days` how many days out of sample there were when this was judged
    first (None: it is now). Raises `TooFewDays`.
    """
    folds = folds_of(dataset, options)
    recipes = candidates(options)
    every = [base_rates(), *recipes, *(one for one in extra if not any(_same(one, other) for other in recipes))]
    tried = [_tried(dataset, recipe, folds, options, progress) for recipe in every]
    last = 1 + len(recipes)
    base, ours = tried[0], tried[1:last]
    bench = Bench.of(dataset, base, options, first_days)
    chosen = min(range(len(ours)), key=lambda at: log_losses(bench.labels, ours[at].probabilities).mean())
    named = {recipe.name: out for recipe, out in zip(every[:last], tried[:last], strict=True)}
    sharpes = {name: daily_sharpe(bench.net(out.decisions)) for name, out in named.items()}
    trials = [*other_trials, *_trials(recipes, sharpes, options, dataset.names)]
    with_false_tweets = placebos(dataset, recipes[chosen], folds, options, tweet_features, progress)
    judgements = [
        judgement(
            recipe, out, ours[chosen], bench, trials, len(recipes), with_false_tweets if out is ours[chosen] else []
        )
        for recipe, out in zip(every, tried, strict=True)
    ]
    findings = Findings(
        **_about(dataset, options, folds),
        candidates=judgements[1:last],
        champions=judgements[last:],
        chosen=recipes[chosen].name,
        baselines=baselines(dataset, folds, base, positions(ours[chosen].decisions), options),
        placebos=with_false_tweets,
        power=power_curve(bench, len(recipes)),
        selection=_selection(ours, bench),
        importances=importances(dataset, ours[chosen], folds, options.seed),
    )
    shown = {**named, "momentum": _momentum(dataset, base)}
    predictions = {name: prediction_frame(out, bench) for name, out in shown.items()}
    return JudgedSignal(
        findings,
        judgements[0],
        predictions,
        [one for out in named.values() for one in out.losses],
        sharpes,
        {name: out.served for name, out in named.items()},
    )


def _same(one: SignalRecipe, other: SignalRecipe) -> bool:
    return one.name == other.name and dict(one.parameters) == dict(other.parameters)


def _tried(
    dataset: Dataset,
    recipe: SignalRecipe,
    folds: Sequence[Fold],
    options: SignalOptions,
    progress: Callable[[str], None],
) -> OutOfSample:
    progress(f"{recipe.name}: {len(folds)} folds")
    out = walk_forward(dataset, recipe, folds)
    return out if recipe.name == BASE_RATES else with_rules(dataset, recipe, folds, out, options)


def _trials(
    recipes: Sequence[SignalRecipe], sharpes: Mapping[str, float], options: SignalOptions, features: Sequence[str]
) -> list[TrialSharpe]:
    """Of this run. The base rates and earlier champions are none: they cannot be chosen."""
    return [TrialSharpe(configuration_hash(recipe, options, features), sharpes[recipe.name]) for recipe in recipes]


def _selection(ours: Sequence[OutOfSample], bench: Bench) -> Selection:
    """All recipes with each rule: everything that could have been chosen to be followed."""
    ways = [bench.net(way.decisions) for out in ours for _, way in as_if_always(out)]
    nets = np.column_stack(ways)
    return Selection(
        ways=len(ways),
        superior=superior_predictive_ability(nets - bench.hold_net[:, None], bench.weights),
        overfitting=probability_of_overfitting(nets, bench.options.horizon_days),
    )


def _momentum(dataset: Dataset, base: OutOfSample) -> OutOfSample:
    """The rule, as if it were sure of what it says."""
    decisions = momentum(dataset, base.rows)
    return OutOfSample(base.rows, base.folds, np.eye(len(dataset.classes))[decisions], [])


def _about(dataset: Dataset, options: SignalOptions, folds: Sequence[Fold]) -> dict[str, Any]:
    """What is known without any model."""
    labels = dataset.labels[dataset.labels >= 0]
    return {
        "options": options.model_dump(mode="json"),
        "classes": list(dataset.classes),
        "features": list(dataset.names),
        "first_day": dataset.days[0].date(),
        "last_day": dataset.days[-1].date(),
        "n_days": len(dataset),
        "out_of_sample_from": dataset.days[folds[0].test[0]].date(),
        "n_folds": len(folds),
        "label_shares": {name: float((labels == at).mean()) for at, name in enumerate(dataset.classes)},
        "separate_labels": float(dataset.uniqueness.sum()),
        "up_days": up_days(dataset),
    }


def up_days(dataset: Dataset) -> list[UpDays]:
    """Share of days that closed above the last close before: of all, of each calendar year, of the periods that are quoted.

    Counted from the first whole calendar year on (if there is one), whose first day has nothing before it.
    """
    closes = [
        (day.date(), close) for day, close in zip(dataset.days, dataset.closes, strict=True) if np.isfinite(close)
    ]
    whole = min((date(day.year, 1, 1) for day, _ in closes if (day.month, day.day) == (1, 1)), default=date.min)
    counted = [(day, close) for day, close in closes if day >= whole]
    days = [day for day, _ in counted[1:]]
    rises = np.diff([close for _, close in counted]) > 0
    periods = {
        "the whole period": (date.min, date.max),
        **{str(year): (date(year, 1, 1), date(year, 12, 31)) for year in sorted({day.year for day in days})},
        **PERIODS,
    }
    inside = {name: np.array([first <= day <= last for day in days]) for name, (first, last) in periods.items()}
    return [
        UpDays(period=name, share=float(rises[rows].mean()), n=int(rows.sum()))
        for name, rows in inside.items()
        if rows.any()
    ]
