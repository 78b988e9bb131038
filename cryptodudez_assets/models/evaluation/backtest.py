"""What following decisions would have earned on a spot market: long or out, nothing borrowed, nothing sold short."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.findings import Backtest

DAYS_PER_YEAR = 365
"""Coins are traded every day."""

Bools = npt.NDArray[np.bool_]


def held(enter: Bools, leave: Bools) -> Floats:
    """Positions, 1 for long and 0 for out: from a day that says `enter` until one that says `leave`; out at first."""
    said = enter | leave
    last = np.maximum.accumulate(np.where(said, np.arange(len(said)), -1))
    return np.where(last >= 0, enter[last], False).astype(float)


def delayed(positions: Floats, days: int) -> Floats:
    """The same, taken so many days later; out until then."""
    return np.concatenate([np.zeros(days), positions])[: len(positions)]


def net_returns(positions: Floats, returns: Floats, cost_bps: float) -> Floats:
    """Log return of each day: of the position held on it, less the cost of having changed to it.

    `returns[i]` is the log return of the asset over the day that `positions[i]` is held. Costs are a share of what is
    traded, in hundredths of a percent; the first day starts from no position, the last one is not closed.
    """
    changes = np.abs(np.diff(positions, prepend=0.0))
    net: Floats = positions * returns + changes * np.log1p(-cost_bps / 10_000)
    return net


def daily_sharpe(net: Floats) -> float:
    """Mean over deviation of daily log returns; 0 where they do not vary."""
    deviation = float(net.std())
    return float(net.mean()) / deviation if deviation > 0 else 0.0


def max_drawdown(net: Floats) -> float:
    """Largest fall of the value from a peak before it (the start is one), as a negative fraction."""
    value = np.cumsum(np.concatenate([[0.0], net]))
    return float(np.expm1((value - np.maximum.accumulate(value)).min()))


def backtest(positions: Floats, returns: Floats, cost_bps: float, delay_days: int = 0) -> Backtest:
    """Positions, taken after the delay, at this cost. Statistics are of daily log returns, a year has 365 of them."""
    taken = delayed(positions, delay_days)
    net = net_returns(taken, returns, cost_bps)
    return Backtest(
        cost_bps=cost_bps,
        delay_days=delay_days,
        total_return=float(np.expm1(net.sum())),
        annual_return=float(np.expm1(net.mean() * DAYS_PER_YEAR)),
        annual_volatility=float(net.std() * np.sqrt(DAYS_PER_YEAR)),
        sharpe=daily_sharpe(net) * float(np.sqrt(DAYS_PER_YEAR)),
        max_drawdown=max_drawdown(net),
        turnover=float(np.abs(np.diff(taken, prepend=0.0)).mean() * DAYS_PER_YEAR),
        exposure=float((taken > 0).mean()),
    )


def backtests(positions: Floats, returns: Floats, costs_bps: Iterable[float], delays: Iterable[int]) -> list[Backtest]:
    """At each cost with each delay."""
    delays = sorted(set(delays))
    return [backtest(positions, returns, cost, delay) for cost in sorted(set(costs_bps)) for delay in delays]
