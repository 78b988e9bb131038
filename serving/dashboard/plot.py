"""What all charts are drawn with: two scales, ticks, shapes. Everything is SVG that stands in the page, coloured by its style sheet.

No words about what is drawn belong here, nor where it comes from. A chart answers to a pointer and to arrow keys by `board.js`, which
reads the points that `svg` writes beside the shapes: places in the drawing, and the words of each. Without scripts it is a picture.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

Point = tuple[date, float]
Words = Callable[[float], str]

FONT_SIZE = 13
RIGHT, TOP, BELOW = 8, 8, 24
LETTER = 7.6
"""How wide a digit is, at that size."""


@dataclass(frozen=True)
class Size:
    """How large a chart is drawn, and how many dates fit below it."""

    name: str
    width: int
    height: int
    dates: int


# A page shows one of them: text would be unreadable if one drawing were shrunk to a phone.
SIZES = (Size("wide", 960, 340, 7), Size("narrow", 360, 280, 3))
SMALL = Size("small", 400, 220, 4)
"""One that stands beside others, and is as wide as a phone."""


@dataclass(frozen=True)
class Told:
    """A point that a chart can be asked about: where it is drawn, and what is said of it."""

    x: float
    y: float
    words: str


class Plot:
    """A field between axes: days from left to right, values from below to above.

    `days`: the first and the last. `ticks`: values that are written beside it, of which the outermost may lie beyond `low` and `high`.
    """

    def __init__(
        self,
        size: Size,
        days: tuple[date, date],
        span: tuple[float, float],
        ticks: Sequence[float],
        words: Words,
        logarithmic: bool = False,
        floor: float = 0.0,
    ) -> None:
        self.size, self._ticks, self._words = size, ticks, words
        self._scale: Callable[[float], float] = math.log if logarithmic else float
        self._low, self._high = self._scale(span[0]), self._scale(span[1])
        self._first, self._n = days[0], max((days[1] - days[0]).days, 1)
        self._days = days
        self.left = 10 + LETTER * max((len(words(tick)) for tick in ticks), default=0)
        self.right, self.top, self.bottom = size.width - RIGHT, TOP, size.height - BELOW - floor
        self.day_width = (self.right - self.left) / self._n

    def x(self, day: date) -> float:
        """Where a day is."""
        return self.left + (day - self._first).days * self.day_width

    def y(self, value: float) -> float:
        """Where a value is."""
        return self.bottom - (self._scale(value) - self._low) / ((self._high - self._low) or 1) * (
            self.bottom - self.top
        )

    def axes(self) -> Markup:
        """Lines and numbers at the ticks, dates below."""
        lines = "".join(f"M{self.left:.1f} {self.y(tick):.1f}H{self.right}" for tick in self._ticks)
        numbers = (
            Markup('<text class="y" x="{:.1f}" y="{:.1f}">{}</text>').format(
                self.left - 6, self.y(tick) + 4, self._words(tick)
            )
            for tick in self._ticks
        )
        return Markup('<path class="guide" d="{}"/>').format(lines) + Markup("").join(numbers) + self._dates()

    def line(self, points: Iterable[Point], kind: str) -> Markup:
        """A line through these points."""
        steps = " ".join(f"{self.x(day):.1f} {self.y(value):.1f}" for day, value in points)
        return Markup('<path class="line {}" d="M{}"/>').format(kind, steps)

    def told(self, points: Iterable[tuple[date, float, str]]) -> list[Told]:
        """Points with their words, where they are drawn."""
        return [Told(self.x(day), self.y(value), words) for day, value, words in points]

    def _dates(self) -> Markup:
        first, last = self._days
        years = (last - first).days > 3 * 365
        found = Markup("")
        for day in date_ticks(first, last, self.size.dates):
            words = f"{day:%Y}" if years and day.month == 1 else f"{day:%-d %b}" if self._n < 60 else f"{day:%b %Y}"
            half = LETTER * len(words) / 2
            x = min(max(self.x(day), half), self.size.width - half)
            found += Markup('<text class="x" x="{:.1f}" y="{}">{}</text>').format(x, self.size.height - 6, words)
        return found


def svg(size: Size, kind: str, label: str, shapes: Iterable[Markup], told: Sequence[Told] = ()) -> Markup:
    """The drawing. `label`: what it shows, for those who cannot see it. `told`: what it can be asked about."""
    points = json.dumps([[round(one.x, 1), round(one.y, 1), one.words] for one in told], separators=(",", ":"))
    return Markup(
        '<svg class="chart {}" viewBox="0 0 {} {}" font-size="{}" role="img" aria-label="{}"{}>{}</svg>'
    ).format(
        kind,
        size.width,
        size.height,
        FONT_SIZE,
        label,
        Markup(' data-points="{}"').format(points) if told else "",
        Markup("").join(shapes),
    )


def both(draw: Callable[[Size], Markup]) -> Markup:
    """The same chart for a desk and for a phone."""
    return Markup("").join(Markup('<div class="{}">{}</div>').format(size.name, draw(size)) for size in SIZES)


def round_ticks(high: float, low: float = 0.0) -> list[float]:
    """Round numbers at equal distances, from the last one that is not above `low` to the first that is not below `high`."""
    if high <= low:
        return [low, low + 1]
    unit = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if (high - low) / (unit * factor) <= 5)
    first, last = math.floor(low / step * (1 + 1e-9)), math.ceil(high / step * (1 - 1e-9))
    return [float(f"{step * n:.6g}") for n in range(first, last + 1)]


def log_ticks(low: float, high: float, always: float | None = 1) -> list[float]:
    """Round numbers within a range, three a decade where these are few; `always` is one of them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high or tick == always]
        if len(inside) <= 7:
            break
    return inside


def date_ticks(first: date, last: date, count: int) -> list[date]:
    """At most so many first days of months, at equal distances, or the ends where there are no two of them."""
    months = [
        date(month // 12, month % 12 + 1, 1)
        for month in range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    ]
    inside = [month for month in months if month >= first]
    for step in (1, 2, 3, 6, 12, 24, 48):
        ticks = [month for month in inside if (12 * month.year + month.month - 1) % step == 0]
        if len(ticks) <= count:
            break
    return ticks if len(ticks) > 1 else [first, last]


def compact(value: float) -> str:
    """A number as short as it can be read: 1,500 as 1.5k, 6.8 million millions as 6.8T."""
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def round_dollars(tick: float) -> str:
    """A tick of an axis."""
    return f"${tick:,.10g}"
