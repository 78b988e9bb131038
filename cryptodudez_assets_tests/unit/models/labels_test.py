"""Labels by triple barrier, on prices whose outcome can be seen."""

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import BUY, HODL, SELL
from cryptodudez_assets.models.signal.labels import UNKNOWN, triple_barrier, uniqueness


def labelled(
    closes: list[float], horizon: int = 3, width: float = 1.0, deviation: float = 0.1
) -> list[tuple[int, int]]:
    """Label and the row at which it was known, of each day."""
    labels, known, _ = triple_barrier(np.array(closes), np.full(len(closes), deviation), horizon, width)
    return list(zip(labels.tolist(), known.tolist(), strict=True))


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([150, 100, 100], (BUY, 3)),
        ([100, 150, 50], (BUY, 3)),
        ([101, 50, 150], (SELL, 3)),
        ([101, 99, 101], (HODL, 3)),
        ([101, 99, 101, 150], (HODL, 3)),
        ([101, float("nan"), 101], (HODL, 3)),
        ([101, 99, float("nan")], (UNKNOWN, -1)),
        ([150, 99, float("nan")], (UNKNOWN, -1)),
        ([150, 99, float("nan"), 100], (UNKNOWN, -1)),
    ],
)
def test_what_comes_first_decides(later: list[float], expected: tuple[int, int]):
    assert labelled([100, *later])[0] == expected


@pytest.mark.parametrize("last", [150.0, 100.0, 50.0])
@pytest.mark.parametrize("n_days", range(1, 6))
def test_the_newest_days_have_no_label_whatever_prices_did(n_days: int, last: float):
    found = labelled([100.0] * (n_days - 1) + [last])
    assert [label for label, _ in found[-3:]] == [UNKNOWN] * min(3, n_days)


@pytest.mark.parametrize(("moved", "label"), [(0.18, BUY), (0.17, HODL), (-0.17, HODL), (-0.18, SELL)])
def test_barriers_lie_at_so_many_deviations_of_the_return_over_the_horizon(moved: float, label: int):
    """Here at 0.1 times the root of 3, 0.1732."""
    assert labelled([100, 100, 100, 100 * np.exp(moved)])[0] == (label, 3)


@pytest.mark.parametrize("deviation", [float("nan"), 0.0])
def test_without_a_deviation_there_is_no_label(deviation: float):
    assert labelled([100, 150, 150, 150], deviation=deviation)[0] == (UNKNOWN, -1)


@pytest.mark.parametrize(
    ("later", "ended"), [([150, 100, 100], 1), ([101, 50, 150], 2), ([101, 99, 101], 3), ([101, 99, float("nan")], -1)]
)
def test_a_label_ends_when_a_barrier_is_touched_or_the_horizon_is_over(later: list[float], ended: int):
    closes = np.array([100.0, *later])
    assert triple_barrier(closes, np.full(4, 0.1), 3, 1.0)[2][0] == ended


def test_a_label_is_its_own_as_far_as_it_shares_no_day():
    """Of days 0 to 2, 1 to 3 and 5 to 6: the first two share one day of two."""
    ended = np.array([2, 3, -1, -1, -1, 6, -1])
    assert uniqueness(ended).tolist() == [0.75, 0.75, 0, 0, 0, 1, 0]


def test_labels_are_worth_as_many_as_the_days_that_they_cover():
    random = np.random.default_rng(3)
    closes = np.exp(np.cumsum(random.normal(0, 0.05, 500)))
    _, _, ended = triple_barrier(closes, np.full(500, 0.05), 5, 0.75)
    counts = np.zeros(500)
    for row in np.flatnonzero(ended >= 0):
        counts[row : ended[row]] += 1
    by_hand = [np.mean(1 / counts[row : ended[row]]) if ended[row] >= 0 else 0 for row in range(500)]
    np.testing.assert_allclose(uniqueness(ended), by_hand)
    assert 500 / 5 < uniqueness(ended).sum() < 500 / 2
