"""Judging all recipes on one data set: which is best, whether it has skill, and everything that this stands on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.eth_signal.baselines import baselines, momentum
from cryptodudez_assets.models.eth_signal.judgement import Bench, judgement, prediction_frame
from cryptodudez_assets.models.eth_signal.options import SignalOptions
from cryptodudez_assets.models.eth_signal.placebos import placebos
from cryptodudez_assets.models.eth_signal.recipes import Recipe, base_rates, candidates, configuration_hash
from cryptodudez_assets.models.eth_signal.walk_forward import OutOfSample, folds_of, positions, walk_forward
from cryptodudez_assets.models.evaluation.backtest import daily_sharpe
from cryptodudez_assets.models.evaluation.scores import log_losses
from cryptodudez_assets.models.evaluation.sharpe import TrialSharpe
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.findings import Findings, Judgement, UpDays

__all__ = ["Judged", "TrialSharpe", "judge"]

PERIODS = {
    "2016–2021": (date(2016, 1, 1), date(2021, 12, 31)),
    "2020 to July 2021": (date(2020, 1, 1), date(2021, 7, 31)),
}
"""First and last day; those whose share of rising days is quoted most."""


@dataclass(frozen=True)
class Judged:
    """The findings, and per recipe (the base rates among them) what they were made from."""

    findings: Findings
    base_rates: Judgement
    predictions: Mapping[str, pl.DataFrame]
    """Out of sample, as `findings.Prediction`; also of the momentum rule, with probabilities of 0 and 1."""
    losses: list[dict[str, Any]]
    """For the training log; each says its recipe."""
    daily_sharpe: Mapping[str, float]
    """Net of the judged cost, for the ledger."""

    def of(self, name: str) -> Judgement:
        """The judgement of a candidate, or of the base rates."""
        return next(one for one in [*self.findings.candidates, self.base_rates] if one.name == name)


def judge(
    dataset: Dataset,
    options: SignalOptions,
    *,
    tweet_features: Sequence[str],
    other_trials: Sequence[TrialSharpe],
    extra: Sequence[Recipe] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Try the candidates walk-forward, choose the one with the lowest log loss, and judge it.

    `tweet_features` are the columns that placebos replace, `other_trials` all that the ledger knows, `extra` the recipes of
    earlier champions, judged on the same folds but not chosen. Raises `TooFewDays`.
    """
    folds = folds_of(dataset, options)
    recipes = candidates(options)
    every = [base_rates(), *recipes, *(one for one in extra if not any(_same(one, other) for other in recipes))]
    tried = [_tried(dataset, recipe, folds, progress) for recipe in every]
    last = 1 + len(recipes)
    base, ours = tried[0], tried[1:last]
    bench = Bench.of(dataset, folds, base, options)
    chosen = min(range(len(ours)), key=lambda at: log_losses(bench.labels, ours[at].probabilities).mean())
    sharpes = [daily_sharpe(bench.net(out.decisions)) for out in ours]
    trials = [*other_trials, *_trials(recipes, sharpes, options, dataset.names)]
    judgements = [
        judgement(recipe, out, ours[chosen], bench, trials, len(recipes))
        for recipe, out in zip(every, tried, strict=True)
    ]
    findings = Findings(
        **_about(dataset, options, folds),
        candidates=judgements[1:last],
        champions=judgements[last:],
        chosen=recipes[chosen].name,
        baselines=baselines(dataset, folds, base, positions(ours[chosen].decisions), options),
        placebos=placebos(dataset, recipes[chosen], folds, options, tweet_features, progress),
    )
    names = [one.name for one in every[:last]]
    frames = {name: prediction_frame(out, bench) for name, out in zip(names, tried[:last], strict=True)}
    return Judged(
        findings=findings,
        base_rates=judgements[0],
        predictions={**frames, "momentum": prediction_frame(_momentum(dataset, base), bench)},
        losses=[loss for out in tried[:last] for loss in out.losses],
        daily_sharpe=dict(zip(names, [daily_sharpe(bench.net(base.decisions)), *sharpes], strict=True)),
    )


def _same(one: Recipe, other: Recipe) -> bool:
    return one.name == other.name and dict(one.parameters) == dict(other.parameters)


def _tried(dataset: Dataset, recipe: Recipe, folds: Sequence[Fold], progress: Callable[[str], None]) -> OutOfSample:
    progress(f"{recipe.name}: {len(folds)} folds")
    return walk_forward(dataset, recipe, folds)


def _trials(
    recipes: Sequence[Recipe], sharpes: Sequence[float], options: SignalOptions, features: Sequence[str]
) -> list[TrialSharpe]:
    """Of this run. The base rates and earlier champions are none: they cannot be chosen."""
    return [
        TrialSharpe(configuration_hash(recipe, options, features), sharpe)
        for recipe, sharpe in zip(recipes, sharpes, strict=True)
    ]


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
        "up_days": up_days(dataset),
    }


def up_days(dataset: Dataset) -> list[UpDays]:
    """Share of days that closed above the day before: of all, of each calendar year, of the periods that are quoted."""
    days, rises = [day.date() for day in dataset.days[1:]], dataset.returns[:-1]
    known = np.isfinite(rises)
    years = sorted({day.year for day in days})
    periods = {
        "the whole period": (days[0], days[-1]),
        **{str(year): (date(year, 1, 1), date(year, 12, 31)) for year in years},
        **PERIODS,
    }
    inside = {name: known & np.array([first <= day <= last for day in days]) for name, (first, last) in periods.items()}
    return [
        UpDays(period=name, share=float((rises[rows] > 0).mean()), n=int(rows.sum()))
        for name, rows in inside.items()
        if rows.any()
    ]
