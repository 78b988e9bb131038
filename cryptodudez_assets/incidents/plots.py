"""The picture: a line for each book, on which every stretch is seen at which nobody looked."""

from datetime import datetime

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cryptodudez_assets.incidents.found import GAP, Incidents
from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.figures import BLUE, INK, ORANGE

LINE, REST = 0.34, 1.0
"""Inches for each book, and for what is around."""
LEAST = 1 / 300
"""Of the width: what is shorter would not be seen."""


def draw(found: Incidents) -> dict[str, str]:
    """The timeline, if there are books."""
    height = REST + LINE * len(found.books)
    return (
        {"timeline": figures.draw("timeline", height, lambda figure: _timeline(figure, found))}
        if len(found.books)
        else {}
    )


def _timeline(figure: Figure, found: Incidents) -> None:
    axes = figure.subplots()
    names = found.books["book"].to_list()
    since, until = _day(found.since), _day(found.until)
    for line, (first, last) in enumerate(found.books.select("first", "last").iter_rows()):
        axes.broken_barh([(_day(first), _day(last) - _day(first))], (line - 0.14, 0.28), facecolors=BLUE)
    for book, state, start, end in found.stretches.select("book", "state", "start", "end").iter_rows():
        width = max(_day(end) - _day(start), LEAST * (until - since))
        colour = ORANGE if state == GAP else INK
        axes.broken_barh([(_day(start), width)], (names.index(book) - 0.32, 0.64), facecolors=colour)
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))
    axes.grid(visible=False)
    ticks = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(ticks)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(ticks))  # type: ignore[no-untyped-call]
    shown = [
        Patch(color=colour, label=label) for colour, label in ((BLUE, "looked at"), (ORANGE, "gap"), (INK, "missing"))
    ]
    axes.legend(handles=shown, loc="upper center", bbox_to_anchor=(0.5, -0.18 if len(names) > 3 else -0.35), ncols=3)


def _day(time: datetime | None) -> float:
    return float(date2num(time)) if time else 0.0  # type: ignore[no-untyped-call]
