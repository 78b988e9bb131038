"""The study's plots as SVG, in the style of all reports."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter, MonthLocator
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.figures import BLUE, FAINT, INK, ORANGE
from cryptodudez_assets.studies.dogecoin import ASSET, CONTROL, EVENT_WINDOW, TERM, Event, Study
from cryptodudez_assets.studies.result import named

FEW = 3
SURE = 1.96  # deviations that hold 95 % of a normal distribution


def draw(study: Study) -> dict[str, str]:
    """All plots for which there are numbers, by name."""
    event = study.event
    if event is None:
        return {}
    plots: dict[str, tuple[float, Callable[[Figure], None]]] = {
        "price": (2.6, lambda figure: _price(figure, study)),
        "event": (5.0, lambda figure: _event(figure, event)),
        "placebos": (2.6, lambda figure: _placebos(figure, event)),
    }
    if study.raw or study.abnormal:
        plots["leads"] = (3.0, lambda figure: _leads(figure, study))
    return {name: figures.draw(name, height, drawn) for name, (height, drawn) in plots.items()}


def _price(figure: Figure, study: Study) -> None:
    axes = figure.subplots()
    days, closes = (study.prices[name].to_numpy() for name in ("event_ts", "close"))
    axes.plot(days, closes, color=BLUE, linewidth=1.3)
    axes.set(ylabel=f"close of {ASSET} (USD)", ylim=(0, None))
    marked = study.tweets.join(study.prices, on="event_ts")
    axes.scatter(marked["event_ts"].to_numpy(), marked["close"].to_numpy(), color=ORANGE, zorder=3, s=36)
    # More notes than a few would lie upon each other: then only the first of the event that is shown has one.
    told = marked if len(marked) <= FEW or study.event is None else _days_of(study.event, marked)
    for day, n, close in told.select("event_ts", "n_tweets", "close").iter_rows():
        note = f"{n} tweet{'' if n == 1 else 's'}, {day.day} {day:%b}"
        where: Any = (np.datetime64(day.replace(tzinfo=None)), close)
        axes.annotate(note, where, xytext=(-8, 6), textcoords="offset points", ha="right", color=ORANGE)
    _month_ticks(axes)


def _days_of(event: Event, marked: pl.DataFrame) -> pl.DataFrame:
    return marked.filter(pl.col("event_ts").dt.date() == event.day.item())


def _month_ticks(axes: Axes) -> None:
    months = MonthLocator(bymonth=range(1, 13, 2))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(months)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(months, show_offset=False))  # type: ignore[no-untyped-call]


def _event(figure: Figure, event: Event) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    offsets = np.array(sorted(event.single))
    values = np.array([event.single[k].value for k in offsets])
    inside = (offsets >= EVENT_WINDOW[0]) & (offsets <= EVENT_WINDOW[1])
    above.axhspan(
        -SURE * event.model.sd,
        SURE * event.model.sd,
        color=FAINT,
        alpha=0.45,
        linewidth=0,
        label="95 % of ordinary days",
    )
    above.bar(offsets[~inside], values[~inside], color=BLUE, label="other days")
    above.bar(offsets[inside], values[inside], color=ORANGE, label=f"days {named(EVENT_WINDOW)}")
    above.set(ylabel="abnormal return of the day")
    _legend(above)
    summed, steps = values.cumsum(), np.arange(1, len(values) + 1)
    wide = SURE * event.model.sd * np.sqrt(steps)
    below.fill_between(offsets, -wide, wide, color=FAINT, alpha=0.45, linewidth=0, label="95 % if nothing happened")
    below.plot(offsets, summed, color=BLUE, marker="o", markersize=3.5)
    below.plot(offsets[inside], summed[inside], color=ORANGE, marker="o", markersize=5, linewidth=2)
    below.set(ylabel=f"summed from day {_signed(offsets[0])}", xlabel=f"days from {event.day}")
    _legend(below)
    for axes in (above, below):
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    below.set_xticks(offsets[offsets % 2 == 0])


def _placebos(figure: Figure, event: Event) -> None:
    axes = figure.subplots()
    main = event.windows[EVENT_WINDOW]
    axes.hist(main.placebos, bins="auto", color=BLUE, edgecolor=BLUE, alpha=0.8)
    axes.axvline(main.value, color=ORANGE, linewidth=2.5)
    left = main.value > np.median(main.placebos) if main.n else True
    axes.annotate(
        f"the event: {100 * main.value:+.1f} %",
        (main.value, 0.93),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if left else 6, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        color=ORANGE,
    )
    length = main.window[1] - main.window[0] + 1
    axes.set(xlabel=f"abnormal return summed over {length} days", ylabel=f"other windows (n = {main.n})")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _leads(figure: Figure, study: Study) -> None:
    axes = figure.subplots()
    for series, shift, colour, hatch, label in (
        (study.raw, -0.2, BLUE, "", f"return of {ASSET}"),
        (study.abnormal, 0.2, ORANGE, "//", f"abnormal return ({CONTROL} taken out)"),
    ):
        axes.bar(
            [one.lead + shift for one in series],
            [one.correlation for one in series],
            0.38,
            color=colour if not hatch else "none",
            edgecolor=colour,
            hatch=hatch,
            label=label,
        )
    axes.axhline(0, color=INK, linewidth=0.8)
    every = (*study.raw, *study.abnormal)
    leads, counts = sorted({one.lead for one in every}), {one.n for one in every}
    axes.set_xticks(leads, [_signed(lead) for lead in leads])
    n = f"n = {max(counts)}" if len(counts) == 1 else f"n = {min(counts)} to {max(counts)}"
    axes.set(
        ylabel=f"correlation with\nthe share of “{TERM}”", xlabel=f"the return is so many days after the tweets ({n})"
    )
    _legend(axes)


def _signed(days: int) -> str:
    return f"{days:+d}".replace("-", "−") if days else "0"


def _legend(axes: Axes) -> None:
    """Above the plot, where it hides nothing whatever the data."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, fontsize=8, columnspacing=1.2)
