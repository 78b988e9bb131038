"""The dogecoin study: tweets that name the coin in 2019 against its price, with Bitcoin as the control; then all terms and years.

Choices that move the numbers: log returns between closes of UTC days; the market model is of the 180 days that end 11 days
before the event; a day without tweets has frequency 0; placebo windows touch neither the event's days 0 to +3 nor the day
before, which is under suspicion itself. With other gaps and the same data, CAR[0,+3] lies between 26.1 % and 27.2 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl

from cryptodudez_assets.studies.event_study import (
    Cumulative,
    Days,
    Floats,
    LeadLag,
    MarketModel,
    Returns,
    Window,
    cumulative,
    estimate,
    lead_lag,
)
from cryptodudez_assets.studies.term_days import Flags, TermEffect, rolling_abnormal, term_effects

ASSET, CONTROL, TERM, YEAR = "DOGE", "BTC", "dogecoin", 2019
EVENT_WINDOW: Window = (0, 3)
GUARDED: Window = (-1, 3)  # no placebo window may touch these days of an event
DAYS_SHOWN: Window = (-10, 10)
WINDOWS: Sequence[Window] = (EVENT_WINDOW, (0, 1), (-1, 3), (-4, -1), (4, 10))
LEADS = range(-3, 4)


@dataclass(frozen=True)
class Event:
    """What happened around the event day. `single` holds the abnormal return of each day shown, by its offset."""

    day: np.datetime64
    days: Days
    n_tweets: int
    model: MarketModel
    asset_return: float
    control_return: float
    single: dict[int, Cumulative]
    windows: dict[Window, Cumulative]


@dataclass(frozen=True)
class Mean:
    """Mean over several events of the cumulative abnormal return, each by its own model; `z` sums theirs over the root of n."""

    value: float
    z: float
    n: int


@dataclass(frozen=True)
class Study:
    """All that was found. `trouble` says why there is no event, if so. `mean` is there with two events or more."""

    event: Event | None
    mean: Mean | None
    trouble: str | None
    n_events: int
    n_event_days: int
    raw: list[LeadLag]
    abnormal: list[LeadLag]
    effects: list[TermEffect]
    prices: pl.DataFrame
    tweets: pl.DataFrame


def study(crypto: pl.LazyFrame, terms: pl.LazyFrame) -> Study:
    """The study from `features.crypto_daily` and `features.term_frequency_daily`. Missing coins or tweets are told, no failure."""
    candles = (
        crypto.filter(pl.col("symbol").is_in([ASSET, CONTROL]))
        .select("symbol", "event_ts", "close", "log_return_1d")
        .collect()
    )
    tweets = (
        terms.filter(pl.col("n_tweets_all") > 0)  # of no tweets no share speaks of anything
        .group_by("term", "event_ts")
        .agg(pl.col("n_tweets", "n_tweets_all").sum())
        .sort("term", "event_ts")
        .collect()
    )
    named = tweets.filter(pl.col("n_tweets") > 0, pl.col("event_ts").dt.year() == YEAR, term=TERM).drop("term")
    prices = (
        candles.filter(pl.col("event_ts").dt.year() == YEAR, symbol=ASSET).sort("event_ts").select("event_ts", "close")
    )
    found = Study(None, None, None, 0, len(named), [], [], [], prices, named)
    returns = aligned(candles)
    if returns is None:
        return _with(found, trouble=f"there are no days with prices of both {ASSET} and {CONTROL}")
    found = _with(found, effects=_effects(returns, tweets))
    events = _events(returns, named)
    found = _with(found, n_events=len(events), mean=_mean(returns, events))
    if not events:
        return _with(found, trouble=f"no tweet of {YEAR} contains “{TERM}”")
    event = _event(returns, events, named)
    if event is None:
        return _with(found, trouble=f"prices of {ASSET} and {CONTROL} do not cover the days that the event needs")
    raw, abnormal = _lead_lags(returns, event.model, tweets)
    return _with(found, event=event, raw=raw, abnormal=abnormal)


def _with(found: Study, **changes: object) -> Study:
    return replace(found, **changes)  # type: ignore[arg-type]


def aligned(candles: pl.DataFrame) -> Returns | None:
    """Returns of asset and control on every calendar day from the first to the last that have both."""
    sides = [
        candles.filter(symbol=name).select("event_ts", pl.col("log_return_1d").alias(name)) for name in (ASSET, CONTROL)
    ]
    both = sides[0].join(sides[1], on="event_ts").drop_nulls().sort("event_ts")
    if both.is_empty():
        return None
    rows = both.upsample("event_ts", every="1d")
    days = rows["event_ts"].dt.date().to_numpy().astype("datetime64[D]")
    return Returns(days, *(rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in (ASSET, CONTROL)))


def _events(returns: Returns, named: pl.DataFrame) -> list[list[int]]:
    """Event days as positions, those within one event window of each other together."""
    positions = [returns.position(np.datetime64(day, "D")) for day in named["event_ts"].dt.date().sort()]
    starts = [i for i, at in enumerate(positions) if i == 0 or at - positions[i - 1] > EVENT_WINDOW[1]]
    return [positions[i:j] for i, j in pairwise([*starts, len(positions)])]


def _event(returns: Returns, events: list[list[int]], named: pl.DataFrame) -> Event | None:
    """The event with most tweets (the first of such); placebos keep away from all events."""
    counts = {
        returns.position(np.datetime64(day, "D")): n
        for day, n in named.select(pl.col("event_ts").dt.date(), "n_tweets").iter_rows()
    }
    chosen = max(events, key=lambda days: sum(counts[day] for day in days))
    at = chosen[0]
    model = estimate(returns, at) if 0 <= at < len(returns.days) else None
    if model is None:
        return None
    every_day = [at, *(day for days in events for day in days if day != at)]
    around = {window: _car(returns, model, every_day, window) for window in WINDOWS}
    single = {k: _car(returns, model, every_day, (k, k)) for k in range(DAYS_SHOWN[0], DAYS_SHOWN[1] + 1)}
    windows = {window: one for window, one in around.items() if one}
    if EVENT_WINDOW not in windows:
        return None
    return Event(
        returns.days[at],
        returns.days[chosen],
        sum(counts[day] for day in chosen),
        model,
        float(returns.asset[at]),
        float(returns.control[at]),
        {k: one for k, one in single.items() if one},
        windows,
    )


def _mean(returns: Returns, events: list[list[int]]) -> Mean | None:
    """Over the events that have a model and all of their days."""
    found = []
    for at, *_ in events:
        model = estimate(returns, at) if 0 <= at < len(returns.days) else None
        if model and (one := _car(returns, model, [at], EVENT_WINDOW)):
            found.append(one)
    if len(found) < 2:
        return None
    values, scores = (np.array([getattr(one, name) for one in found]) for name in ("value", "z"))
    return Mean(float(values.mean()), float(scores.sum() / len(found) ** 0.5), len(found))


def _car(returns: Returns, model: MarketModel, events: list[int], window: Window) -> Cumulative | None:
    return cumulative(model.abnormal(returns), model, returns.days, events, window, GUARDED, YEAR)


def _lead_lags(returns: Returns, model: MarketModel, tweets: pl.DataFrame) -> tuple[list[LeadLag], list[LeadLag]]:
    """Correlations in the event's year with the returns as they are, and with the abnormal ones."""
    frequency = on_calendar(returns, tweets.filter(term=TERM), pl.col("n_tweets") / pl.col("n_tweets_all"))
    inside = np.flatnonzero(_years(returns) == YEAR)
    days = slice(int(inside[0]), int(inside[-1]) + 1)
    raw, abnormal = (
        [lead_lag(frequency, series, days, k) for k in LEADS] for series in (returns.asset, model.abnormal(returns))
    )
    return [one for one in raw if one], [one for one in abnormal if one]


def on_calendar(returns: Returns, rows: pl.DataFrame, value: pl.Expr) -> Floats:
    """A daily value on the calendar of the returns; 0 on days without tweets."""
    result = np.zeros(len(returns.days))
    for day, number in rows.select(pl.col("event_ts").dt.date(), value.alias("value").cast(pl.Float64)).iter_rows():
        if 0 <= (at := returns.position(np.datetime64(day, "D"))) < len(result):
            result[at] = number
    return result


def _years(returns: Returns) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return returns.days.astype("datetime64[Y]").astype(np.int64) + 1970


def _effects(returns: Returns, tweets: pl.DataFrame) -> list[TermEffect]:
    """Part two, over the days from the first tweet to the last: outside, nobody could have read a term."""
    if tweets.is_empty():
        return []
    written = tweets["event_ts"].to_numpy().astype("datetime64[D]")
    first, last = written.min(), written.max()
    abnormal = np.where((returns.days >= first) & (returns.days <= last), rolling_abnormal(returns), np.nan)
    mentions: dict[str, Flags] = {
        str(term): on_calendar(returns, rows, pl.col("n_tweets")) > 0 for term, rows in _by_term(tweets)
    }
    return term_effects(abnormal, _years(returns), mentions)


def _by_term(tweets: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(str(name), rows) for (name,), rows in tweets.group_by("term", maintain_order=True)]
