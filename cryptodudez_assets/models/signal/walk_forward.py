"""What a recipe says about days that it did not learn from, and how its losses went while it learned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cryptodudez_assets.declared_models.signal import BUY, SELL, SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Floats, Ints
from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.evaluation.backtest import held
from cryptodudez_assets.models.evaluation.scores import log_losses
from cryptodudez_assets.models.evaluation.splits import Fold, walk_forward_folds
from cryptodudez_assets.models.signal.fit import fit_rows, learnable, probabilities, spread
from cryptodudez_assets.models.signal.recipes import Classifier, SignalRecipe


@dataclass(frozen=True)
class OutOfSample:
    """Rows of a data set that a recipe was tried on, the fold of each, and the probabilities that it said (rows x classes)."""

    rows: Ints
    folds: Ints
    probabilities: Floats
    losses: list[dict[str, Any]]
    """For the training log: per fold and, where there are any, per iteration of boosting."""
    models: tuple[Classifier, ...] = ()
    """What was fitted in each fold, in their order."""
    rules: tuple[DecisionRule, ...] = ()
    """How each fold decides, in their order, and the rule for the days that follow all of them; none: by the most probable class."""

    @cached_property
    def decisions(self) -> Ints:
        """What each row is decided to be, as positions of classes."""
        if not self.rules:
            return np.asarray(self.probabilities.argmax(axis=1))
        numbers = np.unique(self.folds)
        said = [rule.decide(self.of(number).probabilities) for rule, number in zip(self.rules, numbers, strict=False)]
        return np.concatenate(said)

    @property
    def served(self) -> DecisionRule:
        """The rule for the days that follow."""
        return self.rules[-1] if self.rules else DecisionRule()

    def of(self, fold: int) -> "OutOfSample":
        """What belongs to one fold."""
        inside = self.folds == fold
        return OutOfSample(self.rows[inside], self.folds[inside], self.probabilities[inside], [])


def folds_of(dataset: Dataset, options: SignalOptions) -> list[Fold]:
    """The folds that the options ask for."""
    return walk_forward_folds(
        dataset, options.folds, options.min_train_days, options.horizon_days, options.embargo_days
    )


def positions(decisions: Ints) -> Floats:
    """BUY is long, SELL is out, HODL keeps what there is."""
    return held(decisions == BUY, decisions == SELL)


def walk_forward(dataset: Dataset, recipe: SignalRecipe, folds: Sequence[Fold]) -> OutOfSample:
    """Fit the recipe anew in each fold and try it on the fold's test; everything is fitted inside the fold."""
    models, said, losses = [], [], []
    # So few rows take longer on two cores than on one.
    with threadpool_limits(1):
        for fold in folds:
            models.append(model := fit_rows(dataset, recipe, fold.train))
            said.append(probabilities(model, dataset.features[fold.test], len(dataset.classes)))
            found = _losses(dataset, model, fold, said[-1])
            losses += [{"recipe": recipe.name, "fold": fold.number, **one} for one in found]
    return OutOfSample(
        np.concatenate([fold.test for fold in folds]),
        np.concatenate([np.full(len(fold.test), fold.number) for fold in folds]),
        np.concatenate(said),
        losses,
        tuple(models),
    )


def _losses(dataset: Dataset, model: Classifier, fold: Fold, said: Floats) -> Iterator[dict[str, Any]]:
    """Log losses by iteration, then of the calibrated model, on what was learned from and on the test."""
    yield from _staged_losses(dataset, model, fold)
    train = learnable(dataset, fold.train)
    learned = probabilities(model, dataset.features[train], len(dataset.classes))
    yield {
        "train_days": len(train),
        "train_to": f"{dataset.days[train[-1]]:%Y-%m-%d}",
        "test_days": len(fold.test),
        "test_from": f"{dataset.days[fold.test[0]]:%Y-%m-%d}",
        "train_log_loss": round(float(log_losses(dataset.labels[train], learned).mean()), 6),
        "test_log_loss": round(float(log_losses(dataset.labels[fold.test], said).mean()), 6),
    }


def _staged_losses(dataset: Dataset, model: Any, fold: Fold) -> Iterator[dict[str, Any]]:
    """Of the booster inside the calibrated model, *before* it is calibrated."""
    booster: Any = getattr(getattr(model[-1], "calibrated_classifiers_", [None])[-1], "estimator", None)
    if not hasattr(booster, "staged_predict_proba"):
        return
    train = learnable(dataset, fold.train)
    both = np.concatenate([train, fold.test])
    prepared = model[:-1].transform(dataset.features[both])
    for iteration, stage in enumerate(booster.staged_predict_proba(prepared), start=1):
        losses = log_losses(dataset.labels[both], spread(stage, booster.classes_, len(dataset.classes)))
        yield {
            "iteration": iteration,
            "train_log_loss": round(float(losses[: len(train)].mean()), 6),
            "test_log_loss": round(float(losses[len(train) :].mean()), 6),
        }
