"""Processes that hold leases, or commit under them, to be paused and killed by tests; what they have to say they say on a queue."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.context import ForkServerProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

import polars as pl

from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.store.leases import LeaseLost, insist_on_held
from cryptodudez_assets.lake.store.locks import exclusive, sign_of_life
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS
from cryptodudez_assets_tests.processes import PROCESSES, process

PATIENCE_SECONDS = 120
SPEC = table_spec(READINGS)


@dataclass
class Holder:
    """A process, what it says, and the word with which it goes on."""

    process: ForkServerProcess
    said: "Queue[Any]"
    told: Event

    def says(self) -> Any:
        """The next thing that it says."""
        return self.said.get(timeout=PATIENCE_SECONDS)

    def go_on(self) -> None:
        """Let it go on where it waits."""
        self.told.set()

    def end(self) -> None:
        """Kill it, if it is there."""
        self.process.kill()
        self.process.join()


def start(settings: Settings, work: "partial[None]") -> Holder:
    """Have a process do this with the settings; it is handed what it needs to speak and to wait."""
    said, told = PROCESSES.Queue(), PROCESSES.Event()
    begun = process(work, settings, said, told)
    begun.start()
    return Holder(begun, said, told)


def hold(name: str, settings: Settings, said: "Queue[Any]", told: Event) -> None:
    """Hold a lock until told to let go; say whether it was held to the end."""
    try:
        with exclusive(settings, name):
            said.put("holds it")
            told.wait()
            insist_on_held(settings)
        said.put("held it")
    except LeaseLost as lost:
        said.put(f"lost: {lost}")


def live(name: str, settings: Settings, said: "Queue[Any]", told: Event) -> None:
    """Give a sign of life until told to stop."""
    with sign_of_life(settings, name) as is_free:
        said.put(is_free)
        told.wait()
    said.put("gone")


def count(name: str, times: int, settings: Settings, said: "Queue[Any]", told: Event) -> None:
    """Add one to a number so often, each time under the lock."""
    store = open_store(settings)
    told.wait()
    for _ in range(times):
        with exclusive(settings, name):
            number = json.loads(store.read("number")) if store.stat("number") else 0
            time.sleep(0.02)  # long enough for another to read the same
            store.delete("number")
            store.create("number", json.dumps(number + 1).encode())
    said.put("done")


def commit(sensor: str, settings: Settings, said: "Queue[Any]", told: Event) -> None:
    """Add a row to the table of readings; between it and the commit, say so and wait."""
    try:
        with IcebergTables(settings).changing(SPEC) as change:
            change.add(row(sensor))
            said.put("about to commit")
            told.wait()
        said.put("committed")
    except LeaseLost as lost:
        said.put(f"lost: {lost}")
    except Exception as error:
        said.put(f"failed: {error!r}")


def row(sensor: str) -> pl.DataFrame:
    """A row of the table, of this sensor."""
    at = datetime(2020, 12, 31, tzinfo=UTC)
    return pl.DataFrame(
        [{"sensor": sensor, "value": 1.0, "event_ts": at, "known_ts": at, "file_id": "f", "file_row": 1}]
    )
