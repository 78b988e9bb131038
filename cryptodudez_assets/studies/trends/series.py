"""What the study of trends compares, day by day on one calendar: NaN where nothing is known.

What wanders over the years (how often a term is named, how wild a coin is) is taken against its own seven days before: otherwise any two
things that grew would go together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cryptodudez_assets.studies.trends.blocks import Floats

SENTIMENT = "(sentiment)"
OUTCOMES = ("return", "volume", "volatility")
DAYS_BEFORE, AT_LEAST = 7, 4
Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Price:
    """One outcome of one ticker."""

    market: str
    symbol: str
    outcome: str
    values: Floats


@dataclass(frozen=True)
class Series:
    """Signals by name, and prices; `said`: on which days a term is named at all."""

    days: Days
    signals: Mapping[str, Floats]
    said: Mapping[str, NDArray[np.bool_]]
    prices: list[Price]


def series_of(
    terms: pl.DataFrame, sentiment: pl.DataFrame | None, coins: pl.DataFrame | None, stocks: pl.DataFrame | None
) -> Series:
    """From `features.term_frequency_daily`, `.tweet_sentiment`, `.crypto_daily` and `.stock_daily`."""
    markets = {name: rows for name, rows in (("coin", coins), ("stock", stocks)) if rows is not None and len(rows)}
    dates = pl.concat([rows.select(_day()).to_series() for rows in (terms, *markets.values())])
    first, last = dates.min(), dates.max()
    if not isinstance(first, date) or not isinstance(last, date):
        return Series(np.empty(0, "datetime64[D]"), {}, {}, [])
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    shares = dict(_shares(days, terms))
    said = {term: np.nan_to_num(values) > 0 for term, values in shares.items()}
    signals = {term: against_before(values) for term, values in shares.items()}
    if sentiment is not None and len(sentiment):
        mean = sentiment.group_by(_day()).agg(pl.col("compound").mean()).drop_nulls()
        signals[SENTIMENT] = against_before(_on(days, mean["event_ts"], mean["compound"]))
        said[SENTIMENT] = np.isfinite(signals[SENTIMENT])
    prices = [price for market, rows in markets.items() for price in _prices(days, market, rows)]
    return Series(days, signals, said, prices)


def against_before(values: Floats) -> Floats:
    """Each day less the mean of the thirty days before it; NaN where fewer than ten of these are known."""
    known = np.isfinite(values)
    sums, counts = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, values, 0.0), known.astype(float))
    )
    at = np.arange(len(values))
    since = np.maximum(at - DAYS_BEFORE, 0)
    n = counts[at] - counts[since]
    with np.errstate(invalid="ignore", divide="ignore"):
        before = (sums[at] - sums[since]) / n
    return np.where(n >= AT_LEAST, values - before, np.nan)


def _shares(days: Days, terms: pl.DataFrame) -> Iterator[tuple[str, Floats]]:
    """Of each term the share of a day's tweets that contain it: 0 between the first tweet and the last where there is none."""
    counted = (
        terms.group_by("term", _day()).agg(pl.col("n_tweets", "n_tweets_all").sum()).filter(pl.col("n_tweets_all") > 0)
    )
    if counted.is_empty():
        return
    written = counted["event_ts"].to_numpy().astype("datetime64[D]")
    reach = (days >= written.min()) & (days <= written.max())
    for (term,), rows in counted.sort("term").group_by("term", maintain_order=True):
        share = _on(days, rows["event_ts"], rows["n_tweets"] / rows["n_tweets_all"])
        yield str(term), np.where(reach, np.nan_to_num(share), np.nan)


def _prices(days: Days, market: str, rows: pl.DataFrame) -> Iterator[Price]:
    log_range = pl.when(pl.col("high_low_range") > 0).then(pl.col("high_low_range").log())
    told = rows.select("symbol", _day(), "log_return_1d", "volume_zscore_30d", log_range=log_range).sort("symbol")
    for (symbol,), own in told.group_by("symbol", maintain_order=True):
        for outcome, name in zip(OUTCOMES, ("log_return_1d", "volume_zscore_30d", "log_range"), strict=True):
            values = _on(days, own["event_ts"], own[name])
            yield Price(market, str(symbol), outcome, against_before(values) if outcome == "volatility" else values)


def _on(days: Days, dates: pl.Series, values: pl.Series) -> Floats:
    result = np.full(len(days), np.nan)
    at = (dates.to_numpy().astype("datetime64[D]") - days[0]).astype(int)
    result[at] = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return result


def _day() -> pl.Expr:
    return pl.col("event_ts").dt.date()
