"""Recorders die by SIGKILL at random moments while their alerts are on the way to a receiver that fails half of the time.

Two of them see the same seconds of one book and share an outbox. A recorder is started again where it had come to. In the end the
receiver must have each event of an uninterrupted run, once by id, and no other.

    python -m cryptodudez_assets_tests.notifier_campaign

forks a recorder for each line of JSON, since importing takes longer than most of them live.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptodudez_assets.declared_rules.declaration import Threshold
from cryptodudez_assets.notifications.delivery import Backoff, Delivery
from cryptodudez_assets.notifications.event import Event
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.notifications.sinks import WebhookSink
from cryptodudez_assets.recorder.alert_rules import SpreadRule
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets_tests.receiver import Receiver, receiving
from cryptodudez_assets_tests.spreads import BOOK, record

RULES = [SpreadRule(f"wide_over_{over:g}", BOOK, Threshold(over, clear_below=over * 0.9)) for over in (0.3, 0.6)]
PACE_SECONDS = 0.004
TIMEOUT_SECONDS, MARGIN_SECONDS = 1.0, 0.5
PATIENCE_SECONDS = 120.0


def seen_at(second: int) -> Record:
    """The book at this second, for whoever looks."""
    return record(second, random.Random(second // 3).random())


def expected_events(last: int) -> list[Event]:
    """What a recorder says that was never interrupted."""
    alerts = SpreadAlerts(RULES)
    return [event for second in range(last) for event in alerts.observe([seen_at(second)])]


def recorder(url: str, key: str, database: str, diary: str, first: int, last: int) -> None:
    """Look at each second, put what there is to be said, and send in a thread; in the end until nothing waits.

    The diary tells which seconds were looked at, and in the end that it is done.
    """
    outbox = Outbox(database, ["webhook"])
    sink = WebhookSink(url, key.encode(), TIMEOUT_SECONDS)
    delivery = Delivery(outbox, [sink], Backoff(0.02, 0.2, 10_000), margin_seconds=MARGIN_SECONDS)
    threading.Thread(target=_deliver, args=(delivery,), daemon=True).start()
    alerts = SpreadAlerts(RULES, outbox.incidents())
    with Path(diary).open("a", buffering=1) as written:
        for second in range(first, last):
            outbox.put(alerts.observe([seen_at(second)]))
            written.write(f"{second}\n")
            time.sleep(PACE_SECONDS)
        while any(one.state == "waiting" for one in outbox.deliveries()):
            time.sleep(0.05)
        written.write("done\n")


def _deliver(delivery: Delivery) -> None:
    while True:
        delivery.once()
        time.sleep(0.01)


@dataclass
class Toll:
    """What came of a campaign."""

    kills: int = 0
    events: int = 0
    posts: int = 0
    repeats: int = 0
    lost: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    before_their_start: list[str] = field(default_factory=list)
    refused: int = 0


class _Running:
    """A recorder that is started again where it had come to."""

    def __init__(self, name: str, receiver: Receiver, folder: Path, server: "subprocess.Popen[str]") -> None:
        self._receiver, self._server, self._diary = receiver, server, folder / name
        self._database = f"sqlite:///{folder / 'notifications.db'}"
        self._diary.touch()
        self._process = 0

    @property
    def next(self) -> int:
        """The second that it looks at next; what it was writing when it died does not count."""
        lines = self._diary.read_text().splitlines(keepends=True)
        return max((int(line) for line in lines if line.endswith("\n") and line != "done\n"), default=-1) + 1

    def start(self, last: int) -> None:
        whole = self._diary.read_text().rpartition("\n")
        self._diary.write_text(whole[0] + whole[1])
        told = [self._receiver.url, self._receiver.key.decode(), self._database, str(self._diary), self.next, last]
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(told) + "\n")
        self._server.stdin.flush()
        self._process = int(self._server.stdout.readline())

    def kill(self) -> None:
        os.kill(self._process, signal.SIGKILL)

    def finish(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._diary.read_text().endswith("done\n"):
            assert time.monotonic() < until, "it does not come to an end"
            time.sleep(0.05)


def carry_out(folder: Path, kills: int, seed: int, seconds_to_live: float = 0.6) -> Toll:
    """Kill recorders so many times, then let both come to the same end."""
    dice, toll = random.Random(seed), Toll()
    command = [sys.executable, "-m", __name__]
    with (
        receiving(Receiver("secret of the campaign", fails=0.5, seed=seed)) as receiver,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        both = [_Running(name, receiver, folder, server) for name in ("a", "b")]
        for one in both:
            one.start(10**9)
        while toll.kills < kills:
            one = dice.choice(both)
            before, began = one.next, time.monotonic()
            while one.next == before and time.monotonic() - began < PATIENCE_SECONDS:  # it is not up yet
                time.sleep(0.01)
            time.sleep(dice.random() * seconds_to_live)
            one.kill()
            toll.kills += 1
            one.start(10**9)
        for one in both:
            one.kill()
        last = max(one.next for one in both) + 60
        for one in both:
            one.start(last)
        for one in both:
            one.finish()
        _judge(toll, receiver, expected_events(last))
    return toll


def _judge(toll: Toll, receiver: Receiver, expected: list[Event]) -> None:
    wanted = {event.id for event in expected}
    starts = {event.incident: event.id for event in expected if event.kind == "started"}
    place = {name: n for n, name in enumerate(receiver.order)}
    toll.events, toll.posts, toll.refused = len(wanted), len(receiver.posts), len(receiver.refused)
    toll.repeats = sum(receiver.times.values()) - len(receiver.times)
    toll.lost, toll.strange = wanted - receiver.taken.keys(), receiver.taken.keys() - wanted
    toll.before_their_start = [
        event.id
        for event in expected
        if event.kind == "recovered" and place.get(event.id, 0) < place.get(starts[event.incident], 0)
    ]


def fork_recorders() -> None:
    """One for each line; tells its process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        process = os.fork()
        if not process:
            recorder(*json.loads(line))
            os._exit(0)
        print(process, flush=True)


if __name__ == "__main__":
    fork_recorders()
