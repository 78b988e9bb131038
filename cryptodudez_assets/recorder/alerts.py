"""When people are told of a spread, or of a book of which nothing is known: a state machine for each rule and book.

It is fed one record per book and second and says what starts and what is over. No input, no output, no clock: what it knew
before a restart is given back to it by the outbox (`adopt`). Keeping and sending events belongs to `notifications/`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptodudez_assets.notifications.event import Event, Incident, Kind, in_iso
from cryptodudez_assets.recorder.alert_rules import AlertRule, NoDataRule, SpreadRule
from cryptodudez_assets.recorder.record import Origin, Record, spread


class SpreadAlerts:
    """All rules of a recorder. Of a rule and a book at most one incident is open; starts and recoveries alternate."""

    def __init__(self, rules: Iterable[AlertRule], incidents: Iterable[Incident] = (), instance: str = "") -> None:
        """`incidents`: the last of each, as the outbox has them. `instance`: the recorder's name, for the words of events."""
        self._watches: dict[str, list[_Watch]] = {}
        for rule in rules:
            watch: _Watch = _SpreadWatch(rule) if isinstance(rule, SpreadRule) else _NoDataWatch(rule, instance)
            self._watches.setdefault(rule.book, []).append(watch)
        self._newest: dict[str, int] = {}
        self.adopt(incidents)

    def adopt(self, incidents: Iterable[Incident]) -> None:
        """Take over what the outbox says is open or over: after a restart, or when it had taken no event that was told here."""
        last = {(one.rule, one.subject): one for one in incidents}
        for watch in (watch for watches in self._watches.values() for watch in watches):
            watch.adopt(last.get((watch.rule.rule, watch.rule.book)))

    def observe(self, records: Sequence[Record]) -> list[Event]:
        """What these say, in any order of books; of one book in that of seconds. A second that was seen before says nothing."""
        events: list[Event] = []
        for record in records:
            if record.second <= self._newest.get(record.book, -1):
                continue
            self._newest[record.book] = record.second
            for watch in self._watches.get(record.book, ()):
                if event := watch.observe(record):
                    events.append(event)
        return events


class _Watch(Protocol):
    @property
    def rule(self) -> AlertRule: ...

    def adopt(self, last: Incident | None) -> None: ...

    def observe(self, record: Record) -> Event | None: ...


@dataclass
class _SpreadWatch:
    """One threshold. Seconds of which nothing is known neither count nor end an incident; but what is to last must last in a row."""

    rule: SpreadRule
    open_since: int | None = None
    quiet_until: int = -1
    """The last second that says nothing: of the cool-down, or of an incident that is over."""
    over_since: int | None = None
    before: int = -1
    widest: float = 0.0

    def adopt(self, last: Incident | None) -> None:
        if last is None:
            self.open_since = None
            return
        if last.recovered_at is None:
            self.open_since, self.over_since = last.started_at, None
            return
        self.open_since = None
        self.quiet_until = last.recovered_at + self.rule.threshold.quiet_for

    def observe(self, record: Record) -> Event | None:
        now = None if record.is_gap else spread(record.bid, record.ask)
        in_a_row, self.before = record.second == self.before + 1, record.second
        if now is None or not in_a_row:
            self.over_since = None
        if now is None:
            return None
        if self.open_since is not None:
            return self._while_open(record, now, self.open_since)
        if now <= self.rule.threshold.over or record.second <= self.quiet_until:
            self.over_since = None
            return None
        if self.over_since is None:
            self.over_since, self.widest = record.second, now
        self.widest = max(self.widest, now)
        if record.second - self.over_since + 1 < self.rule.threshold.for_seconds:
            return None
        self.open_since, self.over_since = self.over_since, None
        return self._event(Kind.STARTED, record, now, self.open_since)

    def _while_open(self, record: Record, now: float, since: int) -> Event | None:
        if record.second < since:
            return None
        self.widest = max(self.widest, now)
        if now >= self.rule.threshold.clears_below or record.second == since:
            return None
        self.open_since, self.quiet_until = None, record.second + self.rule.threshold.quiet_for
        return self._event(Kind.RECOVERED, record, now, since)

    def _event(self, kind: Kind, record: Record, now: float, since: int) -> Event:
        threshold, book = self.rule.threshold, self.rule.book
        if kind == Kind.STARTED:
            title = f"{self.rule.title}: {book} over {threshold.over:g} %"
            text = f"The spread of {book} is {now:.4g} %, over {threshold.over:g} % since {in_iso(since)}."
        else:
            title = f"{self.rule.title} is over: {book} below {threshold.clears_below:g} %"
            lasted = record.second - since
            text = f"The spread of {book} is {now:.4g} %; it was over {threshold.over:g} % for {lasted:,} s, at most {self.widest:.4g} %."
        details: dict[str, str | float | int | None] = {
            "book": book,
            "spread": now,
            "bid": record.bid,
            "ask": record.ask,
            "threshold": threshold.over,
            "widest": self.widest,
            "seconds": record.second - since + (kind == Kind.STARTED),
        }
        return _event_of(self.rule, kind, record, since, title, text, details)


@dataclass
class _NoDataWatch:
    """Whether a recorder knows a book: from a message or an answer of the last second, or since it is at rest and in sequence."""

    rule: NoDataRule
    instance: str = ""
    open_since: int | None = None
    quiet_until: int = -1
    """The last second that does not count: of the cool-down, or of an incident that is over."""
    known_at: int | None = None
    """The last second that was not a gap."""
    heard_at: int | None = None
    """The last second in which anything was said of the book."""

    def adopt(self, last: Incident | None) -> None:
        self.open_since = None if last is None else last.started_at if last.is_open else None
        if last is not None and last.recovered_at is not None:
            self.quiet_until = last.recovered_at + self.rule.quiet_for

    def observe(self, record: Record) -> Event | None:
        second = record.second
        if self.known_at is None or self.heard_at is None:  # what was before nobody knows
            self.known_at = self.heard_at = second - 1
        if not record.is_gap:
            self.known_at = second
        if record.source != Origin.CARRIED and not record.is_gap:
            self.heard_at = second
        if self.open_since is not None:
            return self._while_open(record, self.open_since)
        known, heard = max(self.known_at, self.quiet_until), max(self.heard_at, self.quiet_until)
        if second - known >= self.rule.condition.gap_seconds:
            self.open_since = known + 1
        elif second - heard >= self.rule.condition.carried_seconds:
            self.open_since = heard + 1
        else:
            return None
        return self._event(Kind.STARTED, record, self.open_since)

    def _while_open(self, record: Record, since: int) -> Event | None:
        if record.is_gap or record.source == Origin.CARRIED or record.second <= since:
            return None
        self.open_since, self.quiet_until = None, record.second + self.rule.quiet_for
        return self._event(Kind.RECOVERED, record, since)

    def _event(self, kind: Kind, record: Record, since: int) -> Event:
        book, lasted = self.rule.book, record.second - since
        seen_by = f" (recorder {self.instance})" if self.instance else ""
        if kind == Kind.STARTED:
            title = f"{self.rule.title}: {book}"
            what = "Nobody is looking" if record.is_gap else "Nothing is said"
            text = f"{what} at {book} since {in_iso(since)}{seen_by}."
        else:
            title = f"{self.rule.title} is over: {book}"
            text = f"{book} is known again{seen_by}, after {lasted:,} s."
        details: dict[str, str | float | int | None] = {
            "book": book,
            "instance": self.instance or None,
            "is_gap": int(record.is_gap),
            "seconds": lasted,
        }
        return _event_of(self.rule, kind, record, since, title, text, details)


def _event_of(
    rule: AlertRule,
    kind: Kind,
    record: Record,
    since: int,
    title: str,
    text: str,
    details: dict[str, str | float | int | None],
) -> Event:
    """What a rule says of its book at a record."""
    return Event(
        rule=rule.rule,
        subject=rule.book,
        kind=kind,
        started_at=since,
        at=record.second,
        severity=rule.severity,
        title=title,
        text=text,
        details=details,
        quiet_for=rule.quiet_for,
    )
