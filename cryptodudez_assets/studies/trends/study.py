"""The numbers of the study of trends: every signal against every price at every lead, with what chance does, and a year kept aside.

Choices that move the numbers: rank correlations, since returns have heavy tails; volatility, and how much is tweeted, against the seven
days before, and volume against the thirty that end with the day; leads in calendar days; blocks of three weeks. Whether tweets and prices
go together is held against tweets that know nothing of prices (`if_unrelated`). Prices of coins do go together on the same day, so that
whether one leads is held against days drawn with both (`as_related`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.studies.term_days import benjamini_hochberg
from cryptodudez_assets.studies.trends.blocks import Floats, as_related, if_unrelated, pooled_p, scores
from cryptodudez_assets.studies.trends.contract import KEY, TrendsStudy
from cryptodudez_assets.studies.trends.leader import LEADER
from cryptodudez_assets.studies.trends.series import Price, Series

LEADS = range(-3, 4)
LATER_DAYS = 365
FEWEST_DAYS = 100
"""Days with both, below which nothing is asked; in the year kept aside a third of it."""
FEWEST_SAID = 10
"""Days on which a term must be named within a ticker's days."""
FALSE_SHARE = 0.2
"""Up to this q a test is a candidate: one in five of these is expected to be chance."""
SURE = 0.95
WIDE = NormalDist().inv_cdf((1 + SURE) / 2)
TWEETS, LEADING = "tweets", "leader"
BEHIND = (-pl.col("correlation").abs(), *KEY)
"""The order of tests with one p, as those that no draw reaches."""


@dataclass(frozen=True)
class TrendsFound:
    """All that was found. `tests`: rows of the result table; days before `split` are the ones in which it was looked for."""

    tests: pl.DataFrame
    first: np.datetime64 | None
    split: np.datetime64 | None
    last: np.datetime64 | None
    signals: list[str]
    tickers: list[str]

    def of(self, family: str) -> pl.DataFrame:
        """The tests of a family that have a p, the least doubtful first."""
        return self.tests.filter(pl.col("p").is_not_null(), family=family).sort("p", *BEHIND)


def study(series: Series) -> TrendsFound:
    """The study; without tweets or prices it is empty."""
    reach = np.zeros(len(series.days), bool)
    for values in series.signals.values():
        reach |= np.isfinite(values)
    at = np.flatnonzero(reach)
    names = list(series.signals), sorted({one.symbol for one in series.prices})
    if not len(at) or not series.prices:
        return TrendsFound(_frame([]), None, None, None, *names)
    # The year that is kept aside ends where tweets do: what prices did later can be held against nothing.
    last = int(at[-1]) + 1
    split = max(last - LATER_DAYS, 0)
    rows = [*_tweets(series, split, last), *_leader(series, split, last)]
    return TrendsFound(_frame(rows), series.days[0], series.days[split], series.days[last - 1], *names)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows with their q, family by family."""
    frame = pl.DataFrame(rows, schema=polars_schema(TrendsStudy), infer_schema_length=None).sort(KEY)
    parts = []
    for _, part in frame.group_by("family", maintain_order=True):
        tested = part["p"].is_not_null()
        q = np.full(len(part), np.nan)
        q[tested.to_numpy()] = benjamini_hochberg(part["p"].drop_nulls().to_list())
        parts.append(part.with_columns(q=pl.Series(q).fill_nan(None)))
    return pl.concat(parts) if parts else frame


def _tweets(series: Series, split: int, last: int) -> Iterator[dict[str, Any]]:
    """Signals of tweets against all prices. The tails are those of all tickers with a signal and an outcome."""
    for signal, values in series.signals.items():
        for outcome in dict.fromkeys(one.outcome for one in series.prices):
            of_outcome = [one for one in series.prices if one.outcome == outcome]
            rows, draws = [], []
            for price in of_outcome:
                window = _window(price.values[:split])
                said = int(series.said[signal][window].sum())
                if said < FEWEST_SAID:
                    continue
                x, y = scores(values[window]), scores(price.values[window])
                mean, deviation, drawn = if_unrelated(x, y)
                if deviation > 0 and len(found := _at_leads(x, y)) > 0:
                    draws.append(drawn)
                    later = _later(values[split:last], price.values[split:last])
                    rows += [_row(TWEETS, signal, price, one, mean, deviation, later) for one in found]
            yield from _with_p(rows, draws)


def _leader(series: Series, split: int, last: int) -> Iterator[dict[str, Any]]:
    """Returns of all tickers against those of the leading coin."""
    returns = [one for one in series.prices if one.outcome == "return"]
    leading = next((one.values for one in returns if (one.market, one.symbol) == ("coin", LEADER)), None)
    if leading is None:
        return
    rows, draws = [], []
    for price in returns:
        if price.values is leading:
            continue
        window = _window(np.where(np.isfinite(leading[:split]), price.values[:split], np.nan))
        x, y = scores(leading[window]), scores(price.values[window])
        later = _later(leading[split:last], price.values[split:last])
        for one in _at_leads(x, y):
            deviation, drawn = as_related(one.products)
            if deviation > 0:
                rows.append(_row(LEADING, LEADER, price, one, 0.0, deviation, later))
                if one.lead:
                    draws.append(drawn)
    yield from _with_p(rows, draws)


@dataclass(frozen=True)
class _AtLead:
    """Days with both sides at a lead: their number, the products of scores, and what makes a correlation of their sum."""

    lead: int
    n: int
    products: Floats
    norm: float

    @property
    def total(self) -> float:
        return float(self.products.sum())

    @property
    def correlation(self) -> float:
        return float(np.clip(self.total / self.norm, -1, 1))


def _at_leads(x: Floats, y: Floats, fewest: int = FEWEST_DAYS) -> list[_AtLead]:
    found = []
    for lead in LEADS:
        a, b = (x[: len(x) - lead], y[lead:]) if lead >= 0 else (x[-lead:], y[:lead])
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
        norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
        if len(a) >= fewest and norm > 0:
            products = np.zeros(len(both))
            products[both] = a * b
            found.append(_AtLead(lead, len(a), products, norm))
    return found


def _window(values: Floats) -> slice:
    """From the first to the last day with a value."""
    known = np.flatnonzero(np.isfinite(values))
    return slice(int(known[0]), int(known[-1]) + 1) if len(known) else slice(0, 0)


@dataclass(frozen=True)
class _Later:
    """What the year kept aside says at a lead, in deviations of chance."""

    n: int
    correlation: float
    z: float


def _later(signal: Floats, values: Floats) -> dict[int, _Later]:
    window = _window(values)
    x, y = scores(signal[window]), scores(values[window])
    mean, deviation, _ = if_unrelated(x, y) if len(x) else (0.0, 0.0, None)
    if not deviation > 0:
        return {}
    found = _at_leads(x, y, FEWEST_DAYS // 3)
    return {one.lead: _Later(one.n, one.correlation, (one.total - mean) / deviation) for one in found}


def _row(
    family: str, signal: str, price: Price, one: _AtLead, mean: float, deviation: float, later: dict[int, _Later]
) -> dict[str, Any]:
    wide = WIDE * deviation / one.norm
    then = later.get(one.lead)
    tested = family == TWEETS or one.lead != 0
    return {
        "family": family,
        "signal": signal,
        "market": price.market,
        "symbol": price.symbol,
        "outcome": price.outcome,
        "lead": one.lead,
        "n": one.n,
        "correlation": one.correlation,
        "low": max(one.correlation - wide, -1.0),
        "high": min(one.correlation + wide, 1.0),
        "p": (one.total - mean) / deviation if tested else None,  # until `_with_p` it is in deviations
        "n_later": then.n if then else 0,
        "correlation_later": then.correlation if then else None,
        "p_later": NormalDist().cdf(-then.z * np.sign(one.correlation)) if then else None,
    }


def _with_p(rows: list[dict[str, Any]], draws: list[Floats]) -> Iterator[dict[str, Any]]:
    tested = [row for row in rows if row["p"] is not None]
    if tested:
        p = pooled_p(np.array([row["p"] for row in tested]), np.concatenate(draws))
        for row, its in zip(tested, p, strict=True):
            row["p"] = float(its)
    yield from rows


def findable(tests: pl.DataFrame, n: int) -> float:
    """The correlation that would have stood up to `n` tests, were it the only one, at the median interval of these."""
    wide = float((tests["high"] - tests["low"]).median() or 0) / 2 / WIDE  # type: ignore[arg-type]
    return wide * -NormalDist().inv_cdf(FALSE_SHARE / n / 2)


def candidates(tests: pl.DataFrame) -> pl.DataFrame:
    """Tests that stand up to their number, the least doubtful first."""
    return tests.filter(pl.col("q") <= FALSE_SHARE).sort("p", *BEHIND)


def held_up(tests: pl.DataFrame) -> pl.DataFrame:
    """Of the candidates those that go the same way in the year kept aside, all of them together at 5 %."""
    found = candidates(tests)
    return found.filter(pl.col("p_later") <= (1 - SURE) / max(1, len(found)))
