"""The notifier of a process that goes on: it takes events without keeping anybody waiting, and sends them in a thread.

Where a process is about to end, `Outbox.put` and `Delivery.once` do the same at once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from cryptodudez_assets.notifications.delivery import Delivery
from cryptodudez_assets.notifications.event import Event, Incident
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.notifications.sinks import sinks_of
from cryptodudez_assets.settings import Settings

LOOK_SECONDS = 5.0
"""What other processes put, or a claim that ran out, is found within this time."""
FORGET_SECONDS = 3600.0
AFTER_TROUBLE_SECONDS = 1.0

log = logging.getLogger("cryptodudez.notifications")


def open_outbox(settings: Settings) -> Outbox:
    """The outbox of these settings, for all sinks that they name."""
    return Outbox(settings.notifications, [sink.name for sink in sinks_of(settings)])


def open_delivery(settings: Settings) -> Delivery:
    """The same, with what sends."""
    return Delivery(open_outbox(settings), sinks_of(settings))


class Notifier:
    """Takes events and delivers them; a context. `tell` neither blocks nor fails.

    An event is safe once the thread has put it into the outbox, a few milliseconds later. Where the outbox cannot be written,
    events are held in memory, and put once it can.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._told: deque[Event] = deque()
        self._wake, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._forgot = 0.0
        self.problem = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The notifier of these settings."""
        return cls(open_delivery(settings))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._wake.set()
        self._thread.join()
        self._delivery.outbox.close()

    def tell(self, events: Iterable[Event]) -> None:
        """Have these put and sent."""
        self._told.extend(events)
        if self._told:
            self._wake.set()

    def incidents(self) -> list[Incident]:
        """The last incident of each rule and subject, for whoever goes on where another process stopped."""
        return self._delivery.outbox.incidents()

    @property
    def untold(self) -> int:
        """How many events wait in memory, which is more than none for long only where the outbox cannot be written."""
        return len(self._told)

    def _work(self) -> None:
        while not self._end.is_set():
            seconds = self._step()
            self._wake.wait(seconds)
            self._wake.clear()
        self._step()  # what was told last is kept; whoever comes next sends it

    def _step(self) -> float:
        """Put, send; how long to wait then."""
        try:
            self._put()
            self._delivery.once(budget_seconds=0.0 if self._end.is_set() else 60.0)
            self._forget()
            seconds = self._delivery.seconds_to_next()
            self.problem = ""
            return LOOK_SECONDS if seconds is None else min(max(seconds, 0.05), LOOK_SECONDS)
        except Exception as error:  # a full disk, a database that is away: recording goes on, and so must this
            told = f"{type(error).__name__}: {error}"
            if told != self.problem:
                log.error("alerts wait, the outbox cannot be used: %s", told)
            self.problem = told
            return AFTER_TROUBLE_SECONDS

    def _put(self) -> None:
        while self._told:
            some = list(self._told)
            self._delivery.outbox.put(some)
            for _ in some:
                self._told.popleft()

    def _forget(self) -> None:
        if time.monotonic() - self._forgot > FORGET_SECONDS:
            self._delivery.outbox.forget()
            self._forgot = time.monotonic()
