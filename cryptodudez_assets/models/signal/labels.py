"""Labels by triple barrier: what happened first to a position taken at the close, a rise, a fall, or the end of the horizon."""

import numpy as np
import numpy.typing as npt

from cryptodudez_assets.declared_models.signal import BUY, HODL, SELL

UNKNOWN = -1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def triple_barrier(closes: Floats, deviations: Floats, horizon: int, width: float) -> tuple[Ints, Ints, Ints]:
    """For each day the class, on which later day (its position) it counts as known (the last of its horizon, always), and where it ended.

    `closes` are prices on consecutive days, NaN where there is none; `deviations` those of a day's log return as known at
    that day's close. Barriers lie `width * deviation * sqrt(horizon)` above and below the log close. They are compared
    with closes only: a day's high and low do not tell which came first. A day whose own close or deviation is missing, or
    without a close at the end of its horizon, is `UNKNOWN`, with -1 for the days.

    A touch is seen sooner, but if it made a day's label known sooner, then what has a label at any time would be chosen by how
    it ended: the newest days only where prices moved. So which days have one depends on the calendar alone.
    """
    n = len(closes)
    logs = np.log(closes)
    barriers = width * deviations * np.sqrt(horizon)
    over = np.isfinite(_later(logs, horizon) - logs) & (barriers > 0)
    labels, open_yet = np.where(over, HODL, UNKNOWN), over
    ended = np.where(over, np.arange(n) + horizon, -1)
    for ahead in range(1, horizon + 1):
        moved = _later(logs, ahead) - logs
        rose, fell = open_yet & (moved >= barriers), open_yet & (moved <= -barriers)
        labels[rose], labels[fell] = BUY, SELL
        ended[rose | fell] = np.flatnonzero(rose | fell) + ahead
        open_yet = open_yet & ~rose & ~fell
    return labels, np.where(over, np.arange(n) + horizon, -1), ended


def uniqueness(ended: Ints) -> Floats:
    """How much of each label is its own (0 to 1): the mean, over its days, of one over the labels that share the day.

    A label's days are those from its close to its end. López de Prado, Advances in Financial Machine Learning, 2018, chapter 4. The sum
    is how many separate labels all are worth. `ended` is -1 where there is no label; that has 0.
    """
    n, there = len(ended), np.flatnonzero(ended >= 0)
    spans = np.zeros(n + 1)
    np.add.at(spans, there, 1)
    np.add.at(spans, ended[there], -1)
    shares = np.concatenate([[0.0], np.cumsum(1 / np.maximum(np.cumsum(spans[:n]), 1))])
    own = np.zeros(n)
    own[there] = (shares[ended[there]] - shares[there]) / (ended[there] - there)
    return own


def _later(values: Floats, days: int) -> Floats:
    """Each day's value so many days later, NaN behind the end."""
    return np.concatenate([values[days:], np.full(min(days, len(values)), np.nan)])
