"""Labels by triple barrier: what happened first to a position taken at the close, a rise, a fall, or the end of the horizon."""

import numpy as np
import numpy.typing as npt

from cryptodudez_assets.models.eth_signal.options import CLASSES

BUY, HODL, SELL = range(len(CLASSES))
UNKNOWN = -1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def triple_barrier(closes: Floats, deviations: Floats, horizon: int, width: float) -> tuple[Ints, Ints]:
    """For each day the class, and on which later day (its position) the class became known.

    `closes` are prices on consecutive days, NaN where there is none; `deviations` those of a day's log return as known at
    that day's close. Barriers lie `width * deviation * sqrt(horizon)` above and below the log close. They are compared
    with closes only: a day's high and low do not tell which came first. A day whose own close or deviation is missing, or
    whose horizon is not over and untouched, is `UNKNOWN`, with -1 for the day.
    """
    n = len(closes)
    logs = np.log(closes)
    barriers = width * deviations * np.sqrt(horizon)
    labels, known = np.full(n, UNKNOWN), np.full(n, -1)
    for ahead in range(1, min(horizon, n - 1) + 1):
        later = np.full(n, np.nan)
        later[: n - ahead] = logs[ahead:]
        moved = later - logs
        open_yet = (known < 0) & (barriers > 0)
        for label, touched in ((BUY, moved >= barriers), (SELL, moved <= -barriers)):
            labels[open_yet & touched] = label
        if ahead == horizon:
            labels[open_yet & (labels == UNKNOWN) & np.isfinite(moved)] = HODL
        decided = open_yet & (labels != UNKNOWN)
        known[decided] = np.flatnonzero(decided) + ahead
    return labels, known
