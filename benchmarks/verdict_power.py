"""What a verdict finds, and how often it is wrong: planted signals and none, on the real returns of Ether in shuffled blocks.

Three tables. *Power*: the whole pipeline, fits included, on signals of three strengths, beside deciding by the most probable class. *False
alarms of the tests*: years of daily looks at positions without skill, nothing fitted, beside a bound that is made for a single look.
*False alarms of the pipeline*: fits included, on returns that nothing foretells. Where the archive of prices is missing
(`CRYPTODUDEZ_REAL_DATA`), returns are simulated, and the output says so.
"""

import argparse
import os
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import binomtest, norm

from cryptodudez_assets.declared_models.signal import BUY, SELL, SignalOptions
from cryptodudez_assets.models.dataset import Dataset, Floats, Ints
from cryptodudez_assets.models.evaluation.backtest import DAYS_PER_YEAR, daily_sharpe, held, net_returns
from cryptodudez_assets.models.evaluation.bootstrap import block_days
from cryptodudez_assets.models.evaluation.sharpe import TrialSharpe, deflated_sharpe
from cryptodudez_assets.models.evaluation.timing import Gain, alpha, boundary, over_other_times
from cryptodudez_assets.models.signal.judge import judge
from cryptodudez_assets.models.signal.recipes import candidates
from cryptodudez_assets.models.signal.regimes import trailing_return
from cryptodudez_assets.models.signal.verdict import Evidence, verdict
from cryptodudez_assets.models.signal.walk_forward import folds_of, positions
from cryptodudez_assets_tests.datasets import dataset_of, noise, slow_features

OPTIONS = SignalOptions(placebo_repeats=0, placebo_shifts_days=())
ARCHIVE = Path("teraflow/cryptocurrency_historical_prices.zip")
BLOCK, FEATURES = 30, 15
STRENGTHS = (0.13, 0.2, 0.28)
FIRST_LOOK, LOOKS = 1400, 365
APART, NEAR = 5, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="of each strength")
    parser.add_argument("--years", type=int, default=2000, help="of daily looks without fits")
    parser.add_argument("--noise", type=int, default=40, help="seeds of the whole pipeline without a signal")
    given = parser.parse_args()
    returns = ether()
    _power(returns, given.seeds)
    _years(returns, given.years)
    _noise(returns, given.noise)


def ether() -> Floats:
    """Daily log returns of Ether's closes."""
    root = os.environ.get("CRYPTODUDEZ_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
    archive = Path(root) / ARCHIVE
    if not archive.is_file():
        print(f"no {archive}: simulated returns instead of Ether's")
        return noise(1, days=2158).returns[:-1]
    with zipfile.ZipFile(archive) as packed:
        [name] = [one for one in packed.namelist() if Path(one).name == "coin_Ethereum.csv"]
        closes = pl.read_csv(packed.read(name), truncate_ragged_lines=True)["Close"].cast(pl.Float64, strict=False)
    return np.diff(np.log(closes.drop_nulls().to_numpy()))


def shuffled(returns: Floats, random: np.random.Generator) -> Floats:
    """The returns in blocks of a month, in another order: what happened, without when."""
    starts = random.permutation(np.arange(0, len(returns), BLOCK))
    return np.concatenate([returns[start : start + BLOCK] for start in starts])


def planted(returns: Floats, strength: float, seed: int) -> Dataset:
    """Shuffled returns, of which the first feature of the day before tells a share; that feature remembers 0.6 of its last day."""
    random = np.random.default_rng(seed)
    market, features = shuffled(returns, random), slow_features(random, len(returns), FEATURES)
    hint = np.concatenate([[0.0], features[:-1, 0]])
    told = market.mean() + strength * market.std() * hint + np.sqrt(1 - strength**2) * (market - market.mean())
    return dataset_of(told, features, OPTIONS)


def _power(returns: Floats, seeds: int) -> None:
    print("| correlation | following it | most probable class | fitted rules | found |\n|---|---|---|---|---|")
    for strength in STRENGTHS:
        rows = [_one(planted(returns, strength, seed)) for seed in range(seeds)]
        oracle, likeliest, ours, found = zip(*rows, strict=True)
        medians = " | ".join(f"{np.median(one):.2f}" for one in (oracle, likeliest, ours))
        print(f"| {strength} | {medians} | {_share(sum(found), seeds)} |", flush=True)


def _one(dataset: Dataset) -> tuple[float, float, float, bool]:
    """Sharpe ratios a year, net of costs: of the signal, of the best recipe by its likeliest class, and by its rules; the verdict."""
    found = judge(dataset, OPTIONS, tweet_features=[], other_trials=[]).findings
    best = found.best
    folds = folds_of(dataset, OPTIONS)
    rows = np.concatenate([fold.test for fold in folds])
    hint = np.where(dataset.features[rows, 0] > 0, BUY, SELL)
    likeliest = next(one.sharpe for one in best.rules if one.name == "most probable class")
    return (
        _sharpe(hint, dataset.returns[rows]),
        likeliest,
        best.backtest(OPTIONS.judged_cost_bps).sharpe,
        best.verdict.skill,
    )


def _sharpe(decisions: Ints, returns: Floats) -> float:
    net = net_returns(positions(decisions), returns, OPTIONS.judged_cost_bps)
    return daily_sharpe(net) * float(np.sqrt(DAYS_PER_YEAR))


def _years(returns: Floats, years: int) -> None:
    """Each year two candidates without skill are looked at daily; what is asked of probabilities counts as passed."""
    random = np.random.default_rng(1)
    level = OPTIONS.false_alarm / len(candidates(OPTIONS))
    bounds = {
        "the tests": lambda day: boundary(day, FIRST_LOOK, level),
        "the same with a bound for one look": lambda _: float(norm.isf(level)),
    }
    alarms = dict.fromkeys(bounds, 0)
    for _ in range(years):
        market = np.concatenate([shuffled(returns, random), shuffled(returns, random)])[: FIRST_LOOK + LOOKS]
        pair = [_Candidate(_without_skill(market, random), market) for _ in range(2)]
        for name, bound in bounds.items():
            alarms[name] += any(one.ever(bound) for one in pair)
    print(f"\n| {years:,} years of {LOOKS} daily looks, two candidates | alarm in |\n|---|---|")
    for name, count in alarms.items():
        print(f"| {name} | {_share(count, years)} |", flush=True)


def _without_skill(market: Floats, random: np.random.Generator) -> Floats:
    """Positions that know nothing of the day they are held on: at random with some turnover, or by a trend of some length, with noise."""
    if random.random() < 0.5:
        turnover = random.uniform(5, 150) / DAYS_PER_YEAR
        enter, leave = random.random((2, len(market))) < turnover
        return held(enter, leave & ~enter)
    trend = np.nan_to_num(trailing_return(market, int(random.integers(5, 120))))
    noisy = trend + random.normal(0, random.uniform(0.01, 0.3), len(market))
    return held(noisy > 0, noisy < 0)


class _Candidate:
    """Positions that were held for years, judged as of any day."""

    def __init__(self, held_positions: Floats, market: Floats) -> None:
        cost = OPTIONS.judged_cost_bps
        trend = np.nan_to_num(trailing_return(market, 30))
        self._held, self._market = held_positions, market
        self._net = net_returns(held_positions, market, cost)
        self._others = np.column_stack([market, net_returns(held(trend > 0, trend < 0), market, cost)])
        self._gain = cache(self._gain_until)

    def ever(self, bound: Callable[[int], float]) -> bool:
        """Whether a verdict of any day of the year would say skill.

        A day moves a gain by some tenth of a standard error: days are looked at one by one only where a look each five days came near.
        """
        last = FIRST_LOOK + LOOKS
        near = [day for day in range(FIRST_LOOK, last, APART) if self._gain(day).deviations > bound(day) - NEAR]
        days = {day + more for day in near for more in range(-APART, APART + 1) if FIRST_LOOK <= day + more < last}
        return any(self._skill(day, bound(day)) for day in sorted(days) if self._gain(day).deviations > bound(day))

    def _gain_until(self, day: int) -> Gain:
        return alpha(self._net[:day], self._others[:day], block_days(day, OPTIONS.horizon_days))

    def _skill(self, day: int, bound: float) -> bool:
        ratio = daily_sharpe(self._net[:day])
        trials = [TrialSharpe("one", ratio), TrialSharpe("another", 0.0)]
        evidence = Evidence(
            days=day,
            log_loss=0.0,
            base_log_loss=1.0,
            unexplained=self._gain(day),
            other_times=over_other_times(self._held[:day], self._market[:day]),
            boundary=bound,
            sharpe=ratio,
            deflated_sharpe=deflated_sharpe(self._net[:day], trials),
            trials=len(trials),
        )
        return verdict(evidence, OPTIONS).skill


def _noise(returns: Floats, seeds: int) -> None:
    found, trades = 0, []
    for seed in range(seeds):
        dataset = planted(returns, 0.0, 10_000 + seed)
        findings = judge(dataset, OPTIONS, tweet_features=[], other_trials=[]).findings
        found += findings.best.verdict.skill
        trades.append(findings.best.backtest(OPTIONS.judged_cost_bps).turnover)
    print("\n| the whole pipeline on noise | |\n|---|---|")
    print(f"| skill found | {_share(found, seeds)} |\n| changes of position a year, median | {np.median(trades):.0f} |")


def _share(count: int, of: int) -> str:
    """With its exact 95 % interval (Clopper and Pearson)."""
    interval = binomtest(count, of).proportion_ci()
    return f"{count} of {of:,} ({100 * interval.low:.1f} to {100 * interval.high:.1f} %)"


if __name__ == "__main__":
    main()
