"""Judging one recipe by what it said out of sample: scores, money, luck, regimes, verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from cryptodudez_assets.declared_models.signal import BUY, SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Floats, Ints
from cryptodudez_assets.models.evaluation.backtest import DAYS_PER_YEAR, Bools, backtest, backtests, net_returns
from cryptodudez_assets.models.evaluation.bootstrap import Resampled, block_days, resampled, stationary_weights
from cryptodudez_assets.models.evaluation.scores import (
    balanced_accuracy,
    briers,
    confusions,
    log_losses,
    mcc,
    reliability,
    scores,
)
from cryptodudez_assets.models.evaluation.sharpe import TrialSharpe, deflated_sharpe
from cryptodudez_assets.models.evaluation.timing import Gain, alpha, boundary, over_other_times
from cryptodudez_assets.models.findings import Judgement, Placebo, Regime, RuleTried
from cryptodudez_assets.models.signal.baselines import costs_and_delays, momentum
from cryptodudez_assets.models.signal.recipes import SignalRecipe
from cryptodudez_assets.models.signal.regimes import regimes
from cryptodudez_assets.models.signal.rules import as_if_always
from cryptodudez_assets.models.signal.verdict import Evidence, verdict
from cryptodudez_assets.models.signal.walk_forward import OutOfSample, positions


@dataclass(frozen=True)
class Bench:
    """The out-of-sample days and all that every recipe is measured against on them, in the same bootstrap samples."""

    options: SignalOptions
    days: list[datetime]
    classes: tuple[str, ...]
    labels: Ints
    returns: Floats
    base_losses: Floats
    """Log losses of the base rates, per day."""
    regimes: Mapping[str, Bools]
    weights: Floats
    """Of days in bootstrap samples, see `stationary_weights`."""
    followed: Floats
    """Net daily log returns of what anyone can follow without a model (days x rules): holding, and momentum."""
    first_days: int
    """How many days there were when somebody looked first."""

    @staticmethod
    def of(dataset: Dataset, base: OutOfSample, options: SignalOptions, first_days: int | None) -> "Bench":
        """On the days that base rates were tried on. `first_days`: how many there were at the first look ever; None where this is it."""
        rows = base.rows
        labels, n, returns = dataset.labels[rows], len(rows), dataset.returns[rows]
        rules = (np.full(n, BUY), momentum(dataset, rows))
        return Bench(
            options=options,
            days=[dataset.days[row] for row in rows],
            classes=dataset.classes,
            labels=labels,
            returns=returns,
            base_losses=log_losses(labels, base.probabilities),
            regimes={name: inside[rows] for name, inside in regimes(dataset).items() if inside[rows].any()},
            weights=stationary_weights(n, block_days(n, options.horizon_days), options.bootstrap_samples, options.seed),
            followed=np.column_stack([net_returns(positions(one), returns, options.judged_cost_bps) for one in rules]),
            first_days=min(first_days or n, n),
        )

    @cached_property
    def hold_net(self) -> Floats:
        """Net daily log returns of buy and hold."""
        return self.followed[:, 0]

    def net(self, decisions: Ints) -> Floats:
        """Daily log returns of following decisions, at the judged cost."""
        return net_returns(positions(decisions), self.returns, self.options.judged_cost_bps)

    def timing(self, decisions: Ints) -> tuple[Gain, Gain]:
        """What following decisions gains that holding and momentum do not explain, and over the same positions at other times."""
        lags = block_days(len(self.labels), self.options.horizon_days)
        return alpha(self.net(decisions), self.followed, lags), over_other_times(positions(decisions), self.returns)

    def boundary(self, candidates: int) -> float:
        """Standard errors that both must be above zero, whenever somebody looks; the options' false alarms are shared by candidates."""
        return boundary(len(self.labels), self.first_days, self.options.false_alarm / candidates)


def judgement(
    recipe: SignalRecipe,
    out: OutOfSample,
    best: OutOfSample,
    bench: Bench,
    trials: Sequence[TrialSharpe],
    candidates: int,
    placebos: Sequence[Placebo],
) -> Judgement:
    """All about a recipe. `best` is the chosen recipe's, `trials` all that were ever made, with this run's; `placebos` this recipe's."""
    options, labels = bench.options, bench.labels
    costs, delays = costs_and_delays(options)
    statistics = _statistics(out, best, bench)
    unexplained, other_times = bench.timing(out.decisions)
    evidence = Evidence(
        days=len(labels),
        log_loss=statistics["log_loss"].value,
        base_log_loss=float(bench.base_losses.mean()),
        unexplained=unexplained,
        other_times=other_times,
        boundary=bench.boundary(candidates),
        sharpe=statistics["sharpe"].value,
        deflated_sharpe=deflated_sharpe(bench.net(out.decisions), trials),
        trials=len(dict(trials)),
        placebos=placebos,
    )
    return Judgement(
        name=recipe.name,
        scores=scores(labels, out.decisions, out.probabilities),
        backtests=backtests(positions(out.decisions), bench.returns, costs, delays),
        parameters=dict(recipe.parameters),
        intervals={name: one.interval(options.level) for name, one in statistics.items()},
        reliability=reliability(labels, out.probabilities, bench.classes),
        deflated_sharpe=evidence.deflated_sharpe,
        trials=evidence.trials,
        regimes=_regimes(out.decisions, bench),
        rules=_rules(out, bench),
        verdict=verdict(evidence, options),
    )


def prediction_frame(out: OutOfSample, bench: Bench) -> pl.DataFrame:
    """The out-of-sample days with the columns of `findings.Prediction`."""
    held, names = positions(out.decisions), np.array(bench.classes)
    return pl.DataFrame(
        {
            "event_ts": pl.Series(bench.days, dtype=pl.Datetime("us", "UTC")),
            "fold": out.folds,
            "label": names[bench.labels].tolist(),
            "decision": names[out.decisions].tolist(),
            **{f"probability_{name.lower()}": out.probabilities[:, at] for at, name in enumerate(bench.classes)},
            "return_next_day": bench.returns,
            "position": held,
            "net_return": bench.net(out.decisions),
        }
    )


def _statistics(out: OutOfSample, best: OutOfSample, bench: Bench) -> dict[str, Resampled]:
    """All that get an interval, by name."""
    weights, labels = bench.weights, bench.labels
    said = confusions(labels, out.decisions, len(bench.classes))
    losses, net = log_losses(labels, out.probabilities), bench.net(out.decisions)
    return {
        "balanced_accuracy": resampled(weights, said, balanced_accuracy),
        "mcc": resampled(weights, said, mcc),
        "brier": resampled(weights, briers(labels, out.probabilities)),
        "log_loss": resampled(weights, losses),
        "log_loss_gain": resampled(weights, bench.base_losses - losses),
        "log_loss_over_chosen": resampled(weights, losses - log_losses(labels, best.probabilities)),
        "sharpe": resampled(weights, np.stack([net, net**2], axis=1), _sharpe_per_year),
        "excess_return": resampled(weights, net - bench.hold_net),
    }


def _sharpe_per_year(means: Floats) -> Floats:
    mean, square = means[..., 0], means[..., 1]
    variance = np.maximum(square - mean**2, 0)
    daily = np.where(variance > 0, mean / np.sqrt(np.where(variance > 0, variance, 1)), 0.0)
    return np.asarray(daily * np.sqrt(DAYS_PER_YEAR))


def _rules(out: OutOfSample, bench: Bench) -> list[RuleTried]:
    """What each of the decision rules alone would have earned, and how often it was the one."""
    if not out.rules:
        return []
    taken = Counter(rule.name for rule in out.rules[:-1])
    return [
        RuleTried(name=rule.name, folds=taken[rule.name], **_earned(alone.decisions, bench))
        for rule, alone in as_if_always(out)
    ]


def _earned(decisions: Ints, bench: Bench) -> dict[str, float]:
    judged = backtest(positions(decisions), bench.returns, bench.options.judged_cost_bps)
    return {"sharpe": judged.sharpe, "turnover": judged.turnover}


def _regimes(decisions: Ints, bench: Bench) -> list[Regime]:
    cells, net = confusions(bench.labels, decisions, len(bench.classes)), bench.net(decisions)
    return [
        Regime(
            name=name,
            n=int(inside.sum()),
            balanced_accuracy=float(balanced_accuracy(cells[inside].sum(axis=0))),
            mcc=float(mcc(cells[inside].sum(axis=0))),
            net_return=float(np.expm1(net[inside].sum())),
            buy_and_hold=float(np.expm1(bench.hold_net[inside].sum())),
        )
        for name, inside in bench.regimes.items()
    ]
