"""The outbox: events that were said, and for each sink whether it has them. It decides what is one incident.

Of a rule and a subject at most one incident is open at a time: a second start joins it, whoever says so and a second later,
and the first recovery ends it, also that of a process that had another start in mind. Sending is in `delivery.py`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.notifications.event import Event, Incident, Kind

State = Literal["waiting", "sent", "dead"]
KEPT_SECONDS = 90 * 24 * 3600
"""So long what was sent is remembered. What is open, waits or is dead stays."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS notification_events (
        id TEXT PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
        started_at BIGINT NOT NULL, happened_at BIGINT NOT NULL, put_at DOUBLE PRECISION NOT NULL, body TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS notification_deliveries (
        event_id TEXT NOT NULL, sink TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
        due DOUBLE PRECISION NOT NULL, told TEXT NOT NULL, changed_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (event_id, sink))""",
    "CREATE INDEX IF NOT EXISTS notification_incidents ON notification_events (rule, subject, started_at)",
    "CREATE INDEX IF NOT EXISTS notification_due ON notification_deliveries (state, sink, due)",
)
PUT = "INSERT INTO notification_events VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
ADDRESS = "INSERT INTO notification_deliveries VALUES (?, ?, 'waiting', 0, ?, '', ?) ON CONFLICT DO NOTHING"
INCIDENTS = """SELECT s.rule, s.subject, s.started_at, r.happened_at FROM notification_events s
    LEFT JOIN notification_events r ON r.rule = s.rule AND r.subject = s.subject AND r.started_at = s.started_at
        AND r.kind = 'recovered'
    WHERE s.kind = 'started' AND s.started_at = (SELECT max(l.started_at) FROM notification_events l
        WHERE l.rule = s.rule AND l.subject = s.subject AND l.kind = 'started')"""
LAST = """SELECT body FROM notification_events WHERE rule = ? AND subject = ? ORDER BY started_at DESC, put_at DESC
    LIMIT 1"""
# The recovery waits for its start; else whoever reads along would be told that all is well, and then that it is not.
DUE = """SELECT e.body, d.attempts, d.due FROM notification_deliveries d JOIN notification_events e ON e.id = d.event_id
    WHERE d.state = 'waiting' AND d.sink = ? AND d.due <= ? AND (? = '' OR e.id = ?) AND NOT (e.kind = 'recovered' AND EXISTS (
        SELECT 1 FROM notification_events s JOIN notification_deliveries w ON w.event_id = s.id AND w.sink = d.sink
        WHERE s.rule = e.rule AND s.subject = e.subject AND s.started_at = e.started_at AND s.kind = 'started'
            AND w.state = 'waiting'))
    ORDER BY e.put_at, e.happened_at LIMIT 1"""
CLAIM = """UPDATE notification_deliveries SET attempts = attempts + 1, due = ?, changed_at = ?
    WHERE event_id = ? AND sink = ? AND state = 'waiting' AND due = ? RETURNING attempts"""
SETTLE = """UPDATE notification_deliveries SET state = ?, told = ?, due = ?, changed_at = ?
    WHERE event_id = ? AND sink = ? AND state = 'waiting'"""
NEXT = "SELECT min(due) FROM notification_deliveries WHERE state = 'waiting' AND sink = ?"
LIST = """SELECT e.body, d.sink, d.state, d.attempts, d.told, d.due, d.changed_at FROM notification_deliveries d
    JOIN notification_events e ON e.id = d.event_id ORDER BY e.put_at DESC, d.sink"""
REVIVE = """UPDATE notification_deliveries SET state = 'waiting', attempts = 0, due = ?, changed_at = ?
    WHERE state <> 'sent' AND (? = '' OR event_id = ?) RETURNING event_id"""
FORGET = """DELETE FROM notification_events WHERE put_at < ?
    AND NOT EXISTS (SELECT 1 FROM notification_deliveries d WHERE d.event_id = notification_events.id AND d.state <> 'sent')
    AND EXISTS (SELECT 1 FROM notification_events n WHERE n.rule = notification_events.rule
        AND n.subject = notification_events.subject AND n.started_at > notification_events.started_at)"""
FORGET_DELIVERIES = "DELETE FROM notification_deliveries WHERE event_id NOT IN (SELECT id FROM notification_events)"


class Claimed(msgspec.Struct, frozen=True):
    """An event that a sink is to be sent now, and by nobody else until the claim runs out. `attempt` counts from 1."""

    event: Event
    attempt: int


class Delivered(msgspec.Struct, frozen=True):
    """How an event stands with a sink. `told`: what went wrong last. `due`: when it is tried again; seconds of Unix time."""

    event: Event
    sink: str
    state: State
    attempts: int
    told: str
    due: float
    changed_at: float


class Outbox:
    """The outbox of one platform. Safe for threads and processes; nothing of it is kept in memory.

    `sinks`: to whom what is put is sent, by name.
    """

    def __init__(self, url: str, sinks: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        self._sinks, self._clock = sinks, clock
        self._database = open_database(url, TABLES, "notifications")

    def put(self, events: Iterable[Event]) -> list[Event]:
        """Keep these in their order, all or none; they survive a power cut once this returns. Gives those that are new.

        An event that is known by its id, joins an open incident, ends none, or comes while its rule is to be quiet, is no new one.
        A recovery is given as that of the incident that it ends.
        """
        with self._database.transaction():
            fitted = map(self._fitted, events)
            return [event for event in fitted if event is not None and self._insert(event)]

    def incidents(self) -> list[Incident]:
        """The last incident of each rule and subject, open or over."""
        return [Incident(*row) for row in self._database.run(INCIDENTS)]

    def last(self, rule: str, subject: str) -> Event | None:
        """What was said last of a subject by a rule."""
        rows = self._database.run(LAST, (rule, subject))
        return _decoded(rows[0][0]) if rows else None

    def claim(self, sink: str, lease_seconds: float, event_id: str = "") -> Claimed | None:
        """The next event that this sink is to be sent (or this one, if it is). It is nobody else's for so many seconds.

        Whoever dies meanwhile leaves it to the next, once these are over.
        """
        now = self._clock()
        with self._database.transaction():
            rows = self._database.run(DUE, (sink, now, event_id, event_id))
            if not rows:
                return None
            event, due = _decoded(rows[0][0]), rows[0][2]
            claimed = self._database.run(CLAIM, (now + lease_seconds, now, event.id, sink, due))
        return Claimed(event, claimed[0][0])

    def settle(self, event: Event, sink: str, state: State, told: str = "", due: float | None = None) -> None:
        """Write down how it went. `due`: when to try again what still waits."""
        now = self._clock()
        with self._database.transaction():
            self._database.run(SETTLE, (state, told, now if due is None else due, now, event.id, sink))

    def next_due(self, sinks: Iterable[str]) -> float | None:
        """When there is something to send at the earliest, in seconds of Unix time; null where nothing waits."""
        found = (self._database.run(NEXT, (sink,))[0][0] for sink in sinks)
        return min((due for due in found if due is not None), default=None)

    def deliveries(self) -> list[Delivered]:
        """How every event stands with every sink, the newest first."""
        return [Delivered(_decoded(body), *more) for body, *more in self._database.run(LIST)]

    def revive(self, event_id: str = "") -> int:
        """Have what is dead or waits (all of it, or one event) sent from now on; to how many sinks."""
        now = self._clock()
        with self._database.transaction():
            return len(self._database.run(REVIVE, (now, now, event_id, event_id)))

    def forget(self) -> None:
        """Remove what was sent long ago, but for the last of each rule and subject."""
        with self._database.transaction():
            self._database.run(FORGET, (self._clock() - KEPT_SECONDS,))
            self._database.run(FORGET_DELIVERIES)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _fitted(self, event: Event) -> Event | None:
        """The event as the incidents that there are make it; nothing where they have it already."""
        if event.kind not in (Kind.STARTED, Kind.RECOVERED):
            return event
        last = self._last_incident(event.rule, event.subject)
        if event.kind == Kind.STARTED:
            return None if last is not None and not _may_follow(last, event) else event
        if last is None or not last.is_open or event.at < last.started_at:
            return None
        return msgspec.structs.replace(event, started_at=last.started_at)

    def _last_incident(self, rule: str, subject: str) -> Incident | None:
        rows = self._database.run(f"{INCIDENTS} AND s.rule = ? AND s.subject = ?", (rule, subject))
        return Incident(*rows[0]) if rows else None

    def _insert(self, event: Event) -> bool:
        now = self._clock()
        body = msgspec.json.encode(event).decode()
        row = (event.id, event.rule, event.subject, str(event.kind), event.started_at, event.at, now, body)
        if not self._database.run(PUT, row):
            return False
        for sink in self._sinks:
            self._database.run(ADDRESS, (event.id, sink, now, now))
        return True


def _may_follow(last: Incident, event: Event) -> bool:
    return last.recovered_at is not None and event.started_at > last.recovered_at + event.quiet_for


def _decoded(body: str) -> Event:
    return msgspec.json.decode(body, type=Event)
