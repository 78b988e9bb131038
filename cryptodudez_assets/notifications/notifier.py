"""The notifier of a process that goes on: it takes events without keeping anybody waiting; threads put and send them.

Where a process is about to end, `Outbox.put` and `Delivery.once` do the same at once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from cryptodudez_assets.notifications.delivery import Delivery
from cryptodudez_assets.notifications.event import Event, Incident
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.notifications.sinks import sinks_of
from cryptodudez_assets.settings import Settings

LOOK_SECONDS = 5.0
"""What other processes put, or a claim that ran out, is found within this time."""
FORGET_SECONDS = 3600.0
AFTER_TROUBLE_SECONDS = 1.0
BUDGET_SECONDS = 5.0
END_SECONDS = 2.0
LEAST_SECONDS = 0.05

T = TypeVar("T")
log = logging.getLogger("cryptodudez.notifications")


def open_outbox(settings: Settings) -> Outbox:
    """The outbox of these settings, for all sinks that they name."""
    return Outbox(settings.notifications, [sink.name for sink in sinks_of(settings)])


def open_delivery(settings: Settings) -> Delivery:
    """The same, with what sends."""
    return Delivery(open_outbox(settings), sinks_of(settings))


class Notifier:
    """Takes events and delivers them; a context. `tell` neither blocks nor fails.

    An event is safe once a thread has put it into the outbox, a few milliseconds later; another one sends, so that no receiver
    keeps events from being put. Where the outbox cannot be written, events are held in memory, and put once it can.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._told: deque[Event] = deque()
        self._end, self._to_put, self._to_send = threading.Event(), threading.Event(), threading.Event()
        self._putting = threading.Thread(target=self._keep_putting, name="notifier puts", daemon=True)
        self._sending = threading.Thread(target=self._keep_sending, name="notifier sends", daemon=True)
        self._forgot = 0.0
        self.problem = ""
        """Why the outbox cannot be used; empty while it can."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The notifier of these settings."""
        return cls(open_delivery(settings))

    def __enter__(self) -> Self:
        self._putting.start()
        self._sending.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._to_put.set()
        self._to_send.set()
        self._putting.join()
        self._sending.join(END_SECONDS)  # what it is about to send is sent by whoever comes next
        if not self._sending.is_alive():
            self._delivery.outbox.close()

    def tell(self, events: Iterable[Event]) -> None:
        """Have these put and sent."""
        self._told.extend(events)
        if self._told:
            self._to_put.set()

    def incidents(self) -> list[Incident]:
        """The last incident of each rule and subject, for whoever goes on where another process stopped."""
        return self._delivery.outbox.incidents()

    def incidents_now(self) -> list[Incident] | None:
        """The same for whoever goes on anyway; None where the outbox cannot be used."""
        return self._without_fail(self.incidents)

    @property
    def untold(self) -> int:
        """How many events wait in memory, which is more than none for long only where the outbox cannot be written."""
        return len(self._told)

    def _keep_putting(self) -> None:
        while not self._end.is_set():
            self._to_put.wait(AFTER_TROUBLE_SECONDS if self._told else None)
            self._to_put.clear()
            self._without_fail(self._put)
        self._without_fail(self._put)

    def _keep_sending(self) -> None:
        while not self._end.is_set():
            self._without_fail(self._send)
            self._to_send.wait(self._without_fail(self._seconds_to_wait) or AFTER_TROUBLE_SECONDS)
            self._to_send.clear()

    def _put(self) -> None:
        some = list(self._told)
        self._delivery.outbox.put(some)
        for _ in some:
            self._told.popleft()
        self.problem = ""
        self._to_send.set()

    def _send(self) -> None:
        self._delivery.once(BUDGET_SECONDS)
        if time.monotonic() - self._forgot > FORGET_SECONDS:
            self._delivery.outbox.forget()
            self._forgot = time.monotonic()

    def _seconds_to_wait(self) -> float:
        seconds = self._delivery.seconds_to_next()
        return LOOK_SECONDS if seconds is None else min(max(seconds, LEAST_SECONDS), LOOK_SECONDS)

    def _without_fail(self, act: Callable[[], T]) -> T | None:
        """A full disk, a database that is away: recording goes on, and so must this."""
        try:
            return act()
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if told != self.problem:
                log.error("alerts wait, the outbox cannot be used: %s", told)
            self.problem = told
            return None
