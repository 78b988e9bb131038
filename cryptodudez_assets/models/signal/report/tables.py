"""The report's tables, from the findings."""

from collections.abc import Callable, Mapping
from typing import Any

from cryptodudez_assets.models.findings import Backtest, Findings, Interval, JudgedRecipe, Judgement
from cryptodudez_assets.models.signal.record.summary import LiveRecord
from cryptodudez_assets.models.signal.report.formats import estimate, gain, number, percent, span, spoken
from cryptodudez_assets.reports.sections import Table

SHOWN = 12
"""Features in the table of what matters."""


def labels(findings: Findings) -> Table:
    """How frequent each class is."""
    rows = [[name, percent(share)] for name, share in findings.label_shares.items()]
    return Table(f"Share of each label, of n = {findings.n_days:,} days", ["label", "share of days"], rows)


def up_days(findings: Findings) -> Table:
    """What accuracy is to be compared with."""
    rows = [[one.period, percent(one.share), f"{one.n:,}"] for one in findings.up_days]
    return Table("Days on which the price rose", ["period", "up-days", "n"], rows)


def scores(findings: Findings) -> Table:
    """Candidates with intervals, then those baselines that say probabilities."""
    head = ["", "balanced accuracy", "MCC", "Brier", "log loss", "n"]
    rows = [_scores(one, findings.chosen) for one in everyone(findings) if one.scores]
    return Table(f"Out of sample, with {level(findings)} intervals", head, rows)


def _scores(one: JudgedRecipe, chosen: str) -> list[str]:
    assert one.scores  # noqa: S101
    intervals: Mapping[str, Interval] = one.intervals if isinstance(one, Judgement) else {}
    measured = [
        estimate(getattr(one.scores, name), intervals.get(name), apart="\n")
        for name in ("balanced_accuracy", "mcc", "brier", "log_loss")
    ]
    return [_name(one, chosen), *measured, f"{one.scores.n:,}"]


def money(findings: Findings) -> tuple[Table, ...]:
    """One measure each, of everyone, at each cost and delay."""
    return (
        _money(findings, "Net return over the whole period", lambda one: gain(one.total_return, 0)),
        _money(findings, "Sharpe ratio per year", lambda one: number(one.sharpe, 2)),
        _money(findings, "Largest fall from a peak", lambda one: percent(one.max_drawdown, 0)),
    )


def _money(findings: Findings, caption: str, cell: Callable[[Backtest], str]) -> Table:
    columns = sorted({(one.delay_days, one.cost_bps) for one in findings.best.backtests})
    head = ["", *(f"{cost:g} bps" + (f", +{delay} d" if delay else "") for delay, cost in columns)]
    rows = [
        [_name(one, findings.chosen), *(cell(one.backtest(cost, delay)) for delay, cost in columns)]
        for one in everyone(findings)
    ]
    return Table(caption, head, rows)


def rules(findings: Findings) -> Table:
    """What each way to decide alone would have earned."""
    rows = [[one.name, f"{one.folds}", number(one.sharpe, 2), number(one.turnover, 0)] for one in findings.best.rules]
    return Table(
        "Rules of the chosen recipe, at the judged cost" if rows else "",
        ["rule", "folds", "Sharpe ratio", "changes a year"] if rows else [],
        rows,
    )


def importances(findings: Findings) -> Table:
    """The features that matter most."""
    rows = [[one.feature, number(one.added, 4), number(one.spread, 4)] for one in findings.importances[:SHOWN]]
    return Table(
        f"The {len(rows)} features that add most" if rows else "",
        ["feature", "log loss added", "deviation between folds"] if rows else [],
        rows,
    )


def power(findings: Findings) -> Table:
    """How many planted signals are found."""
    rows = [[number(one.strength, 2), number(one.sharpe, 2), f"{one.found} of {one.of}"] for one in findings.power]
    return Table(
        "Planted signals" if rows else "",
        ["correlation with the next day", "Sharpe ratio of following", "found"] if rows else [],
        rows,
    )


def regimes(findings: Findings) -> Table:
    """The chosen recipe, by what the market did."""
    head = ["regime", "n", "balanced accuracy", "MCC", "net return", "buy and hold"]
    rows = [
        [
            one.name,
            f"{one.n:,}",
            number(one.balanced_accuracy),
            number(one.mcc),
            gain(one.net_return, 0),
            gain(one.buy_and_hold, 0),
        ]
        for one in findings.best.regimes
    ]
    return Table("The chosen recipe, by regime", head, rows)


def placebos(findings: Findings) -> Table:
    """The chosen recipe on the real tweets, then on others."""
    scores = findings.best.scores
    if not findings.placebos or not scores:
        return Table("", [], [])
    real = ["the real tweets", number(scores.log_loss, 4), number(scores.balanced_accuracy)]
    rows = [[one.name, number(one.log_loss, 4), number(one.balanced_accuracy)] for one in findings.placebos]
    return Table(
        f"Out of sample, n = {scores.n:,} days each", ["tweets", "log loss", "balanced accuracy"], [real, *rows]
    )


def earned(record: LiveRecord) -> Table:
    """What following the signals earned, then the baselines."""
    rows = [
        [spoken(one.rule), gain(one.mean_net_return, 2), f"{record.days:,}"] for one in record.earned if record.days
    ]
    return Table(
        f"Mean log return over {span(record.horizon_days)}, less costs, of the last signal of each day",
        ["", "net return", "days"],
        rows,
    )


def facts(caption: str, known: Mapping[str, Any]) -> Table:
    """Names and values, as they are."""
    return Table(caption, ["name", "value"], [[name, str(value)] for name, value in known.items()])


def _name(one: JudgedRecipe, chosen: str) -> str:
    return f"{spoken(one.name)} (chosen)" if one.name == chosen else spoken(one.name)


def everyone(findings: Findings) -> list[JudgedRecipe]:
    """Candidates, then baselines."""
    return [*findings.candidates, *findings.baselines]


def level(findings: Findings) -> str:
    """Of the intervals."""
    return percent(1 - findings.options["level"], 0)
