"""The plots of the study of mood as SVG, in the style of all reports."""

import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.figures import BLUE, GREEN, INK, ORANGE
from cryptodudez_assets.studies.mood.coins import MAIN
from cryptodudez_assets.studies.mood.study import FEWEST_FOR_INTERVAL, LEADS, MoodFound

COLOURS = (BLUE, ORANGE, GREEN)
MARKERS = ("o", "s", "^")
PANEL = 2.1  # inches


def draw(found: MoodFound) -> dict[str, str]:
    """All plots for which there are numbers, by name."""
    sources = sorted({one.source for one in found.correlations if one.symbol == MAIN})
    if not sources:
        return {}
    pairs = {source: found.next_day.filter(source=source) for source in sources}
    shown = [source for source in sources if len(pairs[source])]
    plots = {"leads": figures.draw("mood leads", 3.2, lambda figure: _leads(figure, found, sources))}
    if shown:
        height = 0.6 + PANEL * len(shown)
        plots["scatter"] = figures.draw("mood scatter", height, lambda figure: _scatter(figure, pairs, shown))
    return plots


def _leads(figure: Figure, found: MoodFound, sources: list[str]) -> None:
    axes = figure.subplots()
    axes.axhline(0, color=INK, linewidth=0.8)
    for number, source in enumerate(sources):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        shift = 0.18 * (number - (len(sources) - 1) / 2)
        of_source = [one for one in found.correlations if (one.source, one.symbol) == (source, MAIN)]
        n = sorted({one.n for one in of_source})
        few = n[0] < FEWEST_FOR_INTERVAL
        label = (
            f"{source} (n = {n[0]:,}" + (f" to {n[-1]:,})" if len(n) > 1 else ")") + ", too few for an interval" * few
        )
        axes.plot(
            [one.lead + shift for one in of_source],
            [one.correlation for one in of_source],
            color=colour,
            marker=marker,
            linestyle="none",
            fillstyle="none" if few else "full",
            label=label,
        )
        for one in of_source:
            if one.interval:
                axes.plot([one.lead + shift] * 2, one.interval, color=colour, linewidth=1.2)
    axes.set_xticks(list(LEADS), [f"{lead:+d}".replace("-", "−") if lead else "0" for lead in LEADS])
    axes.set(
        ylim=(-1.05, 1.05),
        ylabel=f"correlation of mood\nwith the return of {MAIN}",
        xlabel="the return is so many days after the posts",
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0.2, fontsize=8)


def _scatter(figure: Figure, pairs: dict[str, pl.DataFrame], sources: list[str]) -> None:
    panels = figure.subplots(len(sources), 1, squeeze=False)[:, 0]
    for number, (axes, source) in enumerate(zip(panels, sources, strict=True)):
        rows = pairs[source]
        many = len(rows) > 200
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.scatter(
            rows["mood"].to_numpy(),
            rows["next"].to_numpy(),
            s=5 if many else 26,
            alpha=0.4 if many else 1,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            linewidths=0,
        )
        axes.set_title(f"{source} (n = {len(rows):,} days)", fontsize=9, loc="left")
        axes.set_ylabel(f"{MAIN}, next day")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[-1].set_xlabel("mood of the day (−1 to 1)")
