"""The study of mood in words. Every sentence is made from the numbers, so that it changes with the data."""

from collections.abc import Iterator
from datetime import date

from cryptodudez_assets.reports.sections import Plot, Section, Table
from cryptodudez_assets.studies.mood.coins import COINS, MAIN
from cryptodudez_assets.studies.mood.study import (
    FALSE_SHARE,
    FEWEST_FOR_INTERVAL,
    FEWEST_TO_JUDGE,
    LEADS,
    STRONG,
    Correlation,
    MoodDays,
    MoodFound,
    detectable,
    strong_by_chance,
)
from cryptodudez_assets.studies.words import small

SCATTER = Plot(
    "scatter", f"Dots: the mood of a day against the return of {MAIN} on the next, a panel for each source of posts."
)
BY_LEAD = Plot(
    "leads",
    f"Dots with 95 % intervals, hollow where days are too few for one: correlation of mood with returns of {MAIN} by days between.",
)


def sections(found: MoodFound) -> list[Section]:
    """The whole text."""
    if not found.correlations:
        told = [_days(one) for one in found.days]
        return [Section("Nothing to compare", [*told, _why_nothing(found)])]
    return [
        Section("In short", list(_in_short(found))),
        Section("Who leads whom?", list(_who_leads(found)), plots=(BY_LEAD, SCATTER), tables=(_main_table(found),)),
        Section("What these days can carry", [_carries(found, one) for one in found.days]),
        Section("What cannot be concluded", list(_limits(found))),
        Section(f"All {len(found.correlations)} tests", [], tables=(_all(found),), folded=True),
    ]


def _why_nothing(found: MoodFound) -> str:
    if not found.coins:
        return f"There are no prices of {', '.join(COINS)} to compare with: neither an archive of coins nor an exchange's candles."
    return f"No source has three days on which both the mood and a return of {', '.join(found.coins)} are known."


def _in_short(found: MoodFound) -> Iterator[str]:
    yield from map(_days, found.days)
    judged = [one for one in found.correlations if one.is_judged]
    n, findings = len(judged), [one for one in judged if one.stands]
    if findings:
        yield (
            f"Of {n} tests (sources, coins, days between) {len(findings)} stand{'s' * (len(findings) == 1)} up to their number, "
            f"with q up to {FALSE_SHARE}: {'; '.join(map(_told, sorted(findings, key=lambda one: one.p)[:6]))}."
        )
        yield from _direction(findings)
    elif judged:
        low = sum(one.p < 0.05 for one in judged)
        smallest = min(judged, key=lambda one: one.p)
        yield (
            f"Of {n} tests (sources, coins, days between) none stands up to their number (no q up to {FALSE_SHARE}). The smallest "
            f"p is that of {_told(smallest)}; by chance about {0.05 * n:.0f} would have p < 0.05, and "
            f"{low} {'has' if low == 1 else 'have'}."
        )
    if left := len(found.correlations) - n:
        yield (
            f"{'All' if not n else 'Another'} {left} tests stand on fewer than {FEWEST_TO_JUDGE} days, with which p cannot be below "
            f"{1 / FEWEST_TO_JUDGE}, whatever they hold: they have no q, and do not count among the others."
        )
    if few := [one.source for one in found.days if 0 < _most(found, one.source) < FEWEST_TO_JUDGE]:
        yield f"What {' and '.join(few)} can say hangs on a handful of days: see what these can carry, below."


def _direction(findings: list[Correlation]) -> Iterator[str]:
    before, after = sum(one.lead < 0 for one in findings), sum(one.lead > 0 for one in findings)
    if after and not before:
        yield "The returns come after the posts. That is what a mood that prices follow would look like; a common cause would, too."
    elif before and not after:
        yield "The returns come before the posts: people write about what prices did, and nothing here says that prices follow them."
    elif before:
        yield "Some of the returns come before the posts and some after them: no direction can be told."
    else:
        yield "All of it is on the same day, which tells no direction."


def _who_leads(found: MoodFound) -> Iterator[str]:
    yield (
        f"Correlation of a day's mood with the return of {MAIN} so many days later (before, if negative). The mood is the mean score "
        "of the day's posts that are no retweets; returns are logarithmic, between closes of UTC days."
    )
    yield (
        "p: the mood is shifted through the days, in a circle, by every number of days; p is the share of these placebos, the "
        "unshifted one included, that correlate as strongly. That keeps how moods and prices bunch. q is adjusted for the number of "
        f"tests that stand on {FEWEST_TO_JUDGE} days or more (Benjamini and Hochberg)."
    )


def _days(one: MoodDays) -> str:
    span = f"{_day(one.first)} to {_day(one.last)}" if one.first != one.last else _day(one.first)
    return (
        f"{one.source}: {one.n_posts:,} posts on {one.n_days:,} day{'s' * (one.n_days != 1)} ({span}), {one.n_retweets:,} of them "
        f"retweets; {one.n_scored:,} texts were scored."
    )


def _carries(found: MoodFound, one: MoodDays) -> str:
    n = _most(found, one.source)
    if not n:
        return f"{one.source}: on no three of its {one.n_days:,} days is a return known, too. It carries nothing."
    told = (
        f"{one.source}: {one.n_posts:,} posts are n = {n:,} days for {MAIN}, and days are what counts: posts of one day all meet the "
        f"same return. With {n:,} days p cannot be below {1 / n:.2g}"
    )
    least = detectable(n)
    if least is None:
        return f"{told}. Any two or three points lie close to a line, so that nothing can be told from them."
    told += f", and only a correlation of {least:.2f} or more would be found in four of five cases."
    if n < FEWEST_TO_JUDGE:
        told += (
            f" So few days correlate strongly by themselves: {100 * strong_by_chance(n):.0f} of 100 sets of {n} unrelated days lie "
            f"beyond ±{STRONG}. Correlations of daily returns with anything are seldom above 0.2: these days can neither show one nor "
            "rule one out."
        )
    return told


def _most(found: MoodFound, source: str) -> int:
    """Days of a source with a return of the main coin, at the lead that has most."""
    return max((one.n for one in found.correlations if one.source == source and one.symbol == MAIN), default=0)


def _limits(found: MoodFound) -> Iterator[str]:
    yield (
        "A lexicon scores words: no irony, no slang of traders, and of texts in other languages whose language nobody told, next to "
        "nothing. Bots and giveaways write most cheerfully, and count like anybody else."
    )
    yield (
        "What was collected is what a search gave on those days, not all that was written. What moved both posts and prices (news, "
        "what other markets did) is in none of these tables: a correlation says nothing of a cause."
    )
    if any(one.n_candles for one in found.correlations):
        yield (
            "Where the archive of coins does not reach, returns are of an exchange's candles, in USDT instead of USD; no return goes "
            "from one to the other."
        )
    yield (
        "Intervals take days for independent; moods of neighbouring days are alike, and they are wider in truth. p does not need that. "
        f"Below {FEWEST_FOR_INTERVAL} days none is told."
    )


def _main_table(found: MoodFound) -> Table:
    rows = [_row(one, with_coin=False) for one in found.correlations if one.symbol == MAIN]
    return Table(f"{MAIN}:", ["source", "days between", "correlation", "95 % interval", "n", "p", "q"], rows)


def _all(found: MoodFound) -> Table:
    rows = [_row(one, with_coin=True) for one in found.correlations]
    head = ["source", "coin", "days between", "correlation", "95 % interval", "n", "p", "q"]
    return Table(f"All coins ({len(LEADS)} days between each):", head, rows)


def _row(one: Correlation, *, with_coin: bool) -> list[str]:
    interval = f"{_signed(one.interval[0])} to {_signed(one.interval[1])}" if one.interval else "none"
    told = [_lead(one.lead), _signed(one.correlation), interval, f"{one.n:,}", _number(one.p), _number(one.q)]
    return [one.source, *([one.symbol] if with_coin else []), *told]


def _told(one: Correlation) -> str:
    when = f"{abs(one.lead)} day{'s' * (abs(one.lead) != 1)} {'after' if one.lead > 0 else 'before'} them"
    return (
        f"{one.source} with the return of {one.symbol} {when if one.lead else 'on the same day'}, {_signed(one.correlation)} "
        f"(n = {one.n:,}, {small('p', one.p)}, {'no q' if one.q is None else small('q', one.q)})"
    )


def _number(p: float | None) -> str:
    return "none" if p is None else small("", p).removeprefix(" = ").strip()


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0:+.2f}".replace("-", "−")


def _lead(lead: int) -> str:
    return f"{lead:+d}".replace("-", "−") if lead else "0"


def _day(day: object) -> str:
    return f"{day:%d %B %Y}".lstrip("0") if isinstance(day, date) else str(day)
