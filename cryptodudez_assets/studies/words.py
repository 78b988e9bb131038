"""The study in words. Every sentence is made from the numbers, so that it changes with the data."""

from collections.abc import Iterator

import numpy as np

from cryptodudez_assets.reports.sections import Plot, Section, Table
from cryptodudez_assets.studies import result
from cryptodudez_assets.studies.dogecoin import ASSET, CONTROL, EVENT_WINDOW, TERM, YEAR, Event, Study
from cryptodudez_assets.studies.event_study import ESTIMATION_DAYS, GAP_DAYS, Cumulative, LeadLag, Window
from cryptodudez_assets.studies.term_days import ALL_YEARS, FEWEST_DAYS, PERMUTATIONS, TermEffect

UNUSUAL_Z = 2.0
FALSE_SHARE = 0.05
BEFORE, AFTER = (-4, -1), (4, 10)
DAYS_LISTED = 6
EFFECTS_LISTED = 12
PRICE = Plot("price", f"Line: daily close of {ASSET} in {YEAR}; dots: days with tweets that contain {TERM}.")
EVENT = Plot("event", "Bars: abnormal return by day around the event; line below: their running sum.")
PLACEBOS = Plot("placebos", "Histogram of the sums of all other windows, with a line at the event's.")
LEADS = Plot("leads", "Bars: correlation of tweets with returns from three days before to three days after.")


def sections(study: Study) -> list[Section]:
    """The whole text."""
    if study.event is None:
        told = (
            f"No event could be studied: {study.trouble}. That is {_count(study.n_event_days, 'day')} with such tweets."
        )
        return [Section("Nothing to study", [told]), *_second_part(study)]
    event = study.event
    return [
        Section("In short", list(_in_short(study, event))),
        Section(f"The price in {YEAR}", [_tweets(study, event)], plots=(PRICE,)),
        Section("The days around the event", list(_around(event)), plots=(EVENT,)),
        Section("How unusual is that?", list(_placebos(event)), plots=(PLACEBOS,)),
        Section("Who leads whom?", list(_leads(study)), plots=(LEADS,)),
        Section("What cannot be concluded", list(_limits(study, event))),
        *_second_part(study),
    ]


def percent(value: float, digits: int = 1) -> str:
    """`+16.4 %`, not to be torn apart."""
    return f"{100 * value:+.{digits}f}\u00a0%".replace("-", "−")


def _p(p: float | None) -> str:
    return "p unknown" if p is None else small("p", p)


def small(name: str, p: float) -> str:
    """`p = 0.012`, or `p < 0.001`."""
    return f"{name} < 0.001" if p < 0.001 else f"{name} = {p:.3f}" if p < 0.1 else f"{name} = {p:.2f}"


def _z(z: float) -> str:
    return f"z = {z:.1f}".replace("-", "−")


def _count(n: int, noun: str) -> str:
    words = {0: "no", 1: "one", 2: "two", 3: "three", 4: "four"}
    return f"{words.get(n, f'{n:,}')} {noun}{'' if n == 1 else 's'}"


def named(window: Window) -> str:
    """A window as it is printed."""
    return result.named(window).replace("-", "−")


def _day(day: np.datetime64) -> str:
    return f"{day.item():%d %B %Y}".lstrip("0")


def _days(event: Event) -> str:
    first, last = event.days[0], event.days[-1]
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _in_short(study: Study, event: Event) -> Iterator[str]:
    main, zero = event.windows[EVENT_WINDOW], event.single.get(0)
    yield (
        f"{_count(event.n_tweets, 'tweet').capitalize()} of {_days(event)} "
        f"{'contains' if event.n_tweets == 1 else 'contain'} “{TERM}”. "
        f"{YEAR} holds {_count(study.n_events, 'event')} on {_count(study.n_event_days, 'day')}."
    )
    if zero:
        day = "That day" if len(event.days) == 1 else "On the first day"
        verdict = "which is nothing unusual" if abs(zero.z) < UNUSUAL_Z else "more than the market explains"
        yield (
            f"{day} {ASSET} returned {percent(event.asset_return)} and {CONTROL} {percent(event.control_return)}. What "
            f"{CONTROL} does not explain is {percent(zero.value)} ({_z(zero.z)}), {verdict}."
        )
    rank = "none is" if main.rank == 1 else f"{main.rank - 1} {'is' if main.rank == 2 else 'are'}"
    yield (
        f"Over the days {named(main.window)} the abnormal return sums to {percent(main.value)} ({_z(main.z)}); of the "
        f"{main.n} other windows of that length in {YEAR}, {rank} as far from zero ({_p(main.p)})."
    )
    yield _anticipation(event)
    if mean := study.mean:
        yield (
            f"The mean over the n = {mean.n} events of {YEAR} that have all their days, each by its own model, is "
            f"{percent(mean.value)} for {named(EVENT_WINDOW)} ({_z(mean.z)} if the events were independent)."
        )


def _anticipation(event: Event) -> str:
    before = event.single.get(-1)
    if before is None:
        return "The return of the day before is not known, so that anticipation cannot be judged."
    beside = f"{_z(before.z)}, n = {before.n} other days, {_p(before.p)}"
    told = f"On the day before, the abnormal return was {percent(before.value)} ({beside})"
    if abs(before.z) >= UNUSUAL_Z:
        return (
            f"{told}: the price moved before the tweets. Tweets of a day cannot have caused what happened on the day before, so "
            "that anticipation, or a common cause, cannot be excluded for what came after either."
        )
    return f"{told}: no sign that the event was anticipated."


def _tweets(study: Study, event: Event) -> str:
    named_days = study.tweets.select("event_ts", "n_tweets").rows()
    days = "; ".join(f"{day.day} {day:%B}: {n}" for day, n in named_days[:DAYS_LISTED])
    days += f"; and {len(named_days) - DAYS_LISTED} more" if len(named_days) > DAYS_LISTED else ""
    more = f" Shown below is the event with most of them, {_days(event)}." if study.n_events > 1 else ""
    return f"Daily closes of {ASSET} (n = {len(study.prices)}), and the days with tweets that contain “{TERM}” ({days}).{more}"


def _around(event: Event) -> Iterator[str]:
    model = event.model
    yield (
        f"The market model says: return of {ASSET} = {percent(model.alpha, 2)} + {model.beta:.2f} × return of {CONTROL}, give or "
        f"take {100 * model.sd:.1f} % a day. It is fitted on n = {model.n} days of the {ESTIMATION_DAYS} that end "
        f"{GAP_DAYS + 1} days before the event. Returns are logarithmic, between closes at midnight UTC."
    )
    days = [
        f"{k:+d}: {percent(event.single[k].value)} ({_z(event.single[k].z)})" for k in range(-1, 5) if k in event.single
    ]
    yield f"Abnormal returns by day: {'; '.join(days).replace('+0:', '0:').replace('-1:', '−1:')}."
    if before := event.windows.get(BEFORE):
        yield f"The four days before, {named(BEFORE)}, sum to {percent(before.value)} ({_beside(before)})."
    if after := event.windows.get(AFTER):
        back = after.value * event.windows[EVENT_WINDOW].value < 0
        kind = "Afterwards the price went the other way" if back else "Afterwards the price did not turn"
        yield f"{kind}: {named(AFTER)} sums to {percent(after.value)} ({_beside(after)})."


def _beside(one: Cumulative) -> str:
    return f"{_z(one.z)}, n = {one.n} other windows, {_p(one.p)}"


def _placebos(event: Event) -> Iterator[str]:
    main = event.windows[EVENT_WINDOW]
    if not main.n:
        yield "There is no other window to compare with."
        return
    yield (
        f"The yardstick is every other window of {_length(main)} days in {YEAR} that touches neither the event nor the day before "
        f"it (n = {main.n}), under the same model. The highest is {percent(float(main.placebos.max()))} (from "
        f"{_day(main.starts[main.placebos.argmax()])}), the lowest {percent(float(main.placebos.min()))} (from "
        f"{_day(main.starts[main.placebos.argmin()])}); the event's {percent(main.value)} has rank {main.rank} of {main.n + 1}."
    )
    yield (
        f"With so many windows p cannot be below {1 / (main.n + 1):.3f}, and since they overlap they are worth about "
        f"{main.n // _length(main)} separate ones."
    )


def _length(one: Cumulative) -> int:
    return one.window[1] - one.window[0] + 1


def _leads(study: Study) -> Iterator[str]:
    for series, what in ((study.raw, "return"), (study.abnormal, "abnormal return")):
        if series:
            told = ", ".join(
                f"{_lead(one)} {round(one.correlation, 2) + 0:.2f} (n = {one.n}, {_p(one.p)})" for one in series
            )
            yield f"Correlation of the day's share of tweets with the {what} so many days later: {told}.".replace(
                "-", "−"
            )
    if study.n_event_days == 1:
        yield "With a single day that is not zero, these are the returns of single days over again, in another unit: no further evidence."
    yield "p: share of all shifts of the tweets through the year that correlate as strongly."


def _lead(one: LeadLag) -> str:
    return f"{one.lead:+d}:" if one.lead else "0:"


def _limits(study: Study, event: Event) -> Iterator[str]:
    if study.n_events == 1:
        yield (
            "This is one event. From n = 1 there is no mean effect, no interval and no forecast: the numbers say how unusual these days "
            "were, not that the tweets did it, and not what the next tweet would do."
        )
    else:
        yield (
            f"The days shown are those of one of {study.n_events} events, chosen because it has most tweets; events that lie close "
            "together share days of their windows and of their models, so that they count for less than their number."
        )
    yield "What else happened in those days (a poll, a listing, what other people wrote) is in none of these tables."
    yield (
        "The model's deviation is that of a calm or a wild half-year before, so that z values of other times mislead; the placebo windows "
        "do not depend on it. The year and the window were chosen by somebody who knew the story."
    )
    if abs(event.control_return) > 3 * event.model.sd:
        yield (
            f"{CONTROL} itself moved by {percent(event.control_return)} on the day: the abnormal return then hangs on beta. With a "
            f"beta higher by 0.1 it would be {percent(event.single[0].value - 0.1 * event.control_return)}."
        )


def _second_part(study: Study) -> list[Section]:
    if not study.effects:
        return [Section("All terms, all years", ["There are no days to compare."])]
    return [Section("All terms, all years", list(_terms(study.effects)), tables=(_smallest(study.effects),))]


def _terms(effects: list[TermEffect]) -> Iterator[str]:
    found = [one for one in effects if one.q <= FALSE_SHARE]
    yield (
        f"Mean abnormal return of {ASSET} on days whose tweets contain a term (also inside of a word) against all other days, for each "
        f"term and year with at least {FEWEST_DAYS} such days, and over all years: {_count(len(effects), 'test')}. Each day is judged by "
        f"the model of the days before it. p by {PERMUTATIONS:,} permutations of days within their year, fixed seed; q after "
        "Benjamini and Hochberg."
    )
    if not found:
        smallest = min(effects, key=lambda one: one.p)
        yield (
            f"Nothing stands up to the number of tests (no q up to {FALSE_SHARE}). The smallest p is that of {_effect(smallest)}; "
            f"with {len(effects)} tests about {0.05 * len(effects):.0f} would have p < 0.05 by chance, and "
            f"{sum(one.p < 0.05 for one in effects)} have."
        )
        return
    yield f"With q up to {FALSE_SHARE}: {'; '.join(map(_effect, found))}."
    yield "A day's tweets may follow its price as well as lead it, and days that follow each other are not independent."


def _smallest(effects: list[TermEffect]) -> Table:
    chosen = sorted(effects, key=lambda one: one.p)[:EFFECTS_LISTED]
    rows = [
        [
            one.term,
            period(one),
            f"{percent(one.mean)} ({one.n_days})",
            f"{percent(one.mean_other)} ({one.n_other})",
            percent(one.difference),
            small("", one.p).removeprefix(" = "),
            small("", one.q).removeprefix(" = "),
        ]
        for one in chosen
    ]
    head = ["term", "period", "with (n)", "without (n)", "difference", "p", "q"]
    return Table(f"The {len(chosen)} smallest p of {len(effects)}:", head, rows)


def _effect(one: TermEffect) -> str:
    return (
        f"“{one.term}” in {period(one)}: {percent(one.mean)} (n = {one.n_days}) against {percent(one.mean_other)} "
        f"(n = {one.n_other}), {_p(one.p)}, {small('q', one.q)}"
    )


def period(one: TermEffect) -> str:
    """The year, or all of them."""
    return "all years" if one.period == ALL_YEARS else one.period
