"""Lines over days: what one dollar became, and how numbers went. Candles are in `candles`."""

from collections.abc import Sequence

from markupsafe import Markup

from serving.dashboard.plot import (
    SMALL,
    Plot,
    Point,
    Size,
    Words,
    both,
    compact,
    log_ticks,
    round_dollars,
    round_ticks,
    svg,
)


def growth_chart(lines: Sequence[Sequence[Point]], names: Sequence[str], label: str) -> Markup:
    """What one dollar became, on a logarithmic scale: the first line is the model's. All have the same days."""
    values = [value for line in lines for _, value in line]
    low, high = min(values), max(values)

    def draw(size: Size) -> Markup:
        days = lines[0][0][0], lines[0][-1][0]
        plot = Plot(size, days, (min(low, 1), max(high, 1)), log_ticks(low, high), round_dollars, logarithmic=True)
        return _lines(plot, "growth", label, lines, names, lambda value: f"${value:,.2f}")

    return both(draw)


def trend_chart(lines: Sequence[Sequence[Point]], names: Sequence[str], label: str) -> Markup:
    """How numbers went, from zero on: the first line solid, the second dashed. All have the same days, of which there are several."""
    ticks = round_ticks(max(value for line in lines for _, value in line))
    plot = Plot(SMALL, (lines[0][0][0], lines[0][-1][0]), (ticks[0], ticks[-1]), ticks, compact)
    return _lines(plot, "trend", label, lines, names, compact)


def _lines(
    plot: Plot, kind: str, label: str, lines: Sequence[Sequence[Point]], names: Sequence[str], words: Words
) -> Markup:
    drawn = [plot.line(line, f"serie-{n}") for n, line in enumerate(lines)]
    told = [
        (
            day,
            value,
            f"{day:%-d %b %Y}: "
            + ", ".join(f"{name} {words(line[n][1])}" for name, line in zip(names, lines, strict=True)),
        )
        for n, (day, value) in enumerate(lines[0])
    ]
    return svg(plot.size, kind, label, [plot.axes(), *drawn], plot.told(told))
