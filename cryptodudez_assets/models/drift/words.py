"""What a look found, in sentences. Every one is made from the numbers."""

from collections.abc import Iterator, Sequence

from cryptodudez_assets.models.drift.detect import FEWEST_BLOCKS, FEWEST_DAYS
from cryptodudez_assets.models.drift.found import Column, Drift, Rate

NAMED = 5
UNIT = {"Kolmogorov-Smirnov": "", "Wasserstein": "\u00a0sd"}


def words(drift: Drift, sent_to: str = "") -> str:
    """All of it, as one paragraph. `sent_to` is the endpoint of rows that were sent; without it they are days."""
    return " ".join(_judged(drift, sent_to) if drift.judged else _not_judged(drift, sent_to))


def verdict(drift: Drift, sent_to: str = "") -> str:
    """What is unlike the reference, or that nothing is."""
    monitored = [one for one in drift.columns if one.distance is not None]
    latest = f"the latest {drift.n_current} {f'rows sent to {sent_to}' if sent_to else 'days'}"
    if not drift.alarm:
        return (
            f"No drift: in {latest}, none of {len(monitored)} columns is further from the reference ({drift.n_reference:,} days) "
            f"than is ordinary between the reference's own blocks of {drift.n_current} days."
        )
    one = len(drift.drifted) == 1
    return (
        f"Drift: in {latest}, {len(drift.drifted)} of {len(drift.columns)} columns {'is' if one else 'are'} unlike the reference "
        f"({drift.n_reference:,} days): {_listed([_told(each, drift, 'rows' if sent_to else 'days') for each in drift.drifted], '; ')}."
    )


def replayed(drift: Drift) -> Iterator[str]:
    """How far an alarm can be believed."""
    asked, rate = percent(drift.false_alarm_rate), drift.replayed_rate
    if rate is None:
        yield f"The reference is too short to replay, so that nothing shows whether alarms are false in {asked} of looks, as asked."
        return
    yield (
        f"Replayed on {rate.looks} blocks of the reference, each as if it were new and only the days before it were known, the same "
        f"look alarms {rate.alarms} {'time' if rate.alarms == 1 else 'times'}: {percent(rate.value)} "
        f"(95 % interval {percent(rate.low)} to {percent(rate.high)}); {asked} were asked for."
    )
    yield _agreement(rate, drift.false_alarm_rate)


def unmonitored(drift: Drift) -> Iterator[str]:
    """Columns of which values are not compared, with the reason."""
    if found := [one.name for one in drift.columns if one.level]:
        yield (
            f"Not monitored, as {'it moves' if len(found) == 1 else 'they move'} like a level, not like a return: "
            f"{_listed(found, ', ')}."
        )
    if found := [one.name for one in drift.columns if one.distance is None and not one.level]:
        yield f"Too few values to compare: {_listed(found, ', ')}."


def percent(share: float) -> str:
    """`5 %`, not to be torn apart."""
    return f"{100 * share:.0f}\u00a0%"


def measured(value: float | None, drift: Drift) -> str:
    """A distance with its unit."""
    return "" if value is None else f"{value:.2f}{UNIT[drift.method]}"


def _judged(drift: Drift, sent_to: str) -> Iterator[str]:
    yield verdict(drift, sent_to)
    yield from replayed(drift)
    yield from unmonitored(drift)


def _not_judged(drift: Drift, sent_to: str) -> Iterator[str]:
    n, of_reference = drift.n_given, FEWEST_BLOCKS * FEWEST_DAYS
    if n < FEWEST_DAYS and sent_to:
        rows = "1 row was" if n == 1 else f"{n or 'No'} rows were"
        yield f"{rows} sent to {sent_to}{'' if n else ' yet'}; {FEWEST_DAYS} are needed."
    elif n < FEWEST_DAYS:
        yield f"{n} day{'s' * (n != 1)} since training; drift is judged from {FEWEST_DAYS} on."
    if drift.n_reference < of_reference:
        yield f"The reference has {drift.n_reference:,} days; {of_reference:,} are needed."


def _told(one: Column, drift: Drift, rows: str) -> str:
    if one.missing_score >= one.score:
        return f"{one.name} (missing on {percent(one.missing_current)} of {rows}, {percent(one.missing_reference)} in the reference)"
    return f"{one.name} (distance {measured(one.distance, drift)}, threshold {measured(one.threshold, drift)})"


def _listed(names: Sequence[str], separator: str) -> str:
    more = len(names) - NAMED
    return separator.join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _agreement(rate: Rate, asked: float) -> str:
    few = rate.looks * asked < 3  # fewer alarms are expected than a rate can be told by
    if rate.low > asked:
        return (
            "That is more than asked: these columns do not stand still, and an alarm says that the days are unlike the past, not that "
            "something broke."
        )
    if rate.high < asked:
        return "That is less than asked: an alarm is rarer than it would have to be."
    return "That agrees, but so few looks cannot tell such rates well." if few else "That agrees."
