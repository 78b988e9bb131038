"""Thresholds whose false-alarm rate is known: by blocks of the reference, each looked at as if it were today's sample.

Days are not independent, so that a test's own p-values are wrong. Blocks as long as today's sample depend on their past as it does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cryptodudez_assets.models.drift.distances import Floats, Ints, Method, deviations, distances, missing_distances

STEPS = 5  # blocks start so many times per length


@dataclass(frozen=True)
class Family:
    """What all looks of one detection share: the distance, and the columns of which only missing values are looked at."""

    method: Method
    levels: npt.NDArray[np.bool_]

    def measure(self, values: Floats, starts: Ints, length: int, scale: Floats) -> Floats:
        """Per stretch, the distances of all k columns and then the differences of their shares of missing values."""
        apart = distances(values, starts, length, self.method, scale)
        return np.hstack([np.where(self.levels, np.nan, apart), missing_distances(values, starts, length)])


@dataclass(frozen=True)
class Calibration:
    """What is ordinary in the reference.

    `mean` and `sd` of each distance (2 k, NaN where never measured) over its blocks; `maxima`: of each block, the largest
    distance in these terms; `limit`: what today's largest may be.
    """

    mean: Floats
    sd: Floats
    maxima: Floats
    limit: float

    def scores(self, found: Floats) -> Floats:
        """Distances in deviations from what is ordinary; 0 where one was not measured."""
        return np.nan_to_num((found - self.mean) / self.sd)

    @property
    def thresholds(self) -> Floats:
        """The limit in the terms of each distance."""
        return self.mean + self.limit * self.sd


@dataclass(frozen=True)
class Look:
    """A sample against a reference: its distances (2 k) and what they were compared with."""

    found: Floats
    calibration: Calibration

    @property
    def scores(self) -> Floats:
        """Of every distance."""
        return self.calibration.scores(self.found)

    @property
    def score(self) -> float:
        """The largest."""
        return float(self.scores.max(initial=0.0))

    @property
    def alarm(self) -> bool:
        """Is the largest beyond the limit?"""
        return self.score > self.calibration.limit


def look(reference: Floats, current: Floats, family: Family, false_alarm_rate: float) -> Look:
    """Today's distances, and thresholds of blocks as long as today's sample. Rows are days in order."""
    values, start = np.vstack([reference, current]), np.array([len(reference)])
    found = family.measure(values, start, len(current), deviations(reference))[0]
    return Look(found, calibrate(reference, len(current), family, false_alarm_rate))


def calibrate(reference: Floats, length: int, family: Family, false_alarm_rate: float) -> Calibration:
    """Slide blocks of this length over the reference and measure each against the rest.

    Each is judged by the blocks that share no row with it, as today's is judged by blocks it is not part of. The limit is
    the quantile of the blocks' maxima over all columns: the rate is that of a whole look, however many columns there are.
    """
    starts = np.arange(0, len(reference) - length + 1, max(1, length // STEPS))
    found = family.measure(reference, starts, length, deviations(reference))
    apart = np.abs(starts[:, None] - starts) >= length
    least = 1 / length  # a distance that never varies is counted in rows
    mean, sd = _moments(found, apart, least)
    maxima = np.nan_to_num((found - mean) / sd).max(axis=1, initial=0.0)
    mean, sd = _moments(found, np.ones((1, len(starts)), dtype=np.bool_), least)
    return Calibration(mean[0], sd[0], maxima, float(np.quantile(maxima, 1 - false_alarm_rate)))


def _moments(found: Floats, chosen: npt.NDArray[np.bool_], least: float) -> tuple[Floats, Floats]:
    """Mean and deviation over the chosen blocks (looks x blocks) of what was measured; NaN where nothing was."""
    known, weights = ~np.isnan(found), chosen.astype(np.float64)
    n = weights @ known
    n[n == 0] = np.nan
    mean = weights @ np.where(known, found, 0) / n
    square = weights @ np.where(known, found**2, 0) / n
    return mean, np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), least)


def replay(
    reference: Floats, first: int, length: int, family: Family, false_alarm_rate: float
) -> list[tuple[int, Look]]:
    """The reference from row `first`, block by block, each as if it were new: all before it is its reference.

    No block is calibrated on itself or on later days, and none shares a row with another. By the row they start at.
    """
    return [
        (start, look(reference[:start], reference[start : start + length], family, false_alarm_rate))
        for start in range(first, len(reference) - length + 1, length)
    ]
