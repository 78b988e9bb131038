"""A file every few seconds into each of three sources, for minutes, with `cryptodudez up`: latency, growth, and what Ctrl-C leaves.

Goals: to the table in a median of 12 s and a 95th percentile of 30 s; features within 60 s of the last file; databases grow
by at most 1 MB a minute under load and 10 KB when idle; after Ctrl-C, within 10 s, no process and no run is left. With
`--loads` busy loops beside it only the order is asked for: what landed first is in the table first, and all of it is.
"""

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psutil
from landing_latency import answers, free_port, wait_for

from cryptodudez_assets.contracts.elon_tweets import SNOWFLAKE_EPOCH_MS, SNOWFLAKE_TICK
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.declared import all_products
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

MEDIAN_GOAL, P95_GOAL, FEATURES_GOAL, STOP_GOAL = 12.0, 30.0, 60.0, 10.0  # seconds
LOADED_GOAL, IDLE_GOAL = 1000.0, 10.0  # KB a minute
DRAIN_SECONDS = 600
BEGUN = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
BUSY = "while True: pass"
COMMAND = str(Path(sys.executable).with_name("cryptodudez"))


def candles(number: int) -> str:
    day = date(2015, 1, 1) + timedelta(days=number)
    lines = (f"{i},Coin{i},SOAK{i},{day} 23:59:59,2,1,1.5,1.5,100,1000\n" for i in range(20))
    return "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n" + "".join(lines)


def stocks(number: int) -> str:
    day = date(2015, 1, 1) + timedelta(days=number)
    lines = (f"SOAK{i},{day},1.5,2,1,1.5,1.5,100,1\n" for i in range(20))
    return "symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient\n" + "".join(lines)


def tweets(number: int) -> str:
    names = "id,conversation_id,date,time,timezone,tweet,language,username,link,reply_to,likes_count,replies_count,retweets_count"
    lines = []
    for i in range(20):
        at = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(minutes=20 * number + i)
        snowflake = (int(at.timestamp() * 1000) - SNOWFLAKE_EPOCH_MS) * SNOWFLAKE_TICK
        lines.append(
            f"{snowflake},{snowflake},{at:%Y-%m-%d},{at:%H:%M:%S},+0000,such wow {i},en,elonmusk,x,[],{i},1,2\n"
        )
    return names + "\n" + "".join(lines)


SOURCES: dict[str, Callable[[int], str]] = {"crypto_prices": candles, "stock_prices": stocks, "elon_tweets": tweets}


@dataclass
class Soak:
    """A running `up`, and what was seen of it."""

    lake: Lake
    process: psutil.Process
    landed: dict[str, float] = field(default_factory=dict)
    """When each file was there whole, by name."""
    peak_rss: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)

    def drop(self, number: int) -> None:
        for source, content in SOURCES.items():
            path = Path(self.lake.settings.lake) / "raw" / source / f"soak-{number:05d}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content(number))
            self.landed[f"{source}/{path.name}"] = path.stat().st_mtime

    def watch(self) -> None:
        """Take down memory and processor time of all processes."""
        total = 0.0
        for one in [self.process, *self.process.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
                times = one.cpu_times()
                self.cpu[one.pid] = max(self.cpu.get(one.pid, 0.0), times.user + times.system)
            except psutil.Error:
                continue  # it ended meanwhile
        self.peak_rss = max(self.peak_rss, total)

    def waiting(self) -> set[str]:
        """Files that are not in their table yet."""
        return set(self.landed) - {name for name, _ in self._done()}

    def latencies(self) -> list[tuple[float, float]]:
        """When each file landed, and how many seconds later its table had it."""
        return [(self.landed[name], at - self.landed[name]) for name, at in sorted(self._done()) if name in self.landed]

    def _done(self) -> Iterator[tuple[str, float]]:
        entries = self.lake.tables.scan("catalog.files")
        if entries is not None:
            loaded = entries.filter(pl.col("status") == "loaded").select("source", "uri", "updated_at").collect()
            for source, uri, at in loaded.iter_rows():
                yield f"{source}/{uri.rpartition('/')[2]}", at.timestamp()

    def behind(self) -> list[str]:
        return [one.name for one in standing(self.lake, all_products(self.lake)).behind]

    def databases(self) -> dict[str, int]:
        """Bytes of Dagster's databases, by folder: the runs' own ones are many."""
        sizes: dict[str, int] = {}
        home = self.lake.settings.home / "dagster"
        for path in home.rglob("*"):
            if path.is_file() and path.suffix == ".db":  # what is written ahead is bounded by SQLite
                place = str(path.relative_to(home).parent)
                sizes[place] = sizes.get(place, 0) + path.stat().st_size
        return sizes

    def runs(self) -> list[tuple[str, int]]:
        database = self.lake.settings.home / "dagster" / "history" / "runs.db"
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return list(connection.execute("select status, count(*) from runs group by 1"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--idle-minutes", type=float, default=2, help="How long nothing lands, afterwards.")
    parser.add_argument("--every", type=float, default=5, help="Seconds between files.")
    parser.add_argument("--loads", type=int, default=0, help="Busy loops beside it.")
    parser.add_argument("--size", default="tiny", help="Of the demo's data in the home before; none for an empty home.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        environment = os.environ | {"CRYPTODUDEZ_HOME": home}
        if arguments.size != "none":
            subprocess.run(
                [COMMAND, "demo", "--size", arguments.size], env=environment, check=True, stdout=subprocess.DEVNULL
            )
        port, log = free_port(), Path(home) / "up.log"
        command = [COMMAND, "up", "--port", str(port), "--api-port", str(free_port())]
        with log.open("wb") as told:
            process = subprocess.Popen(command, env=environment, stdout=told, stderr=told)
        loads = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(arguments.loads)]
        soak = Soak(Lake.open(settings, all_sources()), psutil.Process(process.pid))
        try:
            wait_for(lambda: answers(port), 180)
            fine = measure(soak, arguments)
        finally:
            for load in loads:
                load.kill()
            clean = stop(soak, process)
        print(f"lines that `up` said         {len(log.read_bytes().splitlines()):8,}")
        if not clean:
            print(log.read_text(errors="replace")[-4000:])
        sys.exit(0 if fine and clean else 1)


def measure(soak: Soak, arguments: argparse.Namespace) -> bool:
    """Land files, let them drain, be idle; print what was seen, and return whether the goals are met."""
    before, began, number = soak.databases(), time.monotonic(), 0
    while time.monotonic() - began < arguments.minutes * 60:
        soak.drop(number)
        number += 1
        soak.watch()
        time.sleep(max(0.0, began + number * arguments.every - time.monotonic()))
    last = time.time()
    wait_for(lambda: not soak.waiting(), DRAIN_SECONDS)
    wait_for(lambda: not any(name.startswith("features.") for name in soak.behind()), DRAIN_SECONDS)
    features = time.time() - last
    wait_for(lambda: not soak.behind(), DRAIN_SECONDS)
    models = time.time() - last
    minutes = (time.monotonic() - began) / 60
    soak.watch()
    pairs = soak.latencies()
    seconds = [latency for _, latency in pairs]
    median, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    print(f"files                        {len(seconds):8,} in {minutes:.1f} minutes")
    print(f"to the table, median         {median:8.1f} s (goal: under {MEDIAN_GOAL:.0f})")
    print(f"to the table, 95 of 100      {p95:8.1f} s (goal: under {P95_GOAL:.0f}); worst {max(seconds):.1f}")
    print(f"features after the last file {features:8.1f} s (goal: under {FEATURES_GOAL:.0f})")
    print(f"models and reports after it  {models:8.1f} s")
    print(f"processor time a minute      {sum(soak.cpu.values()) / minutes:8.1f} s")
    print(f"memory, most at once         {soak.peak_rss / 1e6:8.0f} MB")
    print(f"runs                         {sum(n for _, n in soak.runs()):8,}: {dict(soak.runs())}")
    loaded = growth("growth under load", before, soak.databases(), minutes, LOADED_GOAL)
    disorder = out_of_order(pairs)
    print(f"out of order by              {disorder:8.1f} s at most")
    before = soak.databases()
    time.sleep(arguments.idle_minutes * 60)
    idle = growth("growth when idle", before, soak.databases(), arguments.idle_minutes, IDLE_GOAL)
    in_time = (median < MEDIAN_GOAL and p95 < P95_GOAL and features < FEATURES_GOAL) or arguments.loads > 0
    return in_time and loaded <= LOADED_GOAL and idle <= IDLE_GOAL and disorder < P95_GOAL


def growth(name: str, before: dict[str, int], after: dict[str, int], minutes: float, goal: float) -> float:
    """Print by how many KB a minute the databases grew, and return it."""
    grown = {place: (size - before.get(place, 0)) / 1e3 / minutes for place, size in after.items()}
    total = sum(grown.values())
    parts = ", ".join(f"{place} {kb:.1f}" for place, kb in sorted(grown.items()) if kb)
    print(f"{name:28} {total:8.1f} KB a minute (goal: at most {goal:,.0f}): {parts}")
    return total


def out_of_order(pairs: list[tuple[float, float]]) -> float:
    """By how many seconds a file was in its table before one of its source that had landed earlier, at most."""
    worst, latest, before = 0.0, 0.0, 0.0
    for landed, latency in pairs:
        if landed < before:  # the next source begins
            latest = 0.0
        before = landed
        worst = max(worst, latest - (landed + latency))
        latest = max(latest, landed + latency)
    return worst


def stop(soak: Soak, process: subprocess.Popen[bytes]) -> bool:
    """Land once more, press Ctrl-C in the midst of it, and see what is left."""
    soak.drop(99_999)
    time.sleep(6)
    children = soak.process.children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    code = process.wait(120)
    took = time.monotonic() - began
    left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    begun = sum(n for status, n in soak.runs() if status in BEGUN)
    print(
        f"stopped after Ctrl-C in      {took:8.1f} s (goal: under {STOP_GOAL:.0f}), exit code {code}; "
        f"{len(left)} of {len(children) + 1} processes and {begun} runs left"
    )
    return took < STOP_GOAL and code == 0 and not left and not begun


if __name__ == "__main__":
    main()
