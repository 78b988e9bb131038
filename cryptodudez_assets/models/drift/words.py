"""What a look found, in sentences. Every one is made from the numbers."""

from collections.abc import Iterator, Sequence

from cryptodudez_assets.models.drift.found import Column, Drift, Rate

NAMED = 5
UNIT = {"Kolmogorov-Smirnov": "", "Wasserstein": "\u00a0sd"}


def words(drift: Drift) -> str:
    """All of it, as one paragraph."""
    return " ".join(_judged(drift) if drift.judged else _not_judged(drift))


def verdict(drift: Drift) -> str:
    """What is unlike the reference, or that nothing is."""
    monitored = [one for one in drift.columns if one.distance is not None]
    days = f"the latest {drift.n_current} days"
    if not drift.alarm:
        return (
            f"No drift: in {days}, none of {len(monitored)} columns is further from the reference ({drift.n_reference:,} days) "
            f"than is ordinary between the reference's own blocks of {drift.n_current} days."
        )
    one = len(drift.drifted) == 1
    return (
        f"Drift: in {days}, {len(drift.drifted)} of {len(drift.columns)} columns {'is' if one else 'are'} unlike the reference "
        f"({drift.n_reference:,} days): {_listed([_told(each, drift) for each in drift.drifted], '; ')}."
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


def _judged(drift: Drift) -> Iterator[str]:
    yield verdict(drift)
    yield from replayed(drift)
    yield from unmonitored(drift)


def _not_judged(drift: Drift) -> Iterator[str]:
    yield (
        f"Not enough days yet to say: {drift.n_current} to look at (30 are needed) and {drift.n_reference:,} of the reference "
        "(300 are needed)."
    )


def _told(one: Column, drift: Drift) -> str:
    if one.missing_score >= one.score:
        return f"{one.name} (missing on {percent(one.missing_current)} of days, {percent(one.missing_reference)} in the reference)"
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
