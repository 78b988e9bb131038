"""Which rule turns a recipe's probabilities into positions: fitted on what the recipe said out of sample *before*, costs included.

Each fold takes the rule that did best on the folds before it; the first one on a warm-up inside its own training days. So nothing
of a day's future chooses how that day is decided. What is *not* here: what a rule is (`decision_rule`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Floats, Ints
from cryptodudez_assets.models.decision_rule import DecisionRule, lifts
from cryptodudez_assets.models.evaluation.backtest import net_returns
from cryptodudez_assets.models.evaluation.splits import LEAST_TEST_DAYS, Fold
from cryptodudez_assets.models.signal.fit import learnable
from cryptodudez_assets.models.signal.recipes import SignalRecipe
from cryptodudez_assets.models.signal.walk_forward import OutOfSample, positions, walk_forward

DEVIATIONS = (0.0, 0.25, 0.5, 1.0, 1.5)


def alternatives(base_rates: Sequence[float], spread: float) -> list[DecisionRule]:
    """The rules that are tried. The first is taken unless another one pays."""
    usual = DecisionRule(kind="never", base_rates=list(base_rates), spread=spread)
    lifted = [usual.model_copy(update={"kind": "lift", "deviations": one}) for one in DEVIATIONS]
    return [usual, usual.model_copy(update={"kind": "likeliest"}), *lifted]


def with_rules(
    dataset: Dataset, recipe: SignalRecipe, folds: Sequence[Fold], out: OutOfSample, options: SignalOptions
) -> OutOfSample:
    """The same with a rule for each fold, and the one that serves on the days that follow all of them."""
    seen = _Seen(dataset, options)
    if warm_up := _warm_up(dataset, folds[0], options):
        seen.add(warm_up, walk_forward(dataset, recipe, [warm_up]))
    rules = []
    for fold in folds:
        rules.append(seen.best(fold.train))
        seen.add(fold, out.of(fold.number))
    return replace(out, rules=(*rules, seen.best(np.flatnonzero(dataset.labels >= 0))))


def as_if_always(out: OutOfSample) -> list[tuple[DecisionRule, OutOfSample]]:
    """Each alternative, and what would have been decided had it been the rule of every fold."""
    return [
        (one, replace(out, rules=tuple(alternatives(rule.base_rates, rule.spread)[at] for rule in out.rules)))
        for at, one in enumerate(alternatives([], 0.0))
    ]


class _Seen:
    """What was said out of sample up to now, and what the days that followed brought."""

    def __init__(self, dataset: Dataset, options: SignalOptions) -> None:
        self._dataset, self._cost = dataset, options.judged_cost_bps
        self._said: list[Floats] = []
        self._lifts: list[Floats] = []
        self._returns: list[Floats] = []

    def add(self, fold: Fold, out: OutOfSample) -> None:
        self._said.append(out.probabilities)
        self._lifts.append(lifts(out.probabilities, self._base_rates(fold.train)))
        self._returns.append(self._dataset.returns[out.rows])

    def best(self, learned: Ints) -> DecisionRule:
        """The alternative that gained most, less a standard error; the first where none gained more than that.

        Measured against a constant position of the same average size: a coin that rose makes every rule look good that was long.
        """
        spread = float(np.concatenate(self._lifts).std()) if self._lifts else 0.0
        every = alternatives(self._base_rates(learned), spread)
        gains = [0.0, *(self._gain(rule) for rule in every[1:])]
        return every[int(np.argmax(gains))]

    def _gain(self, rule: DecisionRule) -> float:
        if not self._lifts or not rule.spread:
            return 0.0
        returns = np.concatenate(self._returns)
        held = positions(rule.of_lifts(np.concatenate(self._said), np.concatenate(self._lifts)))
        gain = net_returns(held, returns, self._cost) - held.mean() * returns
        return float(gain.mean() - gain.std() / np.sqrt(len(gain)))

    def _base_rates(self, rows: Ints) -> list[float]:
        """How frequent each class is among these rows; each counts once more, so that none is impossible."""
        counts = np.bincount(self._dataset.labels[rows], minlength=len(self._dataset.classes)) + 1
        return [float(one) for one in counts / counts.sum()]


def _warm_up(dataset: Dataset, first: Fold, options: SignalOptions) -> Fold | None:
    """The first fold's training days once more as a fold: the later half is tried. None where there is nothing to tell apart in either."""
    later = first.train[len(first.train) // 2 :]
    test = later[np.isfinite(dataset.returns[later])]
    if len(test) < LEAST_TEST_DAYS:
        return None
    train = first.train[first.train < test[0] - options.horizon_days - options.embargo_days]
    if len(np.unique(dataset.labels[learnable(dataset, train)])) < 2:
        return None
    return Fold(0, train, test)
