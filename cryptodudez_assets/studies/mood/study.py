"""The numbers of the study: correlations of a day's mood with returns, each with its days, its placebos and its limits.

Choices that move the numbers: log returns between closes of UTC days that follow each other; the mood is that of posts which are no
retweets; days without either are left out. Posts of one day are no independent looks at it: what counts is days.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.stats import norm, t

from cryptodudez_assets.studies.event_study import Floats, lead_lag
from cryptodudez_assets.studies.mood.coins import COINS, MAIN
from cryptodudez_assets.studies.term_days import benjamini_hochberg

LEADS = range(-3, 4)
SURE, POWER = 0.95, 0.8
FEWEST_FOR_INTERVAL = 10
"""With fewer days the interval is far too narrow where days are not normal, and says what it cannot know."""
FEWEST_TO_DETECT = 4
FALSE_SHARE = 0.05
FEWEST_TO_JUDGE = 20
"""With fewer days p cannot be below 0.05, whatever they hold: such a test cannot find anything, and would only cost the others."""
STRONG = 0.8
ARCHIVE, CANDLES = "archive", "candles"


@dataclass(frozen=True)
class Correlation:
    """One correlation; the fields are the columns of the result table."""

    source: str
    symbol: str
    lead: int
    correlation: float
    n: int
    n_candles: int
    p: float
    q: float | None

    @property
    def is_judged(self) -> bool:
        """Whether there are days enough for it to find anything."""
        return self.n >= FEWEST_TO_JUDGE

    @property
    def stands(self) -> bool:
        """Whether it stands up to the number of tests."""
        return self.q is not None and self.q <= FALSE_SHARE

    @property
    def detectable(self) -> float | None:
        """The smallest correlation that so many days find with a power of 80 %."""
        return detectable(self.n)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval by Fisher's transform, as if days were independent."""
        if self.n < FEWEST_FOR_INTERVAL:
            return None
        middle = np.arctanh(np.clip(self.correlation, -1 + 1e-12, 1 - 1e-12))
        wide = _two_sided() / (self.n - 3) ** 0.5
        return float(np.tanh(middle - wide)), float(np.tanh(middle + wide))


@dataclass(frozen=True)
class MoodDays:
    """Days of one source: how many there are, posts on them, and the first and the last."""

    source: str
    n_days: int
    n_posts: int
    n_retweets: int
    n_scored: int
    first: object
    last: object


@dataclass(frozen=True)
class MoodFound:
    """All that was found. `days`: by source. `next_day`: `source, date, mood`, and the return of the main coin on the `next` day."""

    days: Sequence[MoodDays]
    correlations: Sequence[Correlation]
    next_day: pl.DataFrame
    coins: Sequence[str]


def study(mood: pl.DataFrame, returns: pl.DataFrame) -> MoodFound:
    """The study from `social.mood_daily`, and returns as `daily_returns` gives them."""
    found = [one for source in sorted(mood["source"].unique()) for one in _of_source(mood, returns, source)]
    judged = [place for place, one in enumerate(found) if one.is_judged]
    for place, q in zip(judged, benjamini_hochberg([found[place].p for place in judged]), strict=True):
        found[place] = replace(found[place], q=q)
    following = returns.filter(symbol=MAIN).select(pl.col("date").dt.offset_by("-1d"), next="log_return")
    next_day = mood.select("source", "date", "mood").join(following, on="date").drop_nulls().sort("source", "date")
    there = [coin for coin in COINS if coin in set(returns["symbol"])]
    return MoodFound(_days(mood), found, next_day, there)


def daily_returns(archive: pl.DataFrame | None, candles: pl.DataFrame | None) -> pl.DataFrame:
    """`symbol, date, log_return, origin` of the coins: of each day the archive's where it reaches, else the candles'.

    `archive`: `symbol, date, close` in USD; `candles`: the same by pair, in USDT, of whole days. A return is between closes of one
    of them, never from one to the other.
    """
    parts = []
    for origin, closes in ((CANDLES, candles), (ARCHIVE, archive)):
        if closes is not None:
            names = (
                {pair: coin for coin, pair in COINS.items()} if origin == CANDLES else {coin: coin for coin in COINS}
            )
            known = closes.with_columns(pl.col("symbol").replace_strict(names, default=None)).drop_nulls("symbol")
            parts.append(_returns(known).with_columns(origin=pl.lit(origin)))
    if not parts:
        return pl.DataFrame(
            schema={"symbol": pl.String, "date": pl.Date, "log_return": pl.Float64, "origin": pl.String}
        )
    return pl.concat(parts).unique(["symbol", "date"], keep="last", maintain_order=True).sort("symbol", "date")


def _returns(closes: pl.DataFrame) -> pl.DataFrame:
    day_before = closes.select("symbol", pl.col("date").dt.offset_by("1d"), before=pl.col("close").cast(pl.Float64))
    both = closes.join(day_before, on=["symbol", "date"]).filter(pl.col("before") > 0, pl.col("close") > 0)
    return both.select("symbol", "date", log_return=(pl.col("close").cast(pl.Float64) / pl.col("before")).log())


def _of_source(mood: pl.DataFrame, returns: pl.DataFrame, source: str) -> Iterator[Correlation]:
    known = mood.filter(pl.col("mood").is_not_null(), source=source).sort("date")
    for symbol in COINS:
        priced = returns.filter(symbol=symbol)
        if known.is_empty() or priced.is_empty():
            continue
        dates = pl.concat([known["date"], priced["date"]]).unique().sort()
        calendar = pl.DataFrame({"date": dates}).upsample("date", every="1d")
        rows = calendar.join(known, on="date", how="left").join(priced, on="date", how="left").sort("date")
        sound, moves = (_floats(rows[name]) for name in ("mood", "log_return"))
        of_candles = (rows["origin"] == CANDLES).fill_null(value=False).to_numpy()
        for lead in LEADS:
            if one := lead_lag(sound, moves, slice(None), lead):
                n_candles = _of_candles(sound, moves, of_candles, lead)
                yield Correlation(source, symbol, lead, one.correlation, one.n, n_candles, one.p, None)


def _of_candles(sound: Floats, moves: Floats, of_candles: np.ndarray, lead: int) -> int:
    """How many of the days with both have a return of candles."""
    at = np.arange(len(sound))
    inside = at[(at + lead >= 0) & (at + lead < len(moves))]
    both = np.isfinite(sound[inside]) & np.isfinite(moves[inside + lead])
    return int((both & of_candles[inside + lead]).sum())


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _days(mood: pl.DataFrame) -> list[MoodDays]:
    counts = (pl.col(name).sum() for name in ("n_posts", "n_retweets", "n_scored"))
    first, last = pl.col("date").min().alias("first"), pl.col("date").max().alias("last")
    by_source = mood.group_by("source").agg(pl.len().alias("n_days"), *counts, first, last).sort("source")
    return [MoodDays(**row) for row in by_source.iter_rows(named=True)]


def _two_sided() -> float:
    return float(norm.ppf((1 + SURE) / 2))


def detectable(n: int) -> float | None:
    """The smallest correlation that `n` independent days find with a power of 80 %; None below four."""
    if n < FEWEST_TO_DETECT:
        return None
    return float(np.tanh((_two_sided() + norm.ppf(POWER)) / (n - 3) ** 0.5))


def strong_by_chance(n: int) -> float:
    """How often `n` unrelated days (at least three) correlate beyond 0.8 either way, if they are normal."""
    return float(2 * t.sf(STRONG * ((n - 2) / (1 - STRONG**2)) ** 0.5, n - 2))
