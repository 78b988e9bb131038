"""Sends what waits in the outbox. Any number of processes may do it at once, and each may die at any moment.

An event is claimed for longer than a send may take, sent, and then marked as sent. Who dies before the mark leaves a claim that
runs out, and the event is sent again, under the same id: at least once.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptodudez_assets.notifications.event import Event
from cryptodudez_assets.notifications.outbox import Claimed, Outbox
from cryptodudez_assets.notifications.sinks import NotDelivered, Sink

MARGIN_SECONDS = 5.0
"""A claim lasts so much longer than a send may."""


@dataclass(frozen=True)
class Backoff:
    """When a failed send is tried again, and how often before it is a dead letter: for about 8 hours.

    The wait doubles from `first_seconds` to `most_seconds`, and of each a random half is taken off, so that many do not come back
    at once.
    """

    first_seconds: float = 2.0
    most_seconds: float = 1800.0
    attempts: int = 30

    def wait(self, attempt: int) -> float:
        """Seconds after this attempt, counted from 1."""
        longest = min(self.first_seconds * 2.0 ** min(attempt - 1, 60), self.most_seconds)
        return longest * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class Attempt:
    """One send. `problem` is empty where it went well."""

    event: Event
    sink: str
    problem: str
    is_dead: bool = False


class Delivery:
    """Sends what waits to these sinks, each on its own, so that a slow one keeps none waiting."""

    def __init__(
        self,
        outbox: Outbox,
        sinks: Sequence[Sink],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
        margin_seconds: float = MARGIN_SECONDS,
    ) -> None:
        self.outbox, self.sinks = outbox, sinks
        self._backoff, self._clock, self._margin = backoff or Backoff(), clock, margin_seconds

    def once(self, budget_seconds: float = 60.0, event_id: str = "") -> list[Attempt]:
        """Send all that is due, or this event. Nothing is begun once the budget is spent."""
        until = time.monotonic() + budget_seconds
        if len(self.sinks) == 1:
            return self._drain(self.sinks[0], until, event_id)
        with ThreadPoolExecutor(max(1, len(self.sinks)), "notify") as threads:
            drained = threads.map(lambda sink: self._drain(sink, until, event_id), self.sinks)
            return [attempt for attempts in drained for attempt in attempts]

    def seconds_to_next(self) -> float | None:
        """How long nothing is due; null where nothing waits."""
        due = self.outbox.next_due([sink.name for sink in self.sinks])
        return None if due is None else max(0.0, due - self._clock())

    def _drain(self, sink: Sink, until: float, event_id: str) -> list[Attempt]:
        attempts: list[Attempt] = []
        lease = sink.timeout_seconds + self._margin
        while time.monotonic() < until and (claimed := self.outbox.claim(sink.name, lease, event_id)):
            attempts.append(self._send(sink, claimed))
        return attempts

    def _send(self, sink: Sink, claimed: Claimed) -> Attempt:
        event, name = claimed.event, sink.name
        try:
            sink.send(event)
        except NotDelivered as problem:
            return self._failed(claimed, name, str(problem), problem.wait_seconds or 0.0)
        except Exception as error:  # what a library did not foresee; its words may hold an address
            return self._failed(claimed, name, f"it cannot be sent ({type(error).__name__})", 0.0)
        self.outbox.settle(event, name, "sent")
        return Attempt(event, name, "")

    def _failed(self, claimed: Claimed, sink: str, told: str, wait_seconds: float) -> Attempt:
        if claimed.attempt >= self._backoff.attempts:
            self.outbox.settle(claimed.event, sink, "dead", told)
            return Attempt(claimed.event, sink, told, is_dead=True)
        wait = max(self._backoff.wait(claimed.attempt), wait_seconds)
        self.outbox.settle(claimed.event, sink, "waiting", told, self._clock() + wait)
        return Attempt(claimed.event, sink, told)
