"""A live record in numbers and in words, for report, API and dashboard. Needs no scikit-learn: servers ask for it."""

from collections.abc import Iterator
from datetime import date, datetime

import msgspec
import polars as pl

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal.record.stored import read
from cryptodudez_assets.models.signal.report.formats import day, gain, percent, span, spoken

FEW = 30
"""Fewer horizons that do not overlap are few."""
RULES = {"signal": "net_return", "buy_and_hold": "net_buy_and_hold", "momentum": "net_momentum"}
HODL = "always_hodl"
"""The baseline that never takes a position, by the study's name; it earns nothing and pays nothing."""


class Earned(msgspec.Struct, frozen=True):
    """What a rule earned: mean log return over the horizon, less costs; null before anything is scored."""

    rule: str
    mean_net_return: float | None


class OnlineOffline(msgspec.Struct, frozen=True):
    """How many answers stood on the features that the feature store gives for their time, from the snapshots of then.

    `differing_share` is null before any was compared; `uncompared` counts the others by the reason.
    """

    compared: int
    differing: int
    differing_share: float | None
    uncompared: dict[str, int]


class LiveRecord(msgspec.Struct, frozen=True):
    """What became of the signals that were served. `unscored` counts those without a score by the reason.

    Of each UTC day the last answer that has a score counts; `days` are these. `separate_horizons`: how many of them do not overlap,
    which is what they are worth; `few` where that is too little to tell skill from luck. `excess` is what the signal earned more
    than buy and hold, on average, and `excess_error` its standard error. `restated`: scores that a corrected price has changed.
    """

    model: str
    horizon_days: int
    served: int
    scored: int
    unscored: dict[str, int]
    restated: int
    first_day: date | None
    last_day: date | None
    days: int
    separate_horizons: int
    few: bool
    earned: list[Earned]
    excess: float | None
    excess_error: float | None
    right: int
    labelled: int
    online: OnlineOffline
    words: list[str]


def record_of(lake: Lake, model: SignalModel) -> LiveRecord:
    """The live record of a signal as it was written last."""
    return summary(model, read(lake, model))


def summary(model: SignalModel, record: pl.DataFrame) -> LiveRecord:
    """A record in numbers."""
    scored = record.filter(pl.col("scored_at").is_not_null())
    days = scored.unique("first_close", keep="last", maintain_order=True)
    separate = _separate(days)
    excess = days["net_return"] - days["net_buy_and_hold"]
    labelled = days.filter(pl.col("label").is_not_null())
    told = LiveRecord(
        model=model.name,
        horizon_days=model.options.horizon_days,
        served=len(record),
        scored=len(scored),
        unscored=_counts(record, "unscored"),
        restated=scored["restated_at"].count(),
        first_day=_answered(days, 0),
        last_day=_answered(days, -1),
        days=len(days),
        separate_horizons=separate,
        few=separate < FEW,
        earned=[
            *(Earned(rule, _mean(days[column])) for rule, column in RULES.items()),
            Earned(HODL, 0.0 if len(days) else None),
        ],
        excess=_mean(excess),
        excess_error=_deviation(excess) / separate**0.5 if separate > 1 else None,
        right=labelled.filter(pl.col("decision") == pl.col("label")).height,
        labelled=len(labelled),
        online=_online(record),
        words=[],
    )
    return msgspec.structs.replace(told, words=list(_words(told)))


def _online(record: pl.DataFrame) -> OnlineOffline:
    n = record["n_differing"].count()
    differing = record.filter(pl.col("n_differing") > 0).height
    return OnlineOffline(n, differing, differing / n if n else None, _counts(record, "uncompared"))


def _counts(record: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(record[column].drop_nulls().value_counts().sort(column).iter_rows())


def _separate(days: pl.DataFrame) -> int:
    """The most horizons of which none begins before another ends."""
    n, free = 0, None
    for begins, ends in days.select("first_close", "last_close").sort("last_close").iter_rows():
        if free is None or begins >= free:
            n, free = n + 1, ends
    return n


def _answered(days: pl.DataFrame, place: int) -> date | None:
    if days.is_empty():
        return None
    found: datetime = days["made_at"][place]
    return found.date()


def _mean(values: pl.Series) -> float | None:
    found = values.mean()
    return float(found) if isinstance(found, float) else None


def _deviation(values: pl.Series) -> float:
    found = values.std()
    return float(found) if isinstance(found, float) else 0.0


def _words(told: LiveRecord) -> Iterator[str]:
    if not told.served:
        yield "No signal that was served has been written down yet: that is done once a day, and there is no record before."
        return
    why_not = "".join(f"; of {n:,} {why}" for why, n in told.unscored.items())
    yield f"Signals that were served (n = {told.served:,}): {told.scored:,} have a score{why_not}."
    if told.days and told.first_day and told.last_day:
        yield from _scores(told, told.first_day, told.last_day)
    yield _online_words(told.online)


def _scores(told: LiveRecord, first: date, last: date) -> Iterator[str]:
    signal, *others = (f"{spoken(one.rule)} {gain(one.mean_net_return, 2)}" for one in told.earned)
    yield (
        f"On {span(told.days)} from {day(first)} to {day(last)}, following the day's last signal for {span(told.horizon_days)}, from the "
        f"first close behind the answer, earned this on average (log return, less costs): {signal}; {', '.join(others)}."
    )
    n = told.separate_horizons
    worth = f"Horizons overlap: {span(told.days)} are worth {n:,} separate {'one' if n == 1 else 'ones'}."
    yield f"{worth} That is few: so little cannot tell skill from luck." if told.few else worth
    if told.excess is not None and told.excess_error is not None:
        yield f"Against buying and holding: {gain(told.excess, 2)}, with a standard error of {percent(told.excess_error, 2)}."
    if told.labelled:
        share = percent(told.right / told.labelled)
        yield f"What was said turned out right on {told.right:,} of {span(told.labelled)} ({share})."
    if told.restated:
        yield f"Scores that a corrected price has changed since: {told.restated:,}."


def _online_words(online: OnlineOffline) -> str:
    why_not = "".join(f"; of {n:,} {why}" for why, n in online.uncompared.items())
    if online.differing_share is None:
        return f"No answer could be compared with the feature store yet{why_not}."
    return (
        f"Features of {online.compared:,} answers were computed again from the feature store: {online.differing:,} "
        f"({percent(online.differing_share, 2)}) stood on others{why_not}."
    )
