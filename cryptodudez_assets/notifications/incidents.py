"""From what somebody found when they looked to events: of what is wrong now and was not, and of what was wrong and is not.

For whoever looks from time to time, and remembers nothing: what was wrong is told by the outbox. What is fed with every second
has state machines of its own (`recorder/alerts.py`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from cryptodudez_assets.notifications.event import Event, Incident, Kind, Severity, in_iso


@dataclass(frozen=True)
class Told:
    """How a rule tells its incidents."""

    rule: str
    title: str
    severity: Severity
    quiet_for: int = 0


@dataclass(frozen=True)
class Finding:
    """How a subject stands, since when (the second of the look that says so), and in words."""

    subject: str
    is_wrong: bool
    since: int
    text: str
    details: dict[str, str | float | int | None] = field(default_factory=dict)


def events_of(
    rule: Told, findings: Iterable[Finding], incidents: Sequence[Incident], now: int, looked_after: Collection[str]
) -> list[Event]:
    """What starts and what is over, given the last incident of each rule and subject.

    A subject of which nothing was found stays as it was; one that is not looked after any more is over now.
    """
    last = {one.subject: one for one in incidents if one.rule == rule.rule}
    found = {one.subject: one for one in findings}
    events = [event for one in found.values() if (event := _event(rule, one, last.get(one.subject), now))]
    for one in last.values():
        if one.is_open and one.subject not in looked_after:
            gone = Finding(one.subject, False, now, "Nobody looks after it any more.")
            events.append(_made(rule, gone, Kind.RECOVERED, one.started_at))
    return events


def _event(rule: Told, finding: Finding, last: Incident | None, now: int) -> Event | None:
    is_open = last is not None and last.is_open
    if finding.is_wrong == is_open:
        return None
    if last is not None and is_open:
        return _made(rule, finding, Kind.RECOVERED, last.started_at)
    # What fails again within the second in which it recovered begins with the next.
    earliest = 0 if last is None or last.recovered_at is None else last.recovered_at + rule.quiet_for + 1
    return None if earliest > now else _made(rule, finding, Kind.STARTED, max(finding.since, earliest))


def _made(rule: Told, finding: Finding, kind: Kind, started_at: int) -> Event:
    is_over = kind == Kind.RECOVERED
    return Event(
        rule=rule.rule,
        subject=finding.subject,
        kind=kind,
        started_at=started_at,
        at=max(finding.since, started_at),
        severity=rule.severity,
        title=f"{rule.title}{' is over' * is_over}: {finding.subject}",
        text=f"{finding.text} It began at {in_iso(started_at)}." if is_over else finding.text,
        details=finding.details,
        quiet_for=rule.quiet_for,
    )
