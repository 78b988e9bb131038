"""Event study: what an asset did around an event beyond what its market explains, and how unusual that was.

Pure numbers on a calendar of days without gaps: NaN where a day has no return. Windows count days from the event day.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
Window = tuple[int, int]

ESTIMATION_DAYS = 180
# The days just before are left out of the estimation, lest an event that was foreseen tilts the yardstick it is held against.
GAP_DAYS = 10
AT_LEAST = 60


@dataclass(frozen=True)
class Returns:
    """Daily log returns of an asset and of the control, aligned."""

    days: Days
    asset: Floats
    control: Floats

    def __post_init__(self) -> None:
        if any(later - day != np.timedelta64(1, "D") for day, later in pairwise(self.days)):
            raise ValueError("an event study needs every calendar day; put NaN where there is no return")

    def position(self, day: np.datetime64) -> int:
        """Where a day lies on the calendar (also of days outside)."""
        return int((day - self.days[0]).astype(int))


@dataclass(frozen=True)
class MarketModel:
    """Return of the asset = alpha + beta x return of the control + residual with deviation `sd` (n - 2)."""

    alpha: float
    beta: float
    sd: float
    n: int

    def abnormal(self, returns: Returns) -> Floats:
        """What the control does not explain."""
        return returns.asset - self.alpha - self.beta * returns.control


def fit(asset: Floats, control: Floats) -> MarketModel | None:
    """Least squares over days with both returns; None if they are too few, or the control does not move."""
    both = np.isfinite(asset) & np.isfinite(control)
    y, x = asset[both], control[both]
    if len(x) < AT_LEAST or not x.std() > 0:
        return None
    beta = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    alpha = float(y.mean() - beta * x.mean())
    residual = y - alpha - beta * x
    return MarketModel(alpha, beta, float(np.sqrt((residual**2).sum() / (len(x) - 2))), len(x))


def estimate(returns: Returns, event: int) -> MarketModel | None:
    """The model of the days before an event, at position `event`."""
    before = slice(max(event - GAP_DAYS - ESTIMATION_DAYS, 0), max(event - GAP_DAYS, 0))
    return fit(returns.asset[before], returns.control[before])


@dataclass(frozen=True)
class Cumulative:
    """Cumulative abnormal return over a window, beside those of all placebo windows of the same length."""

    window: Window
    value: float
    z: float
    placebos: Floats
    starts: Days

    @property
    def n(self) -> int:
        """How many placebo windows there are."""
        return len(self.placebos)

    @property
    def p(self) -> float | None:
        """Share of windows, this one included, whose value is as far from zero. It cannot be below 1 / (n + 1)."""
        return (1 + int((np.abs(self.placebos) >= abs(self.value)).sum())) / (1 + self.n) if self.n else None

    @property
    def rank(self) -> int:
        """1 if no placebo window is as far from zero."""
        return 1 + int((np.abs(self.placebos) >= abs(self.value)).sum())


def window_sums(values: Floats, length: int) -> Floats:
    """Sum of each run of so many days, by its first; NaN where a day has none."""
    if len(values) < length:
        return np.empty(0)
    sums: Floats = np.lib.stride_tricks.sliding_window_view(values, length).sum(axis=1)
    return sums


def cumulative(
    abnormal: Floats, model: MarketModel, days: Days, events: list[int], window: Window, guard: Window, year: int
) -> Cumulative | None:
    """The window around the first of `events` against all windows of the year that touch the guarded days of none of them."""
    first, last = window
    length, at = last - first + 1, events[0] + first
    sums = window_sums(abnormal, length)
    if not 0 <= at < len(sums) or not np.isfinite(sums[at]):
        return None
    starts = np.arange(len(sums))
    years = days.astype("datetime64[Y]").astype(int) + 1970
    free = np.isfinite(sums) & (years[: len(sums)] == year) & (years[length - 1 :] == year)
    for event in events:
        free &= (starts + length - 1 < event + min(guard[0], first)) | (starts > event + max(guard[1], last))
    value = float(sums[at])
    return Cumulative(window, value, value / (model.sd * length**0.5), sums[free], days[: len(sums)][free])


@dataclass(frozen=True)
class LeadLag:
    """Correlation of a day's frequency with the return `lead` days later (before, if negative)."""

    lead: int
    correlation: float
    n: int
    p: float


def lead_lag(frequency: Floats, returns: Floats, days: slice, lead: int) -> LeadLag | None:
    """The correlation over `days`; returns may lie outside of them. None where a side does not vary.

    Its p-value asks of every shift of the frequencies around the calendar how often one correlates as strongly: that keeps
    both the bunching of tweets and that of volatility.
    """
    at = np.arange(*days.indices(len(frequency)))
    inside = (at + lead >= 0) & (at + lead < len(returns))
    x, y = frequency[at[inside]], returns[at[inside] + lead]
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or not (x.std() > 0 and y.std() > 0):
        return None
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    # All circular shifts at once: a correlation theorem of the Fourier transform.
    shifted = np.fft.irfft(np.conj(np.fft.rfft(x)) * np.fft.rfft(y), len(x)) / len(x)
    as_strong = np.abs(shifted) >= abs(shifted[0]) - 1e-12
    return LeadLag(lead, float((x * y).mean()), len(x), float(as_strong.mean()))
