"""The page of a signal, from data to HTML: a pure function. Words and tables are made here, their places are in the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import polars as pl
from markupsafe import Markup

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.declared_models.signal import CLASSES, Decision, SignalModel, SignalOptions
from cryptodudez_assets.lake.freshness import Freshness
from cryptodudez_assets.models.findings import JudgedRecipe
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.signal import OF_PLANTED, STALE_AFTER
from serving.dashboard.candles import Turn, charted
from serving.dashboard.charts import growth_chart
from serving.dashboard.data import DashboardData, NoDecision, Today, TrackRecord
from serving.dashboard.frame import day_words, dollars, points
from serving.dashboard.frame import render as made
from serving.dashboard.plot import Point
from serving.dashboard.prices import RANGES

LISTED_DAYS = 30
STRONGEST = 8
SMALLEST_EFFECT = 0.0005


@dataclass(frozen=True)
class Line:
    """A row of the track record."""

    name: str
    is_model: bool
    balanced_accuracy: float | None
    mcc: float | None
    brier: float | None
    net_return: float
    max_drawdown: float
    sharpe: float


@dataclass(frozen=True)
class Day:
    """A row of the list of past decisions."""

    day: date
    close: float | None
    decision: Decision
    probability: float
    label: str
    return_next_day: float | None


@dataclass(frozen=True)
class Track:
    """What a model's section shows."""

    record: TrackRecord
    cost_bps: float
    lines: list[Line]
    growth: Markup | None
    growth_ends: list[tuple[date, float, float]]
    days: list[Day]


@dataclass(frozen=True)
class Effect:
    """How far one feature carried the probability of the model's decision."""

    name: str
    meaning: str
    value: float
    share: float


def render(picture: DashboardData, others: Mapping[str, str] = MappingProxyType({}), path: str = "/") -> str:
    """The whole page, which is at `path`. `others`: paths of the pages of other signals, by what they are called."""
    today = picture.today if isinstance(picture.today, Today) else None
    turns = turns_of(picture.records[0].days) if picture.records else []
    return made(
        "signal.html",
        picture=picture,
        path=path,
        others=others,
        today=today,
        planted=today is not None and OF_PLANTED in today.notes,
        because=because(picture.model, today) if today else "",
        why=picture.today.words if isinstance(picture.today, NoDecision) else "",
        effects=_effects(picture.model, today.moved) if today and picture.model else [],
        old=[one.raw for one in picture.sources if _is_old(one)],
        tracks=[_track(record, picture.closes) for record in picture.records],
        chart=charted(picture.prices, picture.coin, turns) if picture.prices else None,
        ranges=RANGES,
        classes=CLASSES,
    )


def because(model: SignalModel | None, today: Today) -> str:
    """Why it says what it says, in a few words; the whole is told below."""
    if today.stale:
        return "its data are too old to say more"
    if not today.skill:
        return "no model in use has shown skill"
    strongest = _effects(model, today.moved)[:1] if model else []
    return (
        f"most by {strongest[0].name} ({points(100 * strongest[0].value)})"
        if strongest
        else "no single value stands out"
    )


def _is_old(one: Freshness) -> bool:
    """Whether a source's data are older than the signal may stand on."""
    return one.age is not None and one.age > STALE_AFTER


def _track(record: TrackRecord, closes: pl.DataFrame) -> Track:
    days = record.days.join(closes, on="event_ts", how="left")
    cost_bps = _cost_bps(record)
    model, holding = _growth(record.days, cost_bps)
    return Track(
        record=record,
        cost_bps=cost_bps,
        lines=lines_of(record),
        growth=_growth_chart(record.manifest.label, model, holding) if len(model) > 1 else None,
        growth_ends=_ends_of_years(model, holding),
        days=_listed(days),
    )


def _cost_bps(record: TrackRecord) -> float:
    return float(record.findings.options.get("judged_cost_bps", SignalOptions().judged_cost_bps))


def lines_of(record: TrackRecord) -> list[Line]:
    """The model first, then every baseline on the same days, at the cost at which skill is judged."""
    judged: list[JudgedRecipe] = [record.findings.best, *record.findings.baselines]
    return [_line(one, one is judged[0], record.manifest.label, _cost_bps(record)) for one in judged]


def _line(judged: JudgedRecipe, is_model: bool, label: str, cost_bps: float) -> Line:
    backtest, scores = judged.backtest(cost_bps), judged.scores
    return Line(
        name=label if is_model else judged.name.replace("_", " "),
        is_model=is_model,
        balanced_accuracy=scores.balanced_accuracy if scores else None,
        mcc=scores.mcc if scores else None,
        brier=scores.brier if scores else None,
        net_return=backtest.total_return,
        max_drawdown=backtest.max_drawdown,
        sharpe=backtest.sharpe,
    )


def turns_of(days: pl.DataFrame) -> list[Turn]:
    """Where the call changed between BUY and SELL; HODL leaves the last one as it is."""
    calls = days.filter(pl.col("decision") != "HODL").filter(
        pl.col("decision") != pl.col("decision").shift(1, fill_value="")
    )
    rows = calls.select("event_ts", "decision", pl.col("label") == pl.col("decision")).iter_rows()
    return [Turn(at.date(), said, right) for at, said, right in rows]


def _growth(days: pl.DataFrame, cost_bps: float) -> tuple[list[Point], list[Point]]:
    """What one dollar became by following the decisions, and by buying on the first day and holding."""
    known = days.filter(pl.col("net_return").is_finite() & pl.col("return_next_day").is_finite())
    bought = 1 - cost_bps / 10_000
    grown = known.select(
        pl.col("event_ts").dt.date(),
        model=pl.col("net_return").cum_sum().exp(),
        holding=bought * pl.col("return_next_day").cum_sum().exp(),
    ).rows()
    return [(day, model) for day, model, _ in grown], [(day, holding) for day, _, holding in grown]


def _growth_chart(label: str, model: Sequence[Point], holding: Sequence[Point]) -> Markup:
    words = (
        f"Growth of one dollar from {day_words(model[0][0])} to {day_words(model[-1][0])}, after costs, on a logarithmic "
        f"scale: {dollars(model[-1][1])} by following {label}, {dollars(holding[-1][1])} by buying and holding."
    )
    return growth_chart([_weekly(model), _weekly(holding)], [label, "buy and hold"], words)


def _weekly(points: Sequence[Point]) -> list[Point]:
    """A point a week, and the last: a screen shows no more."""
    return [*points[:-1:7], points[-1]]


def _ends_of_years(model: Sequence[Point], holding: Sequence[Point]) -> list[tuple[date, float, float]]:
    both = [(day, one, other) for (day, one), (_, other) in zip(model, holding, strict=True)]
    return [row for row, then in pairwise(both) if row[0].year != then[0].year] + both[-1:]


def _listed(days: pl.DataFrame) -> list[Day]:
    """The last decisions, newest first."""
    return [
        Day(
            day=row["event_ts"].date(),
            close=row["close"],
            decision=row["decision"],
            probability=row[f"probability_{row['decision'].lower()}"],
            label=row["label"],
            return_next_day=row["return_next_day"],
        )
        for row in reversed(days.tail(LISTED_DAYS).to_dicts())
    ]


def _effects(model: SignalModel, moved: Sequence[tuple[str, float]]) -> list[Effect]:
    """The strongest, as shares of the strongest of all; nothing that would be shown as zero."""
    found = [(name, value) for name, value in moved if abs(value) >= SMALLEST_EFFECT]
    found = sorted(found, key=lambda one: -abs(one[1]))[:STRONGEST]
    meanings = _meanings(model)
    return [
        Effect(name.rpartition("__")[2].replace("_", " "), meanings.get(name, ""), value, value / abs(found[0][1]))
        for name, value in found
    ]


@cache
def _meanings(model: SignalModel) -> dict[str, str]:
    return {column.name: column.description for column in columns_of(training_contract(model))}
