"""What must hold of labels, folds and backtests whatever the prices are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.evaluation.backtest import backtest, held, net_returns
from cryptodudez_assets.models.evaluation.splits import walk_forward_folds
from cryptodudez_assets.models.signal.labels import triple_barrier
from cryptodudez_assets_tests.datasets import noise

some_returns = st.integers(11, 60).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(-0.5, 0.5)))


@given(returns=some_returns, horizon=st.integers(1, 10), width=st.floats(0.1, 3), gaps=st.sets(st.integers(0, 59)))
def test_labels_do_not_look_beyond_the_day_they_are_known(returns: Floats, horizon: int, width: float, gaps: set[int]):
    closes, deviations = np.exp(np.cumsum(returns)), np.full(len(returns), 0.1)
    closes[[at for at in gaps if at < len(closes)]] = np.nan
    labels, known, ended = triple_barrier(closes, deviations, horizon, width)
    for row in np.flatnonzero(labels >= 0):
        assert row < ended[row] <= known[row] <= row + horizon
        on_that_day, a_day_earlier = (
            triple_barrier(np.where(np.arange(len(closes)) < until, closes, np.nan), deviations, horizon, width)
            for until in (known[row] + 1, known[row])
        )
        assert (on_that_day[0][row], on_that_day[1][row]) == (labels[row], known[row])
        assert a_day_earlier[0][row] == -1


@given(
    returns=some_returns,
    horizon=st.integers(1, 10),
    gaps=st.sets(st.integers(0, 59)),
    seed=st.integers(0, 3),
    width=st.floats(0.1, 3),
)
@settings(deadline=None)
def test_which_days_have_a_label_does_not_depend_on_what_prices_did(
    returns: Floats, horizon: int, gaps: set[int], seed: int, width: float
):
    there = np.array([at not in gaps for at in range(len(returns))])
    others = np.random.default_rng(seed).permutation(returns) * 3
    found = [
        triple_barrier(np.where(there, np.exp(np.cumsum(one)), np.nan), np.full(len(one), 0.1), horizon, width)
        for one in (returns, others, np.zeros(len(returns)))
    ]
    for labels, known, _ in found:
        assert ((labels >= 0) == (found[0][0] >= 0)).all()
        assert (known == found[0][1]).all()


@given(
    seed=st.integers(0, 5),
    n_folds=st.integers(1, 8).filter(lambda n: n > 1),
    train=st.integers(50, 150),
    embargo=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_no_label_that_is_learned_reaches_into_the_test(seed: int, n_folds: int, train: int, embargo: int):
    dataset = noise(seed, days=400, features=1)
    for fold in walk_forward_folds(dataset, n_folds, train, 5, embargo):
        assert dataset.label_row[fold.train].max() + embargo < fold.test[0]
        assert len(fold.train) >= train


@given(returns=some_returns)
def test_always_long_at_no_cost_is_buy_and_hold(returns: Floats):
    np.testing.assert_allclose(
        backtest(np.ones(len(returns)), returns, 0).total_return, np.expm1(returns.sum()), rtol=1e-9, atol=1e-12
    )


@given(returns=some_returns, seed=st.integers(0, 9), cost=st.floats(0, 100))
def test_costs_only_cost_and_only_for_changes(returns: Floats, seed: int, cost: float):
    said = np.random.default_rng(seed).integers(3, size=len(returns))
    positions = held(said == 0, said == 2)
    free, paid = net_returns(positions, returns, 0), net_returns(positions, returns, cost)
    changes = np.abs(np.diff(positions, prepend=0.0)).sum()
    np.testing.assert_allclose((free - paid).sum(), -changes * np.log1p(-cost / 10_000), atol=1e-9)
