"""The report's plots as SVG, in the style of all reports."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets.models.evaluation.timing import POWER
from cryptodudez_assets.models.findings import Findings
from cryptodudez_assets.models.signal.report.formats import SPACE, number, spoken
from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.figures import BLUE, GREEN, INK, ORANGE, PAPER

MOMENTUM = "momentum"
LABELS_APART = 0.075  # share of the height of the axes


def draw(findings: Findings, predictions: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """All plots by name. Momentum's curve is drawn if its rows (`event_ts`, `net_return`) are among the predictions."""
    chosen = predictions[findings.chosen]
    plots: dict[str, tuple[float, Callable[[Figure], None]]] = {
        "folds": (2.3, lambda figure: _folds(figure, findings, chosen)),
        "reliability": (2.2, lambda figure: _reliability(figure, findings)),
        "confusion": (2.7, lambda figure: _confusion(figure, findings)),
        "equity": (4.6, lambda figure: _equity(figure, findings, predictions)),
    }
    if findings.power:
        plots["power"] = (2.6, lambda figure: _power(figure, findings))
    return {name: figures.draw(name, height, drawn) for name, (height, drawn) in plots.items()}


def _folds(figure: Figure, findings: Findings, chosen: pl.DataFrame) -> None:
    axes = figure.subplots()
    gap = findings.options["horizon_days"] + findings.options["embargo_days"]
    tests = chosen.group_by("fold").agg(start=pl.col("event_ts").min(), end=pl.col("event_ts").max()).sort("fold")
    first: Any = date2num(findings.first_day)  # type: ignore[no-untyped-call]
    for row, (start, end) in enumerate(tests.select(_number_of("start"), _number_of("end") + 1).iter_rows()):
        axes.barh(row, start - gap - first, left=first, height=0.66, color=BLUE)
        axes.barh(row, end - start, left=start, height=0.66, color=ORANGE)
        if row == 0:
            axes.text((first + start - gap) / 2, row, "learned from", color=PAPER, ha="center", va="center")
            axes.text(end, row, f"{SPACE}tried on", color=ORANGE, va="center")
    axes.set(xlabel=f"between both, {gap} days are left out", ylabel="fold")
    axes.set_yticks(range(len(tests)), [str(row + 1) for row in range(len(tests))])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    _dates(axes)


def _number_of(column: str) -> pl.Expr:
    """A day as Matplotlib counts them."""
    return pl.col(column).dt.date().cast(pl.Int32)


def _reliability(figure: Figure, findings: Findings) -> None:
    reliability = findings.best.reliability
    every = figure.subplots(1, len(reliability), sharex=True, sharey=True, squeeze=False)[0]
    largest = max((one.n for bins in reliability.values() for one in bins), default=1)
    for axes, (name, bins) in zip(every, reliability.items(), strict=True):
        axes.plot((0, 1), (0, 1), color=INK, linewidth=0.8, linestyle=":")
        axes.axhline(findings.label_shares.get(name, 0), color=INK, linewidth=0.8, linestyle=(0, (5, 3)))
        said, happened = [one.said for one in bins], [one.happened for one in bins]
        axes.plot(said, happened, color=BLUE, linewidth=1)
        axes.scatter(said, happened, s=[max(6, 90 * one.n / largest) for one in bins], color=BLUE, zorder=3)
        axes.set(title=name, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        axes.set_xticks((0, 0.5, 1), ("0", "½", "1"))
        axes.set_yticks((0, 0.5, 1), ("0", "½", "1"))
    every[0].set(ylabel="happened")
    every[len(every) // 2].set(xlabel="probability that was said")


def _confusion(figure: Figure, findings: Findings) -> None:
    axes = figure.subplots()
    names = findings.classes
    counts = np.array(findings.best.scores.confusion if findings.best.scores else np.zeros((len(names), len(names))))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), n in np.ndenumerate(counts):
        share = shares[row, column]
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=BLUE, alpha=0.7 * share, linewidth=0))
        axes.text(column, row, f"{n:.0f}\n{100 * share:.0f}{SPACE}%", ha="center", va="center", linespacing=1.3)
    edges = (-0.5, len(names) - 0.5)
    axes.set(xlim=edges, ylim=edges[::-1], ylabel="happened (rows: 100 %)")
    axes.set_xlabel("was said", labelpad=7)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _equity(figure: Figure, findings: Findings, predictions: Mapping[str, pl.DataFrame]) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 3))
    chosen = predictions[findings.chosen]
    curves = [
        ("buy and hold", BLUE, "-", _weekly(chosen, "return_next_day")),
        *(
            (MOMENTUM, GREEN, (0, (4, 2)), _weekly(predictions[one], "net_return"))
            for one in predictions
            if one == MOMENTUM
        ),
        (spoken(findings.chosen), ORANGE, "-", _weekly(chosen, "net_return")),
    ]
    for name, colour, style, weeks in curves:
        look: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": 1.8 if colour == ORANGE else 1.2}
        above.plot(weeks["event_ts"].to_numpy(), weeks["value"].to_numpy(), label=name, **look)
        below.plot(weeks["event_ts"].to_numpy(), weeks["fall"].to_numpy(), **look)
    above.axhline(1, color=INK, linewidth=0.8)
    above.set(yscale="log", ylabel="value of 1 (log scale)")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above.yaxis.set_minor_locator(NullLocator())
    below.set(ylabel="below its peak", ylim=(-1, 0), xlabel=f"net of {findings.options['judged_cost_bps']:g} bps")
    below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _dates(below)
    _name_ends(above, [(name, colour, weeks["value"][-1]) for name, colour, _, weeks in curves])


def _power(figure: Figure, findings: Findings) -> None:
    axes = figure.subplots()
    points = findings.power
    sharpes, shares = [one.sharpe for one in points], [one.found / one.of for one in points]
    axes.plot(sharpes, shares, color=BLUE, marker="o", markersize=4)
    axes.axhline(POWER, color=INK, linewidth=0.8, linestyle=(0, (5, 3)))
    judged = findings.best.backtest(findings.options["judged_cost_bps"]).sharpe
    axes.axvline(judged, color=ORANGE, linewidth=1.2)
    axes.annotate(f"{SPACE}{spoken(findings.chosen)}", (judged, 0.04), color=ORANGE)
    axes.set(ylim=(-0.03, 1.03), ylabel="planted signals found", xlabel="Sharpe ratio of following the signal")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _weekly(frame: pl.DataFrame, returns: str) -> pl.DataFrame:
    """Value at each week's end and the deepest fall within it: as exact as can be seen, in a small file."""
    value = pl.col(returns).cum_sum().exp()
    peak = pl.max_horizontal(value.cum_max(), pl.lit(1.0))
    days = frame.sort("event_ts").select(
        pl.col("event_ts").dt.replace_time_zone(None), value=value, fall=value / peak - 1
    )
    return days.group_by_dynamic("event_ts", every="1w").agg(pl.col("value").last(), pl.col("fall").min())


def _name_ends(axes: Axes, curves: list[tuple[str, str, float]]) -> None:
    """Names right of where the curves end, moved apart where they would lie upon each other."""
    ordered = sorted(curves, key=lambda one: one[2])
    low, high = np.log(axes.get_ylim())
    places = _apart((np.log([value for _, _, value in ordered]) - low) / (high - low))
    for (name, colour, value), place in zip(ordered, places, strict=True):
        told = f"{name.replace(' and ', ' &' + SPACE)}\n{number(value, 2)}"
        axes.annotate(told, (1.02, place), xycoords="axes fraction", color=colour, va="center", linespacing=1.15)


def _apart(places: Floats) -> list[float]:
    apart: list[float] = []
    for place in places:
        apart.append(max(float(place), apart[-1] + 2 * LABELS_APART) if apart else float(place))
    return apart


def _dates(axes: Axes) -> None:
    every = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(every)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(every, show_offset=False))  # type: ignore[no-untyped-call]
