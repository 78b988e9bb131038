"""Charts, drawn on the server as SVG that stands in the page: shapes and text only, coloured by the page's style sheet.

pygal lays them out; what it brings of styles, scripts, tooltips and addresses is taken out again.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pygal
from markupsafe import Markup
from pygal.style import Style

from cryptodudez_assets.declared_models.signal import Decision

Point = tuple[date, float]

FONT_SIZE = 13
UNWANTED = {"defs", "title", "desc"}
# Beside a point, so that the line stays visible: BUY from below, SELL from above.
SHAPES = {"BUY": "M{x:.1f} {below:.1f} l6 10 h-12 z", "SELL": "M{x:.1f} {above:.1f} l-6 -10 h12 z"}
DISTANCE = 5


@dataclass(frozen=True)
class Size:
    """How large a chart is drawn, and how many dates fit below it."""

    name: str
    width: int
    height: int
    dates: int


# The page shows one of them: text would be unreadable if one drawing were shrunk to a phone.
SIZES = (Size("wide", 960, 340, 7), Size("narrow", 360, 280, 3))
SMALL = Size("small", 400, 220, 4)
"""One that stands beside others, and is as wide as a phone."""


def price_chart(closes: Sequence[Point], turns: Sequence[tuple[date, float, Decision]], label: str) -> Markup:
    """Closes as a line, with a triangle at every turn: up for BUY, down for SELL."""
    marks = {decision: [(day, close) for day, close, said in turns if said == decision] for decision in SHAPES}

    def draw(size: Size) -> str:
        chart = _chart(size, [day for day, _ in closes], value_formatter=_round_dollars)
        chart.add("close", closes)
        for decision, points in marks.items():
            chart.add(decision, points, stroke=False, show_dots=True)
        return _svg(chart, "price", label, list(marks))

    return _both(draw(size) for size in SIZES)


def growth_chart(lines: Sequence[Sequence[Point]], label: str) -> Markup:
    """What one dollar became, on a logarithmic scale: the first line is the model's."""
    values = [value for line in lines for _, value in line]

    def draw(size: Size) -> str:
        chart = _chart(
            size,
            [day for day, _ in lines[0]],
            logarithmic=True,
            y_labels=log_ticks(min(values), max(values)),
            value_formatter=_round_dollars,
        )
        for line in lines:
            chart.add("", line)
        return _svg(chart, "growth", label)

    return _both(draw(size) for size in SIZES)


def trend_chart(lines: Sequence[Sequence[Point]], label: str) -> Markup:
    """How numbers went, from zero on: the first line solid, the second dashed. All have the same days, of which there are several."""
    ticks = round_ticks(max(value for line in lines for _, value in line))
    days = [day for day, _ in lines[0]]
    chart = _chart(SMALL, days, y_labels=ticks, range=(ticks[0], ticks[-1]), value_formatter=compact)
    for line in lines:
        chart.add("", line)
    return Markup(_svg(chart, "trend", label))  # pygal has escaped what is in it


def round_ticks(high: float) -> list[float]:
    """Round numbers from zero to the first one that is not below, at equal distances: four to six of them."""
    if high <= 0:
        return [0, 1]
    unit = 10.0 ** math.floor(math.log10(high / 4))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if high / (unit * factor) <= 5)
    return [float(f"{step * n:.6g}") for n in range(math.ceil(high / step * (1 - 1e-9)) + 1)]


def compact(value: float) -> str:
    """A number as short as it can be read: 1,500 as 1.5k, 6.8 million millions as 6.8T."""
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers within a range, three a decade where these are few; 1 is always one of them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high or tick == 1]
        if len(inside) <= 7:
            break
    return inside


def date_ticks(days: Sequence[date], count: int) -> list[date]:
    """At most so many first days of months, at equal distances, or the ends where there are no two of them."""
    months = sorted({day.replace(day=1) for day in days if day.replace(day=1) >= days[0]})
    for step in (1, 2, 3, 6, 12, 24, 48):
        ticks = [month for month in months if (12 * month.year + month.month - 1) % step == 0]
        if len(ticks) <= count:
            break
    return ticks if len(ticks) > 1 else [days[0], days[-1]]


def _chart(size: Size, days: Sequence[date], **options: Any) -> Any:
    years = (days[-1] - days[0]).days > 3 * 365
    return pygal.DateLine(
        width=size.width,
        height=size.height,
        style=Style(label_font_size=FONT_SIZE, major_label_font_size=FONT_SIZE, font_family="sans-serif"),
        css=[],
        js=[],
        no_prefix=True,
        disable_xml_declaration=True,
        show_legend=False,
        show_dots=False,
        margin=6,
        margin_right=30,  # half of a date stands out
        min_scale=4,
        max_scale=6,
        truncate_label=-1,
        x_labels=date_ticks(days, size.dates),
        x_value_formatter=lambda day: f"{day:%Y}" if years and day.month == 1 else f"{day:%b %Y}",
        **options,
    )


def _round_dollars(tick: float) -> str:
    return f"${tick:,.10g}"


def _svg(chart: Any, kind: str, label: str, marks: Sequence[str] = ()) -> str:
    def plain(root: Any) -> Any:
        _strip(root)
        for number, decision in enumerate(marks, start=1):
            for group in root.iter("g"):
                if f"serie-{number} " in group.get("class", ""):
                    _reshape(group, decision)
        for name in ("id", "xmlns"):
            root.attrib.pop(name, None)
        root.attrib.update({"class": f"chart {kind}", "role": "img", "aria-label": label, "font-size": str(FONT_SIZE)})
        return root

    chart.add_xml_filter(plain)
    return re.sub(r"(\.\d)\d+", r"\1", chart.render(is_unicode=True))


def _strip(node: Any) -> None:
    for child in list(node):
        if child.tag in UNWANTED or not isinstance(child.tag, str) or "tooltip-overlay" in child.get("class", ""):
            node.remove(child)
        else:
            _strip(child)


def _reshape(group: Any, decision: str) -> None:
    """Circles are all that pygal has for points."""
    for dot in list(group.iter("circle")):
        x, y = float(dot.attrib.pop("cx")), float(dot.attrib.pop("cy"))
        dot.attrib.pop("r")
        dot.tag = "path"
        dot.set("class", f"mark {decision.lower()}")
        dot.set("d", SHAPES[decision].format(x=x, above=y - DISTANCE, below=y + DISTANCE))


def _both(drawings: Iterable[str]) -> Markup:
    parts = (f'<div class="{size.name}">{svg}</div>' for size, svg in zip(SIZES, drawings, strict=True))
    return Markup("".join(parts))  # pygal has escaped what is in it
