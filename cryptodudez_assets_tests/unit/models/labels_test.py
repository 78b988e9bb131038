"""Labels by triple barrier, on prices whose outcome can be seen."""

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import BUY, HODL, SELL
from cryptodudez_assets.models.signal.labels import UNKNOWN, triple_barrier


def labelled(
    closes: list[float], horizon: int = 3, width: float = 1.0, deviation: float = 0.1
) -> list[tuple[int, int]]:
    """Label and the row at which it was known, of each day."""
    labels, known = triple_barrier(np.array(closes), np.full(len(closes), deviation), horizon, width)
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
