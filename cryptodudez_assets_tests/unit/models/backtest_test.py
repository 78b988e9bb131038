"""Positions, costs, delay and statistics, reckoned by hand."""

import numpy as np
import pytest

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.evaluation.backtest import backtest, backtests, delayed, held, max_drawdown, net_returns


def positions(said: str) -> list[float]:
    """Of days that say B(uy), S(ell) or h(odl)."""
    days = np.array(list(said))
    return held(days == "B", days == "S").tolist()


@pytest.mark.parametrize(
    ("said", "expected"),
    [("hhBhhShB", [0, 0, 1, 1, 1, 0, 0, 1]), ("SSh", [0, 0, 0]), ("BBSS", [1, 1, 0, 0]), ("h", [0]), ("", [])],
)
def test_buy_enters_sell_leaves_hodl_keeps(said: str, expected: list[float]):
    assert positions(said) == expected


def test_each_change_costs():
    """Four changes at one percent each, and the returns of the days that are held."""
    returns, taken = np.array([0.1, -0.2, 0.3, 0.4, 0.5]), np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    cost = np.log(0.99)
    np.testing.assert_allclose(net_returns(taken, returns, 100), [0.1 + cost, cost, 0, 0.4 + cost, cost])


def test_a_delay_trades_later():
    assert delayed(np.array([1.0, 0.0, 1.0]), 1).tolist() == [0, 1, 0]
    assert delayed(np.array([1.0, 0.0]), 5).tolist() == [0, 0]
    late = backtest(np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.1, 0.2]), 0, delay_days=1)
    assert late.total_return == pytest.approx(np.expm1(0.1))


@pytest.mark.parametrize(
    ("net", "fall"),
    [
        ([0.1, 0.2], 0),
        ([-0.1, 0.2], np.expm1(-0.1)),
        ([0.5, -0.2, 0.1, -0.3, 0.9], np.expm1(-0.4)),
        ([-0.1, -0.1], np.expm1(-0.2)),
    ],
)
def test_largest_fall_from_a_peak(net: list[float], fall: float):
    assert max_drawdown(np.array(net)) == pytest.approx(fall)


def test_statistics():
    returns: Floats = np.tile([0.02, -0.01], 365)
    found = backtest(np.ones(730), returns, 0)
    assert found.total_return == pytest.approx(np.exp(3.65) - 1)
    assert found.annual_return == pytest.approx(np.exp(1.825) - 1)
    assert found.annual_volatility == pytest.approx(0.015 * np.sqrt(365))
    assert found.sharpe == pytest.approx(0.005 / 0.015 * np.sqrt(365))
    assert found.max_drawdown == pytest.approx(np.expm1(-0.01))
    assert found.turnover == pytest.approx(0.5)
    assert found.exposure == 1


def test_who_holds_nothing_has_nothing():
    found = backtest(np.zeros(10), np.full(10, 0.1), 30)
    assert (found.total_return, found.sharpe, found.max_drawdown, found.exposure) == (0, 0, 0, 0)


def test_every_cost_with_every_delay_once():
    found = backtests(np.ones(3), np.zeros(3), (30, 0, 30), (1, 0))
    assert [(one.cost_bps, one.delay_days) for one in found] == [(0, 0), (0, 1), (30, 0), (30, 1)]
