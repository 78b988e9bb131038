"""The outbox is the same on SQLite and PostgreSQL, for several processes at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cryptodudez_assets.notifications.delivery import Backoff, Delivery
from cryptodudez_assets.notifications.event import Event, Incident, Kind
from cryptodudez_assets.notifications.outbox import KEPT_SECONDS, Outbox
from cryptodudez_assets.notifications.sinks import NotDelivered

NOW = 1_651_291_826
Opened = Callable[[], Outbox]


def event(kind: Kind = Kind.STARTED, started_at: int = NOW, at: int | None = None, subject: str = "btc_mxn") -> Event:
    return Event(
        rule="wide", subject=subject, kind=kind, started_at=started_at, at=at or started_at, severity="warning",
        title="Wide", text="100 % ?",
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens the same outbox again and again, as processes do."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'notifications.db'}" if is_sqlite else request.getfixturevalue("database")
    return lambda: Outbox(url, ["fake"])


def test_many_at_once_open_one_incident_and_end_it_once(opened: Opened):
    with ThreadPoolExecutor(4) as threads:
        outboxes = list(threads.map(lambda _: opened(), range(4)))
        starts = list(threads.map(lambda n: outboxes[n].put([event(started_at=NOW + n)]), range(4)))
        over = list(threads.map(lambda n: outboxes[n].put([event(Kind.RECOVERED, NOW + n, NOW + 9)]), range(4)))

    assert sum(map(len, starts)) == sum(map(len, over)) == 1
    [incident] = outboxes[0].incidents()
    [start] = [one for new in starts for one in new]
    assert incident == Incident("wide", "btc_mxn", start.started_at, NOW + 9)


def test_many_at_once_send_each_event_once(opened: Opened):
    sent: list[str] = []

    class Sink:
        name, timeout_seconds = "fake", 5.0

        def send(self, event: Event) -> None:
            sent.append(event.subject)

    outboxes = [opened() for _ in range(3)]
    subjects = [f"book_{n}" for n in range(30)]
    outboxes[0].put([event(subject=subject) for subject in subjects])
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda outbox: Delivery(outbox, [Sink()]).once(), outboxes))

    assert sorted(sent) == sorted(subjects)


def test_waiting_dead_and_again(opened: Opened):
    class Sink:
        name, timeout_seconds, problem = "fake", 1.0, True

        def send(self, event: Event) -> None:
            if self.problem:
                raise NotDelivered("it answers 500")

    outbox, sink = opened(), Sink()
    outbox.put([event(), event(Kind.RECOVERED, at=NOW + 1), event(started_at=NOW + 9)])
    delivery = Delivery(outbox, [sink], Backoff(attempts=1))
    delivery.once()
    assert {one.state for one in outbox.deliveries()} == {"dead"}
    assert delivery.seconds_to_next() is None
    assert outbox.revive() == 3
    sink.problem = False
    assert delivery.seconds_to_next() == 0
    assert [one.problem for one in delivery.once()] == ["", "", ""]
    assert outbox.last("wide", "btc_mxn") == event(started_at=NOW + 9)

    outbox._clock = lambda: NOW + 1e9 + KEPT_SECONDS
    outbox.forget()

    assert [one.event for one in outbox.deliveries()] == [event(started_at=NOW + 9)]
