"""The plots of the study of trends as SVG, in the style of all reports."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.figures import BLUE, INK, ORANGE
from cryptodudez_assets.studies.trends.leader import LEADER
from cryptodudez_assets.studies.trends.study import LEADING, LEADS, TWEETS, TrendsFound, candidates

BINS = 20
MOST_DOTS = 1500
ROW = 0.14  # inches a ticker


def draw(found: TrendsFound) -> dict[str, str]:
    """All plots for which there are numbers, by name."""
    tweets, leader = found.of(TWEETS), found.tests.filter(family=LEADING)
    plots = {}
    if len(tweets):
        plots["p_values"] = figures.draw("trends p", 2.6, lambda figure: _p_values(figure, tweets))
    if len(both := tweets.drop_nulls("correlation_later")):
        plots["later"] = figures.draw("trends later", 3.4, lambda figure: _later(figure, both))
    if len(leader):
        height = 1.2 + ROW * leader.select("market", "symbol").n_unique()
        plots["leader"] = figures.draw("trends leader", height, lambda figure: _heat(figure, leader))
    return plots


def _p_values(figure: Figure, tests: pl.DataFrame) -> None:
    axes = figure.subplots()
    counts, edges = np.histogram(tests["p"].to_numpy(), bins=BINS, range=(0, 1))
    axes.bar(edges[:-1], counts, 1 / BINS, align="edge", color=BLUE, edgecolor=BLUE, alpha=0.8)
    axes.axhline(len(tests) / BINS, color=ORANGE, linewidth=2, label="chance alone")
    axes.set(xlabel="p", ylabel=f"tests (of {len(tests):,})", xlim=(0, 1))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, fontsize=8)


def _later(figure: Figure, tests: pl.DataFrame) -> None:
    axes = figure.subplots()
    chosen = candidates(tests)
    # The least doubtful come first; of the others every so many are drawn, lest the page hold ten thousand dots.
    dots = tests if len(tests) <= MOST_DOTS else tests[:: -(-len(tests) // MOST_DOTS)]
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.scatter(*_pair(dots), s=5, alpha=0.4, linewidths=0, color=BLUE, label=f"{len(dots):,} of {len(tests):,} tests")
    if len(chosen):
        axes.scatter(*_pair(chosen), s=20, linewidths=0, color=ORANGE, label="candidates")
    axes.set(xlabel="rank correlation in the days it was looked for", ylabel="in the year kept aside")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, fontsize=8)


def _pair(tests: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return tests["correlation"].to_numpy(), tests["correlation_later"].to_numpy()


def _heat(figure: Figure, tests: pl.DataFrame) -> None:
    """Tickers by leads, in squares whose size is the correlation: they need no colour bar, on light and dark."""
    axes = figure.subplots()
    same_day = tests.filter(lead=0).select("market", "symbol", day=pl.col("correlation"))
    tickers = tests.select("market", "symbol").unique().join(same_day, on=["market", "symbol"], how="left")
    order = tickers.sort("market", "day", "symbol", descending=[True, False, True], nulls_last=True)
    rows = order.with_row_index("row").select("market", "symbol", "row").join(tests, on=["market", "symbol"])
    for colour, label, side in (
        (BLUE, "with it", pl.col("correlation") > 0),
        (ORANGE, "against it", pl.col("correlation") <= 0),
    ):
        part = rows.filter(side)
        size = 90 * part["correlation"].abs().to_numpy()
        axes.scatter(
            part["lead"].to_numpy(), part["row"].to_numpy(), s=size, marker="s", color=colour, linewidths=0, label=label
        )
    axes.set_yticks(range(len(order)), order["symbol"].to_list(), fontsize=6)
    axes.set_xticks(list(LEADS), [f"{lead:+d}".replace("-", "−") if lead else "0" for lead in LEADS])
    axes.set(xlabel=f"the ticker's return is so many days after {LEADER}'s", ylim=(-1, len(order)), xlim=(-3.6, 3.6))
    axes.grid(visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, fontsize=8)
