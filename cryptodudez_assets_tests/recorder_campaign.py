"""Recorders against the simulated exchange, as processes: started, killed, replaced; and what they left, beside the truth.

The judgement reads files and the simulator's truth, and none of the recorder's code. How long and how often is up to tests and
benchmarks.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cryptodudez_assets.simulator.venues.bitso.forced import forced_seconds
from cryptodudez_assets_tests.integration.conftest import free_ports

PATIENCE_SECONDS = 60.0
GAP_COLUMNS = {
    **dict.fromkeys(("book", "instance", "started_at", "ended_at", "cause", "repair"), pl.String),
    **dict.fromkeys(("sequence_before", "sequence_after"), pl.Int64),
}
FAULTS = {
    "drop": 0.004,
    "duplicate": 0.01,
    "reorder": 0.01,
    "gap": 0.002,
    "bad-json": 0.002,
    "crossed": 0.001,
    "stall": 0.4,
    "slow": 0.3,
    "disconnect": 0.6,
    "5xx": 0.05,
}
"""Rates at which something happens about every ten seconds."""


@dataclass(frozen=True)
class Exchange:
    """A simulated exchange that runs."""

    port: int
    truth: Path
    books: Sequence[str]


@contextmanager
def exchange(
    folder: Path,
    books: Sequence[str] = ("btc_mxn", "usd_mxn"),
    faults: Mapping[str, float] | None = None,
    **options: object,
) -> Iterator[Exchange]:
    """Run one while the context lasts. `options` are those of `cryptodudez simulate bitso`."""
    [port], truth = free_ports(1), folder / "truth.csv"
    words = ["simulate", "bitso", "--port", str(port), "--books", ",".join(books), "--truth", str(truth)]
    words += [word for name, rate in (faults or {}).items() for word in ("--fault", f"{name}={rate}")]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with (folder / "exchange.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "cryptodudez_assets", *words], stdout=log, stderr=log)
        try:
            _wait_until(lambda: "simulated" in (folder / "exchange.log").read_text(), "the exchange to listen")
            yield Exchange(port, truth, books)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_SECONDS)


@dataclass
class Recording:
    """Recorders of a home, by their instance names."""

    home: Path
    exchange: Exchange
    window_seconds: int = 10
    extra: Sequence[str] = ()
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, instance: str = "a", patience: float = PATIENCE_SECONDS) -> None:
        """Start one, and wait until it records."""
        words = ["record", "--instance", instance, "--window-seconds", str(self.window_seconds), *self.extra]
        words += [word for book in self.exchange.books for word in ("--book", book)]
        words += ["--rest-url", f"http://127.0.0.1:{self.exchange.port}/v3"]
        words += ["--ws-url", f"ws://127.0.0.1:{self.exchange.port}/ws"]
        self.home.mkdir(parents=True, exist_ok=True)
        address = self.home / "recorder" / instance / "address"
        address.unlink(missing_ok=True)
        with (self.home / f"{instance}.log").open("a") as log:
            environment = {**os.environ, "CRYPTODUDEZ_HOME": str(self.home)}
            command = [sys.executable, "-m", "cryptodudez_assets", *words]
            self.processes[instance] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _wait_until(lambda: address.exists() or self.processes[instance].poll() is not None, "the recorder", patience)

    def stop(self, instance: str = "a") -> int:
        """Ask it to end, as Ctrl-C does; returns its exit code."""
        process = self.processes.pop(instance)
        process.send_signal(signal.SIGINT)
        return process.wait(PATIENCE_SECONDS)

    def kill(self, instance: str = "a") -> None:
        """As a loss of power does."""
        process = self.processes.pop(instance)
        process.kill()
        process.wait()

    def end(self) -> None:
        """Leave no process behind."""
        for instance in list(self.processes):
            self.kill(instance)

    def log(self, instance: str = "a") -> str:
        """What it said."""
        return (self.home / f"{instance}.log").read_text()


@dataclass(frozen=True)
class Judgement:
    """What was recorded, beside what happened."""

    records: int
    seconds: int
    missing: int
    doubled: int
    told: int
    """Records that are not carried."""
    untrue: Sequence[str]
    carried: int
    forced: int
    short_files: Sequence[str]

    def __str__(self) -> str:
        rate = 100 * (self.told - len(self.untrue)) / self.told if self.told else 100.0
        return (
            f"{self.records:,} records of {self.seconds:,} books and seconds: {self.missing} missing, {self.doubled} doubled; "
            f"{rate:.3f} % of {self.told:,} that are not carried are true; {self.carried} carried, {self.forced} forced"
        )


def records_of(home: Path) -> pl.DataFrame:
    """Every record that was landed, with its second and its file."""
    files = sorted((home / "lake" / "raw" / "bitso_order_book").rglob("*.parquet"))
    frames = [pl.read_parquet(path).with_columns(file=pl.lit(path.name)) for path in files]
    second = pl.col("orderbook_timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_zone="UTC").dt.epoch("s")
    return pl.concat(frames).with_columns(second=second).sort("book", "second")


def gaps_of(home: Path) -> pl.DataFrame:
    """Every gap that was landed; one that lasted over several windows is there for each of them."""
    files = sorted((home / "lake" / "raw" / "bitso_order_book_gaps").rglob("*.jsonl"))
    return pl.DataFrame([json.loads(line) for path in files for line in path.read_text().splitlines()], GAP_COLUMNS)


def judged(home: Path, exchange: Exchange, window_seconds: int) -> Judgement:
    """Compare the records of one instance with the truth; the exchange has ended, so that its files are whole."""
    records = records_of(home)
    truth = _truth(exchange.truth)
    first, last = records["second"].min(), records["second"].max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    expected = (last - first + 1) * len(exchange.books)
    distinct = records.select("book", "second").n_unique()
    told = records.filter(pl.col("source") != "carried")
    untrue = [word for row in told.iter_rows(named=True) if (word := _untrue(row, truth[row["book"]]))]
    forced = forced_seconds(exchange.truth, first, last, exchange.books)
    full = records.filter(~pl.col("file").str.contains("partial")).group_by("book", "file").len()
    return Judgement(
        records=len(records),
        seconds=expected,
        missing=expected - distinct,
        doubled=len(records) - distinct,
        told=len(told),
        untrue=untrue,
        carried=len(records) - len(told),
        forced=len(forced),
        short_files=full.filter(pl.col("len") != window_seconds)["file"].to_list(),
    )


@dataclass(frozen=True)
class _BookTruth:
    """The best prices of a book behind each message, in their order."""

    place: Mapping[int, int]
    sent: Sequence[int]
    bid: Sequence[float | None]
    ask: Sequence[float | None]

    def was_current(self, place: int, begin_ms: int, end_ms: int) -> bool:
        """Whether the state behind a message was the state at some time between the two."""
        until = self.sent[place + 1] if place + 1 < len(self.sent) else end_ms
        return self.sent[place] <= end_ms and until >= begin_ms


def _truth(path: Path) -> dict[str, _BookTruth]:
    types = {"sequence": pl.Int64, "sent": pl.Int64, "bid": pl.Float64, "ask": pl.Float64}
    frame = pl.read_csv(path, schema_overrides=types).sort("book", "sequence")
    books = {}
    for (book,), rows in frame.group_by("book"):
        place = {sequence: n for n, sequence in enumerate(rows["sequence"].to_list())}
        books[str(book)] = _BookTruth(place, rows["sent"].to_list(), rows["bid"].to_list(), rows["ask"].to_list())
    return books


LATE_MS = 250
"""How late after its second a tick may look: it may then know what was sent behind the second."""


def _untrue(row: Mapping[str, object], truth: _BookTruth) -> str:
    """What is wrong with a record that is not carried; nothing if it is true."""
    second, source, sequence = row["second"], row["source"], row["sequence"]
    assert isinstance(second, int)
    begin, end = 1000 * (second - 1), 1000 * second + LATE_MS
    said = f"{row['book']} at {second} from {source}, sequence {sequence}: {row['bid']} {row['ask']}"
    if source == "ticker":
        same = [n for n in range(len(truth.sent)) if (truth.bid[n], truth.ask[n]) == (row["bid"], row["ask"])]
        return "" if any(truth.was_current(n, begin, end) for n in same) else f"{said}: was not so within the second"
    place = truth.place.get(sequence) if isinstance(sequence, int) else None
    if place is None:
        return f"{said}: no message has this sequence"
    if (truth.bid[place], truth.ask[place]) != (row["bid"], row["ask"]):
        return f"{said}: the truth is {truth.bid[place]} {truth.ask[place]}"
    fresh = truth.sent[place] >= begin if source == "ws" else truth.was_current(place, begin, end)
    return "" if fresh else f"{said}: was sent {1000 * second - truth.sent[place]} ms before"


def _wait_until(is_so: Callable[[], bool], what: str, patience: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.05)
