"""An event: something that a person should know, said once however many processes saw it.

Its id is made of what it is about, so that whoever sees the same says the same. Where it goes does not belong here.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

import msgspec

Severity = Literal["info", "warning", "critical"]
ID_LENGTH = 26
"""Characters of 5 bits: no two ids will ever be the same by chance."""


class Kind(StrEnum):
    """What an event says of its incident. `happened` and `tested` stand alone: nothing ends them."""

    STARTED = "started"
    RECOVERED = "recovered"
    HAPPENED = "happened"
    TESTED = "tested"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by which rule, to whom. Times are whole seconds of Unix time.

    `subject`: what it is about, such as a book or a check. `started_at`: the first second of the incident, of its recovery, too.
    `at`: when this event was the case: a start may be said some seconds after the incident began, if it had to last for a while.
    `details`: numbers and words for programs. `quiet_for`: a start so many seconds or less after the last recovery of the same
    rule and subject is not said.
    """

    rule: str
    subject: str
    kind: Kind
    started_at: int
    at: int
    severity: Severity
    title: str
    text: str
    details: dict[str, str | float | int | None] = msgspec.field(default_factory=dict)
    quiet_for: int = 0

    @property
    def id(self) -> str:
        """The same for the same rule, subject, start and kind, in every process; letters and digits."""
        return _short_hash(self.rule, self.subject, self.started_at, str(self.kind))

    @property
    def incident(self) -> str:
        """What a start and its recovery have in common."""
        return _short_hash(self.rule, self.subject, self.started_at)


class Incident(msgspec.Struct, frozen=True):
    """The last incident of a rule and a subject; it is open while `recovered_at` is null."""

    rule: str
    subject: str
    started_at: int
    recovered_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was said to have started, and not to be over."""
        return self.recovered_at is None


def as_told(event: Event) -> dict[str, object]:
    """The event as it is sent: a type, a time, and data with everything."""
    return {
        "type": f"incident.{event.kind}" if event.kind in (Kind.STARTED, Kind.RECOVERED) else f"event.{event.kind}",
        "timestamp": in_iso(event.at),
        "data": {
            "id": event.id,
            "incident": event.incident,
            "rule": event.rule,
            "subject": event.subject,
            "kind": str(event.kind),
            "severity": event.severity,
            "title": event.title,
            "text": event.text,
            "started_at": in_iso(event.started_at),
            "at": in_iso(event.at),
            "details": event.details,
        },
    }


def in_iso(second: int) -> str:
    """As `2022-04-30T04:10:26+00:00`."""
    return datetime.fromtimestamp(second, UTC).isoformat()


def _short_hash(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=False)
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:ID_LENGTH]
