"""Drift as one HTML page: what is unlike the training, how it looks, and how often such alarms are false. All from `Drift`."""

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from cryptodudez_assets.models.drift.found import Column, Drift
from cryptodudez_assets.models.drift.words import percent, replayed, unmonitored, verdict, words
from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.figures import BLUE, INK, ORANGE, draw
from cryptodudez_assets.reports.sections import Check, Plot, Section, Table

SHOWN = 4  # distributions, the worst
LISTED = 12  # columns, before the rest is folded away
SHORT = 30  # letters of a name over a plot


def page(drift: Drift, title: str = "Drift", sent_to: str = "") -> str:
    """The whole page. `sent_to` is the endpoint of rows that were sent; without it they are days."""
    latest = f"rows sent to {sent_to}" if sent_to else "days"
    lead = (
        f"Are the latest {latest} like the days that the model was trained on? Each feature and prediction is compared with the "
        "reference, and the reference's own blocks say how much difference is ordinary."
    )
    return shared.page(title, lead, sections(drift, sent_to), _plots(drift))


def sections(drift: Drift, sent_to: str = "") -> list[Section]:
    """What it says."""
    if not drift.judged:
        return [Section("In short", [words(drift, sent_to)])]
    all_of_them = f"All {len(drift.columns)} columns"
    return [
        Section(
            "In short",
            list(unmonitored(drift)),
            (Check("like the reference", not drift.alarm, verdict(drift, sent_to)),),
        ),
        Section("Columns", [_how(drift)], tables=(_table(drift.columns[:LISTED], "The most unusual first"),)),
        Section(
            "The most unusual columns",
            ["Shares by value; what lies beyond the picture is in the outermost bars."],
            plots=(Plot("distributions", "Histograms of the reference and of what is latest, one pair per column."),),
        ),
        Section("How large is ordinary?", [_ordinary(drift)], plots=(Plot("maxima", _ordinary(drift)),)),
        Section(
            "How often is such an alarm false?",
            list(replayed(drift)),
            plots=(
                Plot("looks", "Score of each replayed block in order of time with its limit, and today's at the end."),
            )
            if drift.looks
            else (),
        ),
        Section(all_of_them, [], tables=(_table(drift.columns, all_of_them),), folded=True),
    ]


def _how(drift: Drift) -> str:
    unit = {
        "Kolmogorov-Smirnov": "the largest difference of the two distribution functions (Kolmogorov-Smirnov), 0 to 1",
        "Wasserstein": "how far values had to be moved on average to make the distributions equal (Wasserstein), in the reference's "
        "standard deviations (sd)",
    }
    return (
        f"Distance: {unit[drift.method]}. Score: the distance, or the difference of the shares of missing values if that is more "
        f"unusual, in deviations from what is ordinary between blocks of {drift.n_current} days. A column has drifted beyond "
        f"{drift.limit:.1f}. Missing: the share of rows without a value, in the reference and now."
    )


def _ordinary(drift: Drift) -> str:
    return (
        f"The largest score of each of {len(drift.maxima)} overlapping blocks of the reference; {percent(drift.false_alarm_rate)} of them "
        f"lie beyond the limit of {drift.limit:.1f}. Today's largest is {drift.score:.1f}."
    )


def _table(columns: list[Column], caption: str) -> Table:
    head = ["column", "found", "score", "distance", "threshold", "missing"]
    return Table(caption, head, [list(_cells(one)) for one in columns])


def _cells(column: Column) -> Iterator[str]:
    yield column.name
    yield (
        "drifted"
        if column.drifted
        else "a level"
        if column.level
        else "too few"
        if column.distance is None
        else "ordinary"
    )
    yield f"{column.score:.1f}".replace("-", "−")
    yield from ("" if one is None else f"{one:.2f}" for one in (column.distance, column.threshold))
    yield f"{percent(column.missing_reference)} → {percent(column.missing_current)}"


def _plots(drift: Drift) -> dict[str, str]:
    if not drift.judged:
        return {}
    shown = [one for one in drift.columns if one.histogram and not one.level][:SHOWN]
    plots: dict[str, tuple[float, Callable[[Figure], None]]] = {"maxima": (2.4, lambda figure: _maxima(figure, drift))}
    if shown:
        plots["distributions"] = (0.4 + 1.7 * ((len(shown) + 1) // 2), lambda figure: _distributions(figure, shown))
    if drift.looks:
        plots["looks"] = (2.6, lambda figure: _looks(figure, drift))
    return {name: draw(name, height, drawn) for name, (height, drawn) in plots.items()}


def _distributions(figure: Figure, shown: list[Column]) -> None:
    all_axes = figure.subplots((len(shown) + 1) // 2, 2, squeeze=False).ravel()
    for axes, one in zip(all_axes, shown, strict=False):
        _distribution(axes, one)
    for axes in all_axes[len(shown) :]:
        axes.set_axis_off()
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)


def _distribution(axes: Axes, one: Column) -> None:
    if one.histogram is None:
        return
    axes.stairs(one.histogram.reference, one.histogram.edges, fill=True, color=BLUE, alpha=0.45, label="reference")
    axes.stairs(one.histogram.current, one.histogram.edges, color=ORANGE, linewidth=1.4, label="latest")
    axes.set_title(one.name if len(one.name) <= SHORT else one.name[: SHORT - 1] + "…", fontsize=9, loc="left")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))


def _maxima(figure: Figure, drift: Drift) -> None:
    axes = figure.subplots()
    if drift.limit is None or drift.score is None:
        return
    axes.hist(drift.maxima, bins=24, color=BLUE, alpha=0.7, label="blocks of the reference")
    axes.axvline(drift.limit, color=INK, linestyle="--", linewidth=1, label="limit")
    axes.axvline(drift.score, color=ORANGE, linewidth=2, label="today")
    axes.set(xlabel="largest score of a look (deviations)", ylabel="blocks")
    figure.legend(loc="outside upper left", ncols=3)


def _looks(figure: Figure, drift: Drift) -> None:
    axes = figure.subplots()
    rows = np.array([*(one.first_row for one in drift.looks), drift.n_reference])
    scores = np.array([*(one.score for one in drift.looks), drift.score])
    limits = np.array([*(one.limit for one in drift.looks), drift.limit])
    alarms = scores > limits
    axes.vlines(rows, 0, scores, color=BLUE, linewidth=1)
    for chosen, marker, colour, label in ((~alarms, "o", BLUE, "quiet"), (alarms, "D", ORANGE, "alarm")):
        if chosen.any():
            axes.plot(rows[chosen], scores[chosen], marker, color=colour, markersize=5, label=label)
    axes.step(rows, limits, where="mid", color=INK, linestyle="--", linewidth=1, label="limit")
    axes.text(rows[-1], 1, "today", ha="center", va="top", transform=axes.get_xaxis_transform())
    axes.set(
        xlabel="day of the reference that the look begins with",
        ylabel="largest score",
        ylim=(0, 1.18 * max(scores.max(), limits.max())),
    )
    figure.legend(loc="outside upper left", ncols=3)
