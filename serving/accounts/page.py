"""From the metrics of accounts to the page: a pure function. Words, charts and tables are made here, their places are in the template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from markupsafe import Markup

from cryptodudez_assets.metrics import Metric
from serving.accounts.data import SPANS, Picture, Told
from serving.dashboard.charts import trend_chart
from serving.dashboard.frame import day_words
from serving.dashboard.frame import render as made
from serving.dashboard.plot import Point, compact

NAMES: Mapping[str, str] = {"deposit": "deposited", "withdrawal": "withdrawn"}
COUNTED, ANY = "completed", "all statuses"
STEPS: Mapping[str, str] = {"day": "1d", "week": "1w", "month": "1mo"}
BEYOND = 10
Number = int | Decimal


@dataclass(frozen=True)
class Line:
    """A line of a chart: what it is called, its number over the whole span, and its number in each stretch of time."""

    name: str
    whole: Number
    values: Sequence[Number]


@dataclass(frozen=True)
class Stretches:
    """The stretches of time of a span: the first day of each, and how many of them are over."""

    grain: str
    starts: Sequence[date]
    n_over: int

    @property
    def over(self) -> Sequence[date]:
        """Those that a chart shows: one that is not over would look like a fall."""
        return self.starts[: self.n_over]


@dataclass(frozen=True)
class Panel:
    """A chart with its numbers. `name`: of a currency, where the metric has a chart for each."""

    name: str
    lines: Sequence[Line]
    starts: Sequence[date]
    chart: Markup | None
    """None where there are not two stretches of time that are over."""
    cut: str
    """What is said where the chart does not reach to the highest values."""


@dataclass(frozen=True)
class Section:
    """A metric on the page."""

    metric: Metric
    panels: Sequence[Panel]
    left_out: int
    """How many currencies have no chart."""


def render(picture: Picture) -> str:
    """The whole page."""
    stretches = stretches_of(picture)
    return made(
        "accounts.html",
        picture=picture,
        spans=SPANS,
        grain=SPANS[picture.span].grain,
        sections=[_section(one, picture, stretches) for one in picture.told],
        brief=brief,
        exact=exact,
    )


def stretches_of(picture: Picture) -> Stretches:
    """All stretches of time of the span, whether anything happened in them or not."""
    grain = SPANS[picture.span].grain
    if picture.since is None or picture.until is None:
        return Stretches(grain, [], 0)
    starts = pl.date_range(
        picture.since.replace(day=1) if grain == "month" else picture.since, picture.until, STEPS[grain], eager=True
    ).to_list()
    is_over = pl.select(pl.lit(starts[-1]).dt.offset_by(STEPS[grain])).item() <= picture.until + timedelta(days=1)
    return Stretches(grain, starts, len(starts) - (not is_over))


def brief(value: Number) -> str:
    """A number at a glance: counts in full, amounts as short as they can be read."""
    return f"{value:,}" if isinstance(value, int) else compact(float(value))


def exact(value: Number) -> str:
    """A number in a table: amounts with up to eight digits behind the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.8f}".rstrip("0").rstrip(".")


def _section(told: Told, picture: Picture, stretches: Stretches) -> Section:
    metric = told.metric
    if "currency" not in metric.always_by:
        return Section(metric, [_panel("", told, stretches)], 0)
    panels = [_panel(name, _only(told, "currency", name), stretches) for name in picture.currencies]
    return Section(metric, panels, told.whole["currency"].n_unique() - len(panels))


def _only(told: Told, column: str, value: str) -> Told:
    is_it = pl.col(column) == value
    return Told(told.metric, told.rows.filter(is_it), told.whole.filter(is_it))


def _panel(name: str, told: Told, stretches: Stretches) -> Panel:
    metric = told.metric
    if "kind" in told.rows.columns:
        lines = [_line(said, _only(told, "kind", kind), metric.name, stretches) for kind, said in NAMES.items()]
    else:
        called = (COUNTED, ANY) if metric.all_statuses else (metric.unit,)
        lines = [_line(said, told, column, stretches) for said, column in zip(called, metric.measures, strict=True)]
    if len(days := stretches.over) < 2:
        return Panel(name, lines, stretches.starts, None, "")
    points = [_points(line, days) for line in lines]
    words = _words(f"{metric.title} {name}".strip(), points, lines, stretches)
    drawn, n_cut = cut_off(points)
    cut = f"{n_cut} higher value{'s' * (n_cut > 1)} cut off: see the table" if n_cut else ""
    return Panel(name, lines, stretches.starts, trend_chart(drawn, [line.name for line in lines], words), cut)


def cut_off(lines: Sequence[Sequence[Point]]) -> tuple[list[list[Point]], int]:
    """Lines without what would press all else to the ground, and how many values that is: those beyond ten times what nine in ten stay
    below are drawn as twice the highest of the others."""
    values = sorted(value for line in lines for _, value in line if value > 0)
    usual = values[int(0.9 * (len(values) - 1))] if values else 0.0
    high = [value for value in values if value > BEYOND * usual]
    top = 2 * max((value for value in values if value <= BEYOND * usual), default=0.0)
    return [[(day, min(value, top) if high else value) for day, value in line] for line in lines], len(high)


def _line(said: str, told: Told, column: str, stretches: Stretches) -> Line:
    """Stretches of time in which nothing happened are zero."""
    zero = Decimal(0) if told.rows.schema[column].is_decimal() else 0
    known: dict[date, Any] = dict(told.rows.select(stretches.grain, column).iter_rows())
    whole = told.whole[column].item() if len(told.whole) else zero
    return Line(said, whole, [known.get(start, zero) for start in stretches.starts])


def _points(line: Line, days: Sequence[date]) -> list[Point]:
    return [(day, float(value)) for day, value in zip(days, line.values, strict=False)]


def _words(title: str, points: Sequence[Sequence[Point]], lines: Sequence[Line], stretches: Stretches) -> str:
    """What a chart shows, for those who cannot see it."""
    told = [
        f"{line.name} {compact(drawn[0][1])} at first, {compact(drawn[-1][1])} at last, at most "
        f"{compact(max(value for _, value in drawn))}"
        for line, drawn in zip(lines, points, strict=True)
    ]
    first, last = day_words(stretches.over[0]), day_words(stretches.over[-1])
    return f"{title} by {stretches.grain} from {first} to {last}: {'; '.join(told)}."
