"""A recorder of a home, put together: under its instance name, once; it ends with the signals that end a process."""

import asyncio
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from cryptodudez_assets.lake.store.locks import sign_of_life
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.notifications.notifier import Notifier
from cryptodudez_assets.recorder.alert_rules import rules_for
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.pacing import Pacer
from cryptodudez_assets.recorder.process import Recorder
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.stream import LOOPBACK, Stream, served
from cryptodudez_assets.recorder.telling import about
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.bitso.rest import BitsoRest, limited_by

ADOPT_SECONDS = 60
INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


class NameTaken(RuntimeError):
    """Another process records under this instance name."""


@dataclass(frozen=True)
class Wanted:
    """What to record, from where, and under which name.

    `thresholds`: spreads in percent that people are told of, in place of the declared rules'. `port`: of the stream, 0 for
    any that is free; `host`: where it listens, other than on loopback for its metrics alone.
    """

    books: Sequence[str]
    instance: str
    window_seconds: int
    rest_url: str
    socket_url: str
    thresholds: Sequence[float] = ()
    capture: Path | None = None
    csv_folder: Path | None = None
    port: int = 0
    host: str = LOOPBACK


def recorder_folder(settings: Settings) -> Path:
    """Where recorders of a home keep what is theirs, each in a folder of its name."""
    return settings.home / "recorder"


def record(settings: Settings, wanted: Wanted, say: Callable[[str], None]) -> None:
    """Record until SIGINT or SIGTERM. Raises NameTaken."""
    with sign_of_life(settings, f"recorder-{wanted.instance}") as is_free:
        if not is_free:
            raise NameTaken(
                f"another process records as {wanted.instance!r}: stop it, or give this one a name of its own with --instance"
            )
        uvloop.run(_record(settings, wanted, say))


async def _record(settings: Settings, wanted: Wanted, say: Callable[[str], None]) -> None:
    folder = recorder_folder(settings) / wanted.instance
    make_private(folder)
    pacer, metrics = Pacer(time.time, time.monotonic), Metrics()
    rest = BitsoRest(wanted.rest_url, limited_by(folder.parent), pacer.now_us)
    keeper = Keeper(folder, wanted.instance, wanted.window_seconds, open_store(settings), say, wanted.csv_folder)
    recorder = Recorder(
        wanted.books, wanted.instance, wanted.socket_url, rest, keeper, pacer, metrics, say, wanted.capture
    )
    itself = about(wanted.instance, wanted.books, wanted.rest_url, wanted.socket_url)
    stream = Stream(metrics.registry, itself, settings.api_key.get_secret_value() if settings.api_key else "")
    recorder.on_recorded.append(stream.publish)
    notifier = Notifier.of(settings)
    rules = rules_for(wanted.books, wanted.thresholds)
    alerts = SpreadAlerts(rules, notifier.incidents(), wanted.instance)

    def watch(records: Sequence[Record]) -> None:
        """Alerts of a second. Once a minute what the outbox made of them is taken over: other recorders put theirs into it, too."""
        is_due = records and records[0].second % ADOPT_SECONDS == 0 and not notifier.untold
        if is_due and (told := notifier.incidents_now()) is not None:
            alerts.adopt(told)
        notifier.tell(alerts.observe(records))

    recorder.on_recorded.append(watch)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, recorder.stopping.set)
    with notifier:
        await _serve(recorder, stream, folder / "address", wanted, say)
    say(keeper.farewell)


async def _serve(
    recorder: Recorder, stream: Stream, address_file: Path, wanted: Wanted, say: Callable[[str], None]
) -> None:
    async with served(stream, address_file, wanted.port, wanted.host) as address:
        books = "1 book" if len(wanted.books) == 1 else f"{len(wanted.books)} books"
        say(f"recording {books} as {wanted.instance}; stream and metrics at http://{address}")
        await recorder.run()
