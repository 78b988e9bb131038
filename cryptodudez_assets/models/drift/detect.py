"""One look: today's sample against the reference, with how often such a look would have alarmed in the past."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from cryptodudez_assets.models.drift.calibration import Family, Look, look, replay
from cryptodudez_assets.models.drift.distances import Floats, levels, method_for, table
from cryptodudez_assets.models.drift.found import Column, Drift, Histogram, PastLook, Rate

FEWEST_DAYS = 30  # that can be said to have a distribution
FEWEST_BLOCKS = 10  # of a reference that can be said to have an ordinary range
BINS = 24
OUTER = 0.005  # share of the values that may lie in each outer bin of a histogram


def detect(
    reference: npt.ArrayLike, current: npt.ArrayLike, names: Sequence[str], *, false_alarm_rate: float = 0.05
) -> Drift:
    """Has any column of `current` (m x k) another distribution, or other missing values, than in `reference` (n x k)?

    Rows are days in order of time, without gaps; the current ones follow the reference. Pass returns and ratios: a column
    that moves like a price is left out and named. Predictions are columns too (`prediction: BUY`); those of the reference
    must be out of sample, as a model is surer of days it was fitted on. Of the current rows the latest are looked at, few
    enough for the reference to hold 2 / `false_alarm_rate` such blocks (but 30 at least): else no threshold could keep the
    rate, and no replay could show it. Fewer than 30 rows, or than 300 of the reference: nothing is said. ValueError where
    shapes do not fit or the rate is not between 0 and 1.
    """
    if not 0 < false_alarm_rate < 1:
        raise ValueError(f"a false-alarm rate lies between 0 and 1, not at {false_alarm_rate}")
    before, given = table(reference, names), table(current, names)
    now = given[-max(FEWEST_DAYS, int(len(before) * false_alarm_rate / 2)) :]
    drift = Drift(
        n_reference=len(before),
        n_given=len(given),
        n_current=len(now),
        false_alarm_rate=false_alarm_rate,
        method=method_for(len(before)),
        judged=len(now) >= FEWEST_DAYS and len(before) >= FEWEST_BLOCKS * FEWEST_DAYS,
    )
    return _judged(drift, before, now, names) if drift.judged else drift


def _judged(drift: Drift, before: Floats, now: Floats, names: Sequence[str]) -> Drift:
    family = Family(drift.method, levels(before))
    seen = look(before, now, family, drift.false_alarm_rate)
    first = max(len(before) // 2, FEWEST_BLOCKS * FEWEST_DAYS)
    past = [
        PastLook(first_row=row, score=one.score, limit=one.calibration.limit)
        for row, one in replay(before, first, len(now), family, drift.false_alarm_rate)
    ]
    found = {
        "alarm": seen.alarm,
        "score": seen.score,
        "limit": seen.calibration.limit,
        "columns": _columns(seen, before, now, family, names),
        "maxima": seen.calibration.maxima.tolist(),
        "looks": past,
        "replayed_rate": _rate(past),
    }
    return drift.model_copy(update=found)


def _rate(past: Sequence[PastLook]) -> Rate | None:
    if not past:
        return None
    alarms, looks = sum(one.alarm for one in past), len(past)
    sure = binomtest(alarms, looks).proportion_ci(method="wilson")
    return Rate(value=alarms / looks, low=float(sure.low), high=float(sure.high), alarms=alarms, looks=looks)


def _columns(seen: Look, before: Floats, now: Floats, family: Family, names: Sequence[str]) -> list[Column]:
    k, limits, limit = len(names), seen.calibration.thresholds, seen.calibration.limit
    missing = np.isnan(before).mean(axis=0), np.isnan(now).mean(axis=0)
    found = []
    for i, name in enumerate(names):
        score = float(max(seen.scores[i], seen.scores[k + i]))
        one = Column(
            name=name,
            level=bool(family.levels[i]),
            distance=_known(seen.found[i]),
            threshold=_known(limits[i]),
            missing_reference=float(missing[0][i]),
            missing_current=float(missing[1][i]),
            missing_threshold=float(limits[k + i]),
            score=score,
            missing_score=float(seen.scores[k + i]),
            drifted=score > limit,
            histogram=_histogram(before[:, i], now[:, i]),
        )
        found.append(one)
    return sorted(found, key=lambda one: -one.score)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _histogram(before: Floats, now: Floats) -> Histogram | None:
    sides = [one[~np.isnan(one)] for one in (before, now)]
    if not all(map(len, sides)):
        return None
    low, high = np.quantile(np.concatenate(sides), [OUTER, 1 - OUTER])
    edges = np.histogram_bin_edges([low, high], BINS)
    shares = [np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / len(one) for one in sides]
    return Histogram(edges=edges.tolist(), reference=shares[0].tolist(), current=shares[1].tolist())
