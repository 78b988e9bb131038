"""The outbox: one incident however many see it, and what waits is sent in order, by one at a time, until it is taken."""

import threading
from pathlib import Path

import pytest

from cryptodudez_assets.notifications.delivery import Backoff, Delivery
from cryptodudez_assets.notifications.event import Event, Incident, Kind
from cryptodudez_assets.notifications.notifier import Notifier
from cryptodudez_assets.notifications.outbox import KEPT_SECONDS, Outbox
from cryptodudez_assets.notifications.sinks import NotDelivered

NOW = 1_651_291_826


def event(kind: Kind = Kind.STARTED, started_at: int = NOW, at: int | None = None, **more: object) -> Event:
    named = {"rule": "wide", "subject": "btc_mxn", "severity": "warning", "title": "Wide", "text": "It is.", **more}
    return Event(kind=kind, started_at=started_at, at=started_at if at is None else at, **named)


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Fake:
    """A sink that does as it is told, and remembers."""

    name, timeout_seconds = "fake", 1.0

    def __init__(self, *problems: Exception | None) -> None:
        self.problems, self.sent = list(problems), []

    def send(self, event: Event) -> None:
        problem = self.problems.pop(0) if self.problems else None
        if problem:
            raise problem
        self.sent.append((str(event.kind), event.started_at - NOW))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Outbox:
    return Outbox(f"sqlite:///{tmp_path / 'notifications.db'}", ["fake"], clock)


def kinds(events: list[Event]) -> list[tuple[str, int]]:
    return [(str(one.kind), one.started_at - NOW) for one in events]


def test_an_event_is_new_once(outbox: Outbox, tmp_path: Path):
    other = Outbox(f"sqlite:///{tmp_path / 'notifications.db'}", ["fake"])

    assert outbox.put([event(), event()]) == [event()]
    assert other.put([event(text="Seen by another.")]) == []
    assert len(outbox.deliveries()) == 1


def test_a_second_start_joins_the_open_incident_and_either_recovery_ends_it(outbox: Outbox):
    """Two recorders need not see the same second first."""
    put = [
        event(started_at=NOW),
        event(started_at=NOW + 1),
        event(Kind.RECOVERED, NOW + 1, NOW + 9),
        event(Kind.RECOVERED, NOW, NOW + 10),
    ]

    new = [one for each in put for one in outbox.put([each])]

    assert kinds(new) == [("started", 0), ("recovered", 0)]
    assert outbox.incidents() == [Incident("wide", "btc_mxn", NOW, NOW + 9)]


def test_a_start_that_overlaps_an_incident_that_is_over_is_no_new_one(outbox: Outbox):
    outbox.put([event(), event(Kind.RECOVERED, at=NOW + 5)])

    assert outbox.put([event(started_at=NOW + 5)]) == []
    assert kinds(outbox.put([event(started_at=NOW + 6)])) == [("started", 6)]


def test_the_cool_down_holds_for_all_who_put(outbox: Outbox):
    outbox.put([event(quiet_for=60), event(Kind.RECOVERED, at=NOW + 5)])

    assert outbox.put([event(started_at=NOW + 65, quiet_for=60)]) == []
    assert kinds(outbox.put([event(started_at=NOW + 66, quiet_for=60)])) == [("started", 66)]


def test_what_never_started_does_not_recover(outbox: Outbox):
    assert outbox.put([event(Kind.RECOVERED, at=NOW + 1)]) == []
    assert outbox.incidents() == []


def test_incidents_of_other_subjects_and_rules_are_apart(outbox: Outbox):
    assert len(outbox.put([event(), event(subject="usd_mxn"), event(rule="wider")])) == 3
    assert all(one.is_open for one in outbox.incidents())


def test_what_happened_is_told_each_time_and_opens_nothing(outbox: Outbox):
    assert len(outbox.put([event(Kind.HAPPENED), event(Kind.HAPPENED, NOW + 1)])) == 2
    assert outbox.incidents() == []
    assert outbox.last("wide", "btc_mxn").started_at == NOW + 1


def test_it_is_sent_once_and_a_recovery_behind_its_start(outbox: Outbox, clock: Clock):
    sink = Fake(NotDelivered("away"))
    outbox.put([event(), event(Kind.RECOVERED, at=NOW + 1), event(subject="usd_mxn")])
    delivery = Delivery(outbox, [sink], Backoff(10, 10), clock)

    delivery.once()
    assert sink.sent == [("started", 0)]  # that of the other book: the recovery waits for its start
    clock.now += 11
    delivery.once()
    delivery.once()

    assert sink.sent == [("started", 0), ("started", 0), ("recovered", 0)]
    assert {one.state for one in outbox.deliveries()} == {"sent"}


def test_a_failure_is_tried_again_later_and_later_until_it_is_a_dead_letter(outbox: Outbox, clock: Clock):
    sink = Fake(*[NotDelivered("it answers 500")] * 9)
    outbox.put([event()])
    delivery = Delivery(outbox, [sink], Backoff(first_seconds=2, most_seconds=8, attempts=5), clock)
    waits = []
    while (wait := delivery.seconds_to_next()) is not None:
        waits.append(wait)
        clock.now += wait
        delivery.once()

    [dead] = outbox.deliveries()
    assert (dead.state, dead.attempts, dead.told) == ("dead", 5, "it answers 500")
    assert [low <= wait <= 2 * low for wait, low in zip(waits[1:], (1, 2, 4, 4), strict=True)] == [True] * 4


def test_a_dead_letter_is_sent_again_when_asked_and_does_not_hold_back_its_recovery(outbox: Outbox, clock: Clock):
    sink = Fake(NotDelivered("no"))
    outbox.put([event(), event(Kind.RECOVERED, at=NOW + 1)])
    delivery = Delivery(outbox, [sink], Backoff(attempts=1), clock)
    delivery.once()
    assert sink.sent == [("recovered", 0)]

    assert outbox.revive() == 1
    delivery.once()

    assert sink.sent == [("recovered", 0), ("started", 0)]


def test_what_nobody_foresaw_is_a_failure_whose_words_are_kept_back(outbox: Outbox, clock: Clock):
    outbox.put([event()])
    sink = Fake(ValueError("https://host/T0K3N"))

    [attempt] = Delivery(outbox, [sink], Backoff(attempts=1), clock).once()

    assert (attempt.problem, attempt.is_dead) == ("it cannot be sent (ValueError)", True)


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(outbox: Outbox, clock: Clock):
    outbox.put([event()])
    delivery = Delivery(outbox, [Fake(NotDelivered("it answers 429", wait_seconds=120))], Backoff(1, 1), clock)

    delivery.once()

    assert delivery.seconds_to_next() == 120


def test_what_somebody_claimed_is_nobody_else_s_until_the_claim_runs_out(outbox: Outbox, clock: Clock):
    outbox.put([event()])

    assert outbox.claim("fake", 15).attempt == 1
    assert outbox.claim("fake", 15) is None
    clock.now += 16
    assert outbox.claim("fake", 15).attempt == 2


def test_a_slow_sink_keeps_no_other_waiting(tmp_path: Path):
    released = threading.Event()
    slow, quick = Fake(), Fake()
    slow.name, quick.name = "slow", "quick"
    slow.send = lambda _: released.wait(10)
    outbox = Outbox(f"sqlite:///{tmp_path / 'n.db'}", ["slow", "quick"])
    outbox.put([event()])
    thread = threading.Thread(target=Delivery(outbox, [slow, quick]).once)
    thread.start()
    try:
        for _ in range(500):
            if quick.sent:
                break
            threading.Event().wait(0.01)
        assert quick.sent
        assert thread.is_alive()
    finally:
        released.set()
        thread.join()


def test_only_what_was_sent_long_ago_and_is_not_the_last_of_its_subject_is_forgotten(outbox: Outbox, clock: Clock):
    outbox.put([event(), event(Kind.RECOVERED, at=NOW + 1)])
    outbox.put([event(started_at=NOW + 10), event(rule="never taken")])
    for one in outbox.deliveries():
        if one.event.rule == "wide":
            outbox.settle(one.event, "fake", "sent")
    clock.now += KEPT_SECONDS + 1

    outbox.forget()

    assert sorted((one.event.rule, one.event.started_at - NOW) for one in outbox.deliveries()) == [
        ("never taken", 0),
        ("wide", 10),
    ]


def test_the_notifier_takes_events_while_the_outbox_is_away_and_puts_them_when_it_is_back(tmp_path: Path):
    sink = Fake()
    outbox = Outbox(f"sqlite:///{tmp_path / 'n.db'}", ["fake"])
    put, away = outbox.put, [True]

    def failing(events: list[Event]) -> list[Event]:
        if away[0]:
            raise OSError(28, "No space left on device")
        return put(events)

    outbox.put = failing
    with Notifier(Delivery(outbox, [sink])) as notifier:
        notifier.tell([event()])
        while not notifier.problem:
            threading.Event().wait(0.01)
        assert notifier.untold == 1
        away[0] = False
        for _ in range(500):
            if sink.sent:
                break
            threading.Event().wait(0.01)

    assert sink.sent == [("started", 0)]


def test_who_goes_on_without_the_outbox_is_told_no_incidents_instead_of_failing(tmp_path: Path):
    outbox = Outbox(f"sqlite:///{tmp_path / 'n.db'}", ["fake"])
    notifier = Notifier(Delivery(outbox, [Fake()]))
    assert notifier.incidents_now() == []
    outbox.close()
    assert notifier.incidents_now() is None
    assert notifier.problem


def test_a_receiver_that_hangs_keeps_no_event_from_the_outbox(tmp_path: Path):
    released, sending = threading.Event(), threading.Event()
    sink = Fake()
    sink.send = lambda _: (sending.set(), released.wait(10))
    outbox = Outbox(f"sqlite:///{tmp_path / 'n.db'}", ["fake"])
    try:
        with Notifier(Delivery(outbox, [sink])) as notifier:
            notifier.tell([event()])
            assert sending.wait(10)
            notifier.tell([event(subject="usd_mxn")])
            for _ in range(500):
                if len(outbox.deliveries()) == 2:
                    break
                threading.Event().wait(0.01)
            assert len(outbox.deliveries()) == 2
            released.set()
    finally:
        released.set()


def test_what_was_told_last_is_put_before_the_notifier_ends(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'n.db'}"
    with Notifier(Delivery(Outbox(url, ["fake"]), [Fake()])) as notifier:
        notifier.tell([event(subject=f"book_{n}") for n in range(50)])

    assert len(Outbox(url, ["fake"]).deliveries()) == 50


def test_ids_are_the_same_in_every_process_and_differ_by_what_they_are_made_of():
    ids = {
        one.id
        for one in (
            event(),
            event(rule="x"),
            event(subject="x"),
            event(started_at=NOW + 1),
            event(Kind.RECOVERED),
            event(at=NOW + 7),
            event(text="Other words."),
        )
    }

    assert event().id == "hetak4fukwtfx2awlsg4ni4tfo"
    assert len(ids) == 5
