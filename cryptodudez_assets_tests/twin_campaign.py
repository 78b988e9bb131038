"""A campaign of kills on the twin: one process after the other dies by SIGKILL, PostgreSQL and the bucket are restarted, while files land.

In the end each file that landed is in the catalogue and its row once in the table, whatever died when; so is each second that was
recorded. What a kill cost is how long a file that landed at that moment took to the table. How many kills there are is up to the
test and the benchmark.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import polars as pl
import psutil  # type: ignore[import-untyped]
import psycopg
import sqlalchemy.exc
from obstore.exceptions import BaseError

from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.twin import SERVERS, Twin, twin
from cryptodudez_assets_tests.twin_lake import SOURCE, TwinLake, candle, name_of

WORKER, POSTGRES, STORE = "run worker", "PostgreSQL", "store"
KINDS = (*SERVERS.values(), WORKER, POSTGRES, STORE)
EVERY_SECONDS = 3.0
WINDOW_SECONDS = 10
SPREADS = "market.order_book_spreads"
RECORDED = ("bitso_order_book", "bitso_order_book_gaps")
OUT_OF_REACH = (BaseError, OSError, psycopg.OperationalError, sqlalchemy.exc.OperationalError)
"""What those meet who ask while PostgreSQL or the bucket is restarted."""


@dataclass(frozen=True)
class Kill:
    """What was killed, after how many seconds it was there again, and after how many a file that landed then was in the table.

    `ended`: what else of the twin ended with it.
    """

    kind: str
    back: float
    to_table: float
    ended: Sequence[str]


@dataclass
class Toll:
    """What came of a campaign; names of files, and what is wrong with them."""

    calm: list[float] = field(default_factory=list)
    """Seconds to the table of files that landed before anything was killed."""
    kills: list[Kill] = field(default_factory=list)
    files: int = 0
    recorded: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"to the table in peace: {median(self.calm):.1f} s (median of {len(self.calm)})"]
        for kind in KINDS:
            of_kind = [one for one in self.kills if one.kind == kind]
            if of_kind:
                costs, backs = [one.to_table for one in of_kind], [one.back for one in of_kind]
                lines.append(
                    f"  {kind:12} {len(of_kind):3} kills: to the table in {median(costs):5.1f} s (at most {max(costs):.1f}), "
                    f"there again after {median(backs):4.1f} s (at most {max(backs):.1f})"
                )
        lines.append(f"{self.files} files landed and {self.recorded} were recorded in {len(self.kills)} kills")
        return "\n".join(lines)


class Producer:
    """Lands a file every few seconds, and tries again where the bucket cannot be reached, as whoever was told of a failure does."""

    def __init__(self, lake: TwinLake[Twin]) -> None:
        self._lake, self._stopping = lake, threading.Event()
        self._one_at_a_time = threading.Lock()
        self.landed: dict[str, float] = {}
        """When each was there, by name."""

    def land(self) -> str:
        """Land one more, and give its name."""
        with self._one_at_a_time:
            number = len(self.landed)
            name = name_of(number)
            while True:
                try:
                    self.landed[name] = self._lake.put(name, candle(number))
                    return name
                except OUT_OF_REACH:
                    time.sleep(0.2)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Land while the context lasts."""
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _go_on(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self.land()


def carry_out(
    folder: Path, kills: int, seed: int = 1, say: Callable[[str], None] = print, kinds: Sequence[str] = KINDS
) -> Toll:
    """Start a twin, kill so often, each kind in turn, and judge what is left."""
    toll, chance = Toll(), random.Random(seed)
    with twin(folder, free_ports(3), window_seconds=WINDOW_SECONDS, is_kept=True) as made:
        lake = TwinLake(made)
        lake.wait_until_ready()
        producer = Producer(lake)
        for _ in range(4):
            name = producer.land()
            _wait(lake, {name})
            toll.calm.append(time.time() - producer.landed[name])
        del toll.calm[0]  # its run makes the table
        with producer.running():
            while len(toll.kills) < kills:
                for kind in chance.sample(kinds, len(kinds))[: kills - len(toll.kills)]:
                    toll.kills.append(_kill(lake, producer, kind, chance.uniform(0, 2 * EVERY_SECONDS)))
                    say(f"{len(toll.kills):4} {toll.kills[-1]}")
        toll.wrong += [f"{name} ended with {one.kind}" for one in toll.kills for name in one.ended]
        _judge(lake, producer, toll)
    return toll


def _kill(lake: TwinLake[Twin], producer: Producer, kind: str, after: float) -> Kill:
    """Kill one at a moment of chance; until it is there again, and until what had landed is in the table."""
    time.sleep(after)
    name = producer.land()
    made, began = lake.made, time.time()
    there = made.running()
    if kind == POSTGRES:
        made.restart_postgres()
    elif kind == STORE:
        made.restart_store()
    elif kind == WORKER:
        lake.wait(lambda: bool(made.run_workers()), "a run")
        began = time.time()
        made.run_workers()[0].kill()
    else:
        there[kind].kill()
        lake.wait(lambda: _is_back(lake, kind, there[kind], began), f"another {kind}")
    back = time.time() - began
    _wait(lake, {name})
    return Kill(kind, back, time.time() - began, _ended(there, made.running(), kind))


def _ended(before: Mapping[str, psutil.Process], after: Mapping[str, psutil.Process], kind: str) -> list[str]:
    """What else is not what it was."""
    return [name for name, process in before.items() if name != kind and after.get(name) != process]


def _is_back(lake: TwinLake[Twin], kind: str, before: psutil.Process, since: float) -> bool:
    """Whether another process does what the one that was killed did."""
    now = lake.made.running().get(kind)
    if now is None or now == before:
        return False
    if kind == "serving":
        return lake.answer("dashboard and API", "/health/live") is not None
    if kind == "webserver":
        return lake.answer("Dagster UI", "/server_info") is not None
    if kind == "recorder":
        return any(path.stat().st_mtime > since for path in lake.lake.settings.home.glob("recorder/*/address"))
    return any(status != "FAILURE" and at > since for _, status, at, _ in lake.ticks(since))


def _wait(lake: TwinLake[Twin], names: set[str], source: str = SOURCE) -> None:
    """Until these files are in the table."""

    def are_there() -> bool:
        try:
            return not lake.not_loaded(names, source)
        except OUT_OF_REACH:
            return False

    lake.wait(are_there, f"{len(names)} files, such as {min(names)}, in the catalogue")


def _judge(lake: TwinLake[Twin], producer: Producer, toll: Toll) -> None:
    """What was lost, doubled or counted wrong."""
    there = lake.landed(SOURCE)
    toll.files, toll.wrong = len(there), [f"{name} is not in the bucket" for name in set(producer.landed) - there]
    _wait(lake, there)
    toll.wrong += lake.wrong(range(len(producer.landed)))
    for source in RECORDED:
        recorded = lake.landed(source)
        toll.recorded += len(recorded)
        if recorded:
            _wait(lake, recorded, source)
    spreads = lake.rows(SPREADS)
    doubled = spreads.group_by("book", "event_ts").len().filter(pl.col("len") > 1)
    toll.wrong += [f"{book} at {at} is there {number} times" for book, at, number in doubled.iter_rows()]
    toll.wrong += [line for source in RECORDED for line in lake.unbalanced(source)]
