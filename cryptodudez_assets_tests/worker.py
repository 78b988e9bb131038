"""A process for tests of concurrency and sudden death: says that it is ready, waits for its orders, works.

`take_in_by_steps` takes in what lies there, in many small steps. `lander` is one that lands files of its own and takes in after each.
"""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets_tests.builders import csv, open_lake, put, readings_source, take_in
from cryptodudez_assets_tests.processes import PROCESSES, process

SHARED, LANDINGS, SENT_MEGABYTES = readings_source(), 2, 40
PATIENCE_SECONDS = 120


def landings(worker: int) -> list[tuple[Source, str, bytes]]:
    """What one worker lands: files whose keys overlap with the others', one that all land, one for a source of its own."""
    own = [
        csv(f"s{number}", range(worker, worker + 30 + number), value=1 + worker, bad=1) for number in range(LANDINGS)
    ]
    shared = [(SHARED, f"worker-{worker}-{number}.csv", content) for number, content in enumerate(own)]
    same = (SHARED, f"worker-{worker}-same.csv", csv("same", range(5)))
    return [*shared, same, (readings_source(f"readings_{worker}"), "own.csv", csv("own", range(10), value=1 + worker))]


@dataclass
class Worker:
    """A process that has been started, and what is said between it and the test."""

    process: ForkServerProcess
    ready: Event = field(repr=False)
    told: Event = field(repr=False)

    def go(self) -> None:
        """Let it begin."""
        assert self.ready.wait(PATIENCE_SECONDS), "it did not come up"
        self.told.set()

    def ends_within(self, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait that long for its end; whether it came."""
        self.process.join(seconds)
        return not self.process.is_alive()

    def kill(self) -> None:
        """Kill it by SIGKILL."""
        self.process.kill()
        self.process.join()


def start(settings: Settings, work: Callable[[Lake], None]) -> Worker:
    """Start a worker on this lake; it waits for its `go`."""
    ready, told = PROCESSES.Event(), PROCESSES.Event()
    begun = process(_be, settings, work, ready, told)
    begun.start()
    return Worker(begun, ready, told)


def _be(settings: Settings, work: Callable[[Lake], None], ready: Event, told: Event) -> None:
    lake = open_lake(settings)
    ready.set()
    told.wait()
    work(lake)


@contextmanager
def in_a_thread(work: Callable[[], object]) -> Iterator[Callable[[], Future[object]]]:
    """Work that begins when it is told to, and is waited for at the end. What fails in it fails there."""
    begun: list[Future[object]] = []

    def begin() -> Future[object]:
        begun.append(executor.submit(work))
        return begun[-1]

    with ThreadPoolExecutor(1) as executor:
        yield begin
        for one in begun:
            one.result(PATIENCE_SECONDS)


def take_in_by_steps(lake: Lake) -> None:
    """Many commits, so that there are many moments to die in."""
    ingest(lake, SHARED)
    found = discover_all(lake, SHARED.name)
    for first in range(0, len(found), 2):
        catalogue_objects(lake, SHARED, found[first : first + 2])
        ingest(lake, SHARED)


def never_ending(key: str, sent: Path) -> Callable[[Lake], None]:
    """The work of one that writes an object and never comes to its end; the file `sent` is there once several parts are on their way."""
    return partial(_write_without_end, key, sent)


class _NeverEnding(io.BytesIO):
    """Gives megabytes, and then nothing any more."""

    def __init__(self, sent: Path) -> None:
        super().__init__()
        self._sent, self._left = sent, SENT_MEGABYTES

    def read(self, size: int | None = -1) -> bytes:
        if not self._left:
            self._sent.touch()
            time.sleep(PATIENCE_SECONDS)
        self._left -= 1
        return bytes(1 << 20)


def _write_without_end(key: str, sent: Path, lake: Lake) -> None:
    lake.store.write(key, _NeverEnding(sent))


def lander(number: int) -> Callable[[Lake], None]:
    """The work of a worker that lands: its `landings`, one by one."""
    return partial(_land_and_take_in, number)


def _land_and_take_in(number: int, lake: Lake) -> None:
    for source, name, content in landings(number):
        put(lake, name, content, source)
        take_in(lake, source)
