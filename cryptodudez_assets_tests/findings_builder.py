"""Findings and predictions as a training would make them, from an invented market: of a model with skill, or without.

Prices, labels, decisions, returns and scores belong to each other; intervals, p values and regimes are only plausible.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, matthews_corrcoef

from cryptodudez_assets.declared_models.signal import CLASSES, HODL, SELL, SignalOptions
from cryptodudez_assets.models.findings import (
    Backtest,
    Bin,
    Findings,
    Importance,
    Interval,
    JudgedRecipe,
    Judgement,
    Placebo,
    PowerPoint,
    Regime,
    RuleTried,
    Scores,
    Selection,
    Test,
    UpDays,
    Verdict,
)
from cryptodudez_assets.models.signal.labels import UNKNOWN, triple_barrier

OPTIONS = SignalOptions()
FIRST = datetime(2016, 7, 1, tzinfo=UTC)
LAST = datetime(2021, 7, 5, tzinfo=UTC)
N_DAYS = (LAST - FIRST).days + 1
TEST_FROM = OPTIONS.min_train_days + OPTIONS.horizon_days + OPTIONS.embargo_days
CHOSEN, OTHER = "boosting", "logistic"
FEATURES = ["eth_log_return_1d", "eth_volatility_30d", "btc_log_return_1d", "n_tweets", "sentiment_mean"]
Arrays = Any  # numpy's, in tests


@cache
def predictions(skill: bool = False) -> dict[str, pl.DataFrame]:
    """Both recipes and the momentum rule out of sample, one row per day as `Prediction` says."""
    strength = {CHOSEN: 0.45, OTHER: 0.3} if skill else {CHOSEN: 0.0, OTHER: 0.0}
    frames = {name: _frame(_probabilities(seed, strength[name])) for seed, name in enumerate((CHOSEN, OTHER))}
    rising = np.array([_market()[0][i] > _market()[0][i - 30] for i in _tested()])
    return frames | {"momentum": _frame(np.where(rising[:, None], (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))}


@cache
def findings(skill: bool = False) -> Findings:
    """What training found about `predictions(skill)`."""
    return Findings(
        options=OPTIONS.model_dump(mode="json"),
        classes=list(CLASSES),
        features=FEATURES,
        first_day=FIRST.date(),
        last_day=LAST.date(),
        n_days=N_DAYS,
        out_of_sample_from=(FIRST + timedelta(days=TEST_FROM)).date(),
        n_folds=OPTIONS.folds,
        label_shares={name: float((_labels() == i).mean()) for i, name in enumerate(CLASSES)},
        up_days=[
            _up_days("2016 to 2021", 2016, 2021),
            _up_days("2019", 2019, 2019),
            _up_days("2020 to 2021", 2020, 2021),
        ],
        candidates=[_judgement(name, skill) for name in (OTHER, CHOSEN)],
        chosen=CHOSEN,
        baselines=_baselines(),
        placebos=_placebos(skill),
        selection=Selection(ways=14, superior=0.31, overfitting=0.46),
        importances=[
            Importance(feature=one, added=0.003 - 0.001 * at, spread=0.001) for at, one in enumerate(FEATURES)
        ],
        power=[
            PowerPoint(strength=0.1, sharpe=1.9, found=14, of=50),
            PowerPoint(strength=0.2, sharpe=2.9, found=47, of=50),
        ],
    )


@cache
def _market() -> tuple[Arrays, Arrays, Arrays]:
    """Closes, labels, and log returns of the day after each."""
    rng = np.random.default_rng(7)
    drift = np.interp(np.arange(N_DAYS), (0, 500, 560, 900, 1300, 1780, N_DAYS), (4, 9, -6, -5, 3, 6, -6)) / 1000
    volatile = 0.042 * np.exp(0.35 * np.sin(np.arange(N_DAYS) / 70))
    returns = drift + volatile * rng.standard_t(4, N_DAYS) / np.sqrt(2)
    closes = 12 * np.exp(np.cumsum(returns))
    labels, *_ = triple_barrier(closes, volatile, OPTIONS.horizon_days, OPTIONS.barrier_width)
    return closes, labels, np.append(returns[1:], np.nan)


def _tested() -> Arrays:
    """The out-of-sample days: those whose label is known."""
    days = np.arange(TEST_FROM, N_DAYS - 1)
    return days[_market()[1][days] != UNKNOWN]


def _labels() -> Arrays:
    return _market()[1][_tested()]


def _probabilities(seed: int, strength: float) -> Arrays:
    rng = np.random.default_rng(seed)
    labels = _labels()
    logits = np.log(np.bincount(labels) / len(labels)) + 0.6 * rng.standard_normal((len(labels), len(CLASSES)))
    logits[np.arange(len(labels)), labels] += strength
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def _frame(probabilities: Arrays) -> pl.DataFrame:
    said, days = probabilities.argmax(axis=1), _tested()
    returns = _market()[2][days]
    position = _positions(said)
    return pl.DataFrame(
        {
            "event_ts": [FIRST + timedelta(days=int(day)) for day in days],
            "fold": np.arange(len(days)) * OPTIONS.folds // len(days),
            "label": [CLASSES[i] for i in _labels()],
            "decision": [CLASSES[i] for i in said],
            **{f"probability_{name.lower()}": probabilities[:, i] for i, name in enumerate(CLASSES)},
            "return_next_day": returns,
            "position": position,
            "net_return": _net(position, returns, OPTIONS.judged_cost_bps),
        },
        schema_overrides={"event_ts": pl.Datetime("us", "UTC")},
    )


def _positions(said: Arrays) -> Arrays:
    """BUY is long, SELL is out, HODL keeps; starts in cash."""
    held, positions = 0.0, []
    for one in said:
        held = held if one == HODL else float(one != SELL)
        positions.append(held)
    return np.array(positions)


def _net(position: Arrays, returns: Arrays, cost_bps: float) -> Arrays:
    traded = np.abs(np.diff(position, prepend=0.0))
    return np.log1p(position * np.expm1(returns)) + traded * np.log1p(-cost_bps / 10_000)


def _backtests(position: Arrays) -> list[Backtest]:
    return [_backtest(position, cost, delay) for delay in OPTIONS.delays_days for cost in OPTIONS.costs_bps]


def _backtest(position: Arrays, cost_bps: float, delay: int) -> Backtest:
    held = np.concatenate([np.zeros(delay), position])[: len(position)]
    net = _net(held, _market()[2][_tested()], cost_bps)
    wealth = np.exp(np.cumsum(net))
    years = len(net) / 365
    return Backtest(
        cost_bps=cost_bps,
        delay_days=delay,
        total_return=wealth[-1] - 1,
        annual_return=wealth[-1] ** (1 / years) - 1,
        annual_volatility=net.std() * np.sqrt(365),
        sharpe=net.mean() / net.std() * np.sqrt(365) if net.std() else 0.0,
        max_drawdown=(wealth / np.maximum.accumulate(np.append(1, wealth))[1:]).min() - 1,
        turnover=np.abs(np.diff(held, prepend=0.0)).sum() / years,
        exposure=held.mean(),
    )


def _scores(frame: pl.DataFrame) -> Scores:
    probabilities = frame.select("probability_buy", "probability_hodl", "probability_sell").to_numpy()
    labels, said = frame["label"].to_list(), frame["decision"].to_list()
    happened = np.eye(len(CLASSES))[_labels()]
    return Scores(
        n=len(frame),
        balanced_accuracy=balanced_accuracy_score(labels, said),
        mcc=matthews_corrcoef(labels, said),
        brier=((probabilities - happened) ** 2).sum(axis=1).mean(),
        log_loss=log_loss(labels, probabilities, labels=list(CLASSES)),
        confusion=confusion_matrix(labels, said, labels=list(CLASSES)).tolist(),
    )


def _judgement(name: str, skill: bool) -> Judgement:
    frame = predictions(skill)[name]
    scores, backtests = _scores(frame), _backtests(frame["position"].to_numpy())
    judged = next(one for one in backtests if one.cost_bps == OPTIONS.judged_cost_bps and not one.delay_days)
    excess = float((frame["net_return"] - frame["return_next_day"]).mean())
    return Judgement(
        name=name,
        scores=scores,
        backtests=backtests,
        parameters={"class_weight": "balanced", "learning_rate": 0.05} if name == CHOSEN else {"C": 0.1},
        intervals={
            "balanced_accuracy": _around(scores.balanced_accuracy, 0.035),
            "mcc": _around(scores.mcc, 0.05),
            "brier": _around(scores.brier, 0.02),
            "sharpe": _around(judged.sharpe, 1.1),
            "excess_return": _around(excess, 0.0015),
        },
        reliability={one: _bins(frame, one) for one in CLASSES},
        deflated_sharpe=0.981 if skill else 0.237,
        trials=14,
        regimes=_regimes(frame),
        rules=[
            RuleTried(name="never trade", folds=1, sharpe=0.0, turnover=0.0),
            RuleTried(name="sign of the lift", folds=5, sharpe=1.2, turnover=88.0),
        ],
        verdict=_verdict(skill, scores, judged),
    )


def _around(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def _bins(frame: pl.DataFrame, name: str) -> list[Bin]:
    said, happened = frame[f"probability_{name.lower()}"].to_numpy(), (frame["label"] == name).to_numpy()
    place = np.minimum(said * 10, 9).astype(int)
    return [
        Bin(said=said[place == i].mean(), happened=happened[place == i].mean(), n=(place == i).sum())
        for i in np.unique(place)
    ]


def _regimes(frame: pl.DataFrame) -> list[Regime]:
    rising = frame["return_next_day"].rolling_mean(60, min_samples=1).to_numpy() > 0
    wild = frame["return_next_day"].rolling_std(60, min_samples=2).fill_null(0).to_numpy() > 0.045
    found = {
        "rising, calm": rising & ~wild,
        "rising, volatile": rising & wild,
        "falling, calm": ~rising & ~wild,
        "falling, volatile": ~rising & wild,
    }
    return [_regime(name, frame.filter(pl.Series(mask))) for name, mask in found.items()]


def _regime(name: str, frame: pl.DataFrame) -> Regime:
    told = (frame["label"].to_list(), frame["decision"].to_list())
    return Regime(
        name=name,
        n=len(frame),
        balanced_accuracy=balanced_accuracy_score(*told),
        mcc=matthews_corrcoef(*told),
        net_return=np.expm1(frame["net_return"].sum()),
        buy_and_hold=np.expm1(frame["return_next_day"].sum()),
    )


def _verdict(skill: bool, scores: Scores, judged: Backtest) -> Verdict:
    than = "above" if skill else "not above"
    tests = [
        Test(
            name="better than the base rates",
            passed=skill,
            words=f"The log loss of {scores.log_loss:.3f} is {'below' if skill else 'not below'} the 1.020 of the label shares.",
        ),
        Test(
            name="balanced accuracy",
            passed=skill,
            words=f"The interval of {scores.balanced_accuracy:.3f} is {than} one third.",
        ),
        Test(
            name="deflated Sharpe ratio",
            passed=skill,
            words=f"With 14 trials, a Sharpe ratio of {judged.sharpe:.2f} is {than} what luck gives the best of them.",
        ),
        Test(name="placebos", passed=True, words="The tweets' features do better than shuffled ones."),
    ]
    words = (
        "Skill: every test is passed out of sample, after costs."
        if skill
        else "No skill: three of four tests are failed. Do not trade on this."
    )
    return Verdict(skill=skill, words=words, tests=tests)


def _baselines() -> list[JudgedRecipe]:
    n = len(_tested())
    shares = np.bincount(_labels()) / n
    majority = _scores(_frame(np.tile(shares, (n, 1))))
    known = np.concatenate([np.full(OPTIONS.horizon_days, HODL), _labels()[: -OPTIONS.horizon_days]])
    rng = np.random.default_rng(3)
    momentum = predictions(False)["momentum"]["position"].to_numpy()
    return [
        JudgedRecipe(name="majority", scores=majority, backtests=_backtests(_positions(np.full(n, shares.argmax())))),
        JudgedRecipe(
            name="persistence",
            scores=_scores(_frame(0.4 * np.eye(3)[known] + 0.2)),
            backtests=_backtests(_positions(known)),
        ),
        JudgedRecipe(name="buy_and_hold", scores=None, backtests=_backtests(np.ones(n))),
        JudgedRecipe(name="momentum", scores=None, backtests=_backtests(momentum)),
        JudgedRecipe(name="random", scores=None, backtests=_backtests(_positions(rng.integers(0, 3, n)))),
    ]


def _placebos(skill: bool) -> list[Placebo]:
    worse = (1.0, 0.36) if skill else (1.212, 0.314)
    names = [
        "tweets shuffled 1",
        "tweets shuffled 2",
        "tweets shuffled 3",
        "tweets shifted by 30 days",
        "tweets shifted by 180 days",
    ]
    return [
        Placebo(name=name, log_loss=worse[0] + 0.004 * i, balanced_accuracy=worse[1] - 0.002 * i)
        for i, name in enumerate(names)
    ]


def _up_days(period: str, first: int, last: int) -> UpDays:
    years = np.array([(FIRST + timedelta(days=i)).year for i in range(N_DAYS - 1)])
    inside = _market()[2][:-1][(years >= first) & (years <= last)]
    return UpDays(period=period, share=(inside > 0).mean(), n=len(inside))
