"""What a model must be compared with: rules that anyone can follow, fitted inside the folds where there is something to fit."""

from collections.abc import Sequence

import numpy as np

from cryptodudez_assets.declared_models.signal import BUY, HODL, SELL, SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Floats, Ints
from cryptodudez_assets.models.evaluation.backtest import backtests
from cryptodudez_assets.models.evaluation.scores import scores
from cryptodudez_assets.models.evaluation.splits import Fold
from cryptodudez_assets.models.findings import Backtest, JudgedRecipe
from cryptodudez_assets.models.signal.regimes import trailing_return
from cryptodudez_assets.models.signal.walk_forward import OutOfSample, positions

MOMENTUM_DAYS = 30
RANDOM_REPEATS = 30


def baselines(
    dataset: Dataset, folds: Sequence[Fold], majority: OutOfSample, judged_positions: Floats, options: SignalOptions
) -> list[JudgedRecipe]:
    """All six on the days of `majority` (which are the base rates); random trades as often as `judged_positions` do."""
    rows = majority.rows
    labels, returns = dataset.labels[rows], dataset.returns[rows]
    persistent = persistence(dataset, folds)
    costs, delays = costs_and_delays(options)

    def traded(decisions: Ints) -> list[Backtest]:
        return backtests(positions(decisions), returns, costs, delays)

    def classified(name: str, decisions: Ints, probabilities: Floats) -> JudgedRecipe:
        return JudgedRecipe(name=name, scores=scores(labels, decisions, probabilities), backtests=traded(decisions))

    return [
        classified("majority", majority.decisions, majority.probabilities),
        classified("persistence", persistent, persistence_probabilities(dataset, folds)),
        JudgedRecipe(name="buy_and_hold", scores=None, backtests=traded(np.full(len(rows), BUY))),
        JudgedRecipe(name="always_hodl", scores=None, backtests=traded(np.full(len(rows), HODL))),
        JudgedRecipe(name="random", scores=None, backtests=_random(judged_positions, returns, options)),
        JudgedRecipe(name="momentum", scores=None, backtests=traded(momentum(dataset, rows))),
    ]


def costs_and_delays(options: SignalOptions) -> tuple[list[float], list[int]]:
    """All to be reckoned with: those that the options name, and those that the verdict stands on."""
    return sorted({*options.costs_bps, options.judged_cost_bps}), sorted({0, *options.delays_days})


def last_known_label(dataset: Dataset) -> Ints:
    """For each row the label of the latest day whose label was known at the row's close; HODL before there is one."""
    latest = np.full(len(dataset), -1)
    labelled = np.flatnonzero(dataset.labels >= 0)
    np.maximum.at(latest, dataset.label_row[labelled], labelled)
    latest = np.maximum.accumulate(latest)
    return np.where(latest >= 0, dataset.labels[latest], HODL)


def persistence(dataset: Dataset, folds: Sequence[Fold]) -> Ints:
    """What happened last happens again."""
    return np.concatenate([last_known_label(dataset)[fold.test] for fold in folds])


def persistence_probabilities(dataset: Dataset, folds: Sequence[Fold]) -> Floats:
    """How often each class followed the last known one among a fold's training days (each pair counts once more)."""
    last, said = last_known_label(dataset), []
    for fold in folds:
        counts = np.ones((len(dataset.classes), len(dataset.classes)))
        np.add.at(counts, (last[fold.train], dataset.labels[fold.train]), 1)
        said.append((counts / counts.sum(axis=1, keepdims=True))[last[fold.test]])
    return np.concatenate(said)


def momentum(dataset: Dataset, rows: Ints) -> Ints:
    """BUY after a rise over the trailing window, SELL after a fall."""
    past = trailing_return(dataset.returns, MOMENTUM_DAYS)[rows]
    return np.where(past > 0, BUY, np.where(past < 0, SELL, HODL))


def _random(judged_positions: Floats, returns: Floats, options: SignalOptions) -> list[Backtest]:
    """The judged positions begun at random days (and going on from the start behind the end), averaged over repeats.

    So each is held for as long and changed as often as the judged ones (but for where it begins), and knows nothing of the days.
    """
    shifts = np.random.default_rng(options.seed).integers(1, len(returns), RANDOM_REPEATS)
    costs, delays = costs_and_delays(options)
    repeats = [backtests(np.roll(judged_positions, shift), returns, costs, delays) for shift in shifts]
    return [_mean(same) for same in zip(*repeats, strict=True)]


def _mean(repeats: Sequence[Backtest]) -> Backtest:
    averaged = Backtest.model_fields.keys() - {"cost_bps", "delay_days"}
    return repeats[0].model_copy(
        update={name: float(np.mean([getattr(one, name) for one in repeats])) for name in averaged}
    )
