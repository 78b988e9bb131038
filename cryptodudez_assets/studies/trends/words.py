"""The study of trends in words. Every sentence is made from the numbers, so that it changes with the data."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from cryptodudez_assets.reports.sections import Plot, Section, Table
from cryptodudez_assets.studies.trends.blocks import BLOCK
from cryptodudez_assets.studies.trends.leader import LEADER
from cryptodudez_assets.studies.trends.series import SENTIMENT
from cryptodudez_assets.studies.trends.study import (
    FALSE_SHARE,
    FEWEST_DAYS,
    FEWEST_SAID,
    LATER_DAYS,
    LEADING,
    TWEETS,
    TrendsFound,
    candidates,
    findable,
    held_up,
)
from cryptodudez_assets.studies.words import small

LISTED = 12
TOLD = 4
P_VALUES = Plot("p_values", "Bars: how many tests have a p in each twentieth; line: what chance alone gives.")
LATER = Plot("later", "Dots: each test's correlation, and that of the year kept aside.")
HEAT = Plot("leader", f"Grid: rank correlation of each ticker's return with that of {LEADER}, by days between.")
ASKED = {TWEETS: "tweets and prices", LEADING: f"{LEADER} and other prices"}
HEAD = ["signal", "price", "days between", "correlation", "95 % interval", "n", "p", "q", "in the year kept aside"]


def sections(found: TrendsFound) -> list[Section]:
    """The whole text."""
    if found.tests.is_empty():
        return [Section("Nothing to compare", [_why_nothing(found)])]
    return [
        Section("In short", list(_in_short(found))),
        *_tweets(found),
        *_leader(found),
        Section("How it was asked", list(_method(found))),
        Section("What cannot be concluded", list(_limits())),
    ]


def _why_nothing(found: TrendsFound) -> str:
    if not found.signals or not found.tickers:
        return "There are no tweets, or no prices, to compare."
    return (
        f"No price has {FEWEST_DAYS} days, the last {LATER_DAYS} aside, on which a term is named {FEWEST_SAID} times: nothing can be "
        "told from fewer."
    )


def _in_short(found: TrendsFound) -> Iterator[str]:
    for family in (TWEETS, LEADING):
        tests = found.of(family)
        if len(tests):
            yield _verdict(family, tests)
    yield (
        f"It was looked for in days before {_day(found.split)}, and what was found, again from then to {_day(found.last)}: days that had "
        "no say in what was chosen."
    )


def _verdict(family: str, tests: pl.DataFrame) -> str:
    n, low, chosen = len(tests), int((tests["p"] < 0.01).sum()), candidates(tests)
    told = (
        f"Of {n:,} tests of {ASKED[family]}, {low:,} {'has' if low == 1 else 'have'} p < 0.01, where chance alone gives about "
        f"{0.01 * n:,.0f}"
    )
    if chosen.is_empty():
        return f"{told}. None stands up to their number (no q up to {FALSE_SHARE}): no trend was found."
    best, kept = "; ".join(_told(row) for row in chosen.head(TOLD).iter_rows(named=True)), held_up(tests)
    many = f"{len(chosen):,} stand{'s' * (len(chosen) == 1)} up to their number (q up to {FALSE_SHARE}), first of all {best}"
    if kept.is_empty():
        return f"{told}. {many}. None of them holds in the year kept aside."
    held = "; ".join(_told(row) for row in kept.head(TOLD).iter_rows(named=True))
    return f"{told}. {many}. In the year kept aside {len(kept):,} of them hold{'s' * (len(kept) == 1)}: {held}."


def _tweets(found: TrendsFound) -> Iterator[Section]:
    tests = found.of(TWEETS)
    if tests.is_empty():
        return
    named, tickers = tests["signal"].unique().sort().to_list(), tests.select("market", "symbol").n_unique()
    left_out = sorted(set(found.signals) - set(named))
    told = [
        f"Signals: {_asked(named)}; each against {tickers} tickers of coins and stocks: their return, volume and volatility on the same "
        "day, and up to three days before and after.",
        f"With so many tests a rank correlation of about {_findable(tests)} would have stood out by itself. What is smaller can be there "
        "unseen.",
        *_signs(tests),
    ]
    if left_out:
        told.insert(1, f"Named on fewer than {FEWEST_SAID} of these days, and so not asked about: {_list(left_out)}.")
    yield Section("Do prices go with tweets?", told, plots=(P_VALUES, LATER), tables=(_table(tests),))


def _findable(tests: pl.DataFrame) -> str:
    markets = tests["market"].unique().sort().to_list()
    return " and ".join(f"{findable(tests.filter(market=one), len(tests)):.2f} with a {one}" for one in markets)


def _signs(tests: pl.DataFrame) -> Iterator[str]:
    both = tests.drop_nulls("correlation_later")
    if len(both):
        same = float((both["correlation"].sign() == both["correlation_later"].sign()).mean())  # type: ignore[arg-type]
        yield (
            f"Of {len(both):,} tests that the year kept aside can repeat, {100 * same:.0f} % have the same sign there; of noise it would "
            "be 50 %."
        )


def _leader(found: TrendsFound) -> Iterator[Section]:
    tests = found.of(LEADING)
    if tests.is_empty():
        return
    chosen, same_day = candidates(tests), found.tests.filter(family=LEADING, lead=0)
    after, before = (int((chosen["lead"] * sign > 0).sum()) for sign in (1, -1))
    told = [_same_day(same_day)] if len(same_day) else []
    told.append(
        f"Returns of {tests.select('market', 'symbol').n_unique()} tickers one to three days after {LEADER}'s, and before: "
        f"{len(tests):,} tests, of which {len(chosen)} stand up to their number, {after} with {LEADER} first and {before} with the "
        "ticker first."
    )
    if after and before:
        told.append(
            "Where it goes both ways, what shows is how the market as a whole turns from day to day, and not who leads."
        )
    told += _signs(tests)
    yield Section(f"Does {LEADER} lead, or follow?", told, plots=(HEAT,), tables=(_table(tests),))


def _same_day(tests: pl.DataFrame) -> str:
    parts = []
    for (market,), rows in tests.sort("market").group_by("market", maintain_order=True):
        middle = float(rows["correlation"].median())  # type: ignore[arg-type]
        parts.append(f"{_signed(middle)} for {len(rows)} {market}s")
    return f"On the same day the median rank correlation with {LEADER}'s return is {' and '.join(parts)}: nobody leads there."


def _method(found: TrendsFound) -> Iterator[str]:
    yield (
        "Correlations are of ranks. Volatility is the logarithm of the day's high over its low; it and the share of tweets are taken "
        "against the seven days before, volume against thirty: what merely grew over the years goes with everything else that did."
    )
    yield (
        f"p: blocks of {BLOCK} days are drawn anew. For tweets and prices, blocks of tweets are set beside blocks of prices that they do "
        f"not belong to; for {LEADER}, days are drawn with both sides, since prices go together. Tails are pooled over tickers."
    )
    yield (
        f"q: Benjamini and Hochberg, over all tests of a question. Up to {FALSE_SHARE} a test is a candidate, and one in five candidates "
        "is expected to be chance. Tickers move together, so that chance comes in groups: what counts is the year kept aside, in which "
        "candidates must go the same way, all of them together at 5 %."
    )
    yield f"Asked is where {FEWEST_DAYS} days have both sides and a term is named on {FEWEST_SAID} of them."


def _limits() -> Iterator[str]:
    yield "None found is none of this kind: by day, in one direction, alone. One great day among a thousand does not show."
    yield "Leads are calendar days. Stocks do not trade at weekends, so that a Saturday's tweet meets no return of the next two days."
    yield "The coins are those that are there today. Coins that died are not in the archives."


def _table(tests: pl.DataFrame) -> Table:
    rows = [_cells(row) for row in tests.head(LISTED).iter_rows(named=True)]
    return Table(f"The {len(rows)} least doubtful of {len(tests):,}:", HEAD, rows)


def _cells(row: dict[str, Any]) -> list[str]:
    later = "too few days"
    if row["correlation_later"] is not None:
        later = f"{_signed(row['correlation_later'])} (n = {row['n_later']}, {small('p', row['p_later'])})"
    return [
        row["signal"],
        f"{row['outcome']} of {row['symbol']}",
        f"{row['lead']:+d}".replace("-", "−") if row["lead"] else "0",
        _signed(row["correlation"]),
        f"{_signed(row['low'])} to {_signed(row['high'])}",
        f"{row['n']:,}",
        small("", row["p"]).removeprefix(" = ").strip(),
        small("", row["q"]).removeprefix(" = ").strip(),
        later,
    ]


def _told(row: dict[str, Any]) -> str:
    days = abs(row["lead"])
    when = f"{days} day{'s' * (days != 1)} {'after' if row['lead'] > 0 else 'before'}" if days else "on the same day"
    return (
        f"{_list([row['signal']])} with the {row['outcome']} of {row['symbol']} {when}, {_signed(row['correlation'])} "
        f"(n = {row['n']:,}, {small('q', row['q'])})"
    )


def _asked(signals: list[str]) -> str:
    terms = [name for name in signals if name != SENTIMENT]
    told = [f"the share of a day's tweets that contain {_list(terms)}"] if terms else []
    return " and ".join(told + ["the sentiment of all of a day's tweets"] * (SENTIMENT in signals))


def _list(names: list[str]) -> str:
    return ", ".join("sentiment" if name == SENTIMENT else f"“{name}”" for name in names)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0:+.2f}".replace("-", "−")


def _day(day: np.datetime64 | None) -> str:
    return "" if day is None else f"{day.item():%d %B %Y}".lstrip("0")
