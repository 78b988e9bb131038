"""Very many files on the twin of the cluster: 10,000 landed at once, then 100 a second for a minute.

    python benchmarks/twin_load.py [--files 10000] [--rate 100] [--seconds 60] [--only burst|stream] [--minutes 60]

Goals: no tick of a sensor over 20 s, memory bounded (the peak of each process is printed), and all accounted for: each file is in the
catalogue once, as loaded, and its row once in the table. The bucket is a stand-in: how fast it takes files is printed, too.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.twin import Twin, twin
from cryptodudez_assets_tests.twin_lake import TwinLake, candle, name_of

TICK_GOAL = 20.0  # seconds
PRODUCERS = 16
LOOK_SECONDS = 5.0


@dataclass
class Seen:
    """What was seen of a twin under load: the longest tick of each sensor in seconds, and the most memory of each process in MB."""

    ticks: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: int = 0
    memory: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=["burst", "stream"])
    parser.add_argument(
        "--minutes", type=float, default=60, help="after so many it is told how far each of the two has come"
    )
    wanted = parser.parse_args()
    patience = wanted.minutes * 60
    with (
        tempfile.TemporaryDirectory(prefix="twin-load-") as folder,
        twin(Path(folder), free_ports(3), books=()) as made,
    ):
        lake = TwinLake(made)
        lake.wait_until_ready()
        lake.put("first.csv", candle(0, "FIRST"))  # its run makes the table
        lake.wait(lambda: not lake.not_loaded(["first.csv"]), "the table")
        fine, burst = True, range(wanted.files)
        if wanted.only != "stream":
            fine = carry_out(lake, f"{wanted.files:,} at once", burst, 0.0, patience)
        if wanted.only != "burst":
            stream = range(wanted.files, wanted.files + round(wanted.rate * wanted.seconds))
            fine = carry_out(lake, f"{wanted.rate:g} a second", stream, 1 / wanted.rate, patience) and fine
    return 0 if fine else 1


def carry_out(lake: TwinLake[Twin], name: str, numbers: range, pause: float, patience: float) -> bool:
    """Land these, so many seconds one after the other; wait until all are in the table, at most so long, and tell what was seen."""
    with watched(lake) as seen:
        began = time.time()
        land(lake, numbers, began, pause)
        landed = time.time() - began
        names = [name_of(number) for number in numbers]
        lake.wait(lambda: not lake.not_loaded(names) or time.time() - began > patience, "", max(1.0, patience) + 60)
        done, left = time.time() - began, len(lake.not_loaded(names))
    print(f"{name}: {len(numbers):,} files landed in {landed:.0f} s, {len(numbers) / landed:.0f} a second")
    loaded = len(numbers) - left
    print(f"  {loaded if left else 'all'} in the table after   {done:8.0f} s, {loaded / done:.1f} files a second")
    longest = sorted(seen.ticks.items(), key=lambda one: -one[1])[:4]
    said = ", ".join(f"{sensor} {seconds:.1f}" for sensor, seconds in longest)
    print(f"  longest ticks            {said} s (goal: under {TICK_GOAL:.0f}); {seen.failed} failed")
    print(
        "  most memory              " + ", ".join(f"{one} {most:.0f} MB" for one, most in sorted(seen.memory.items()))
    )
    wrong = [f"{left:,} were not in the table yet"] if left else lake.wrong(numbers)
    print(f"  {'; '.join(wrong) or 'all accounted for: each file once, each row once'}", flush=True)
    return not wrong and max(seen.ticks.values()) < TICK_GOAL


def land(lake: TwinLake[Twin], numbers: range, began: float, pause: float) -> None:
    """As several producers do."""

    def one(number: int) -> None:
        time.sleep(max(0.0, began + (number - numbers[0]) * pause - time.time()))
        lake.put(name_of(number), candle(number))

    with ThreadPoolExecutor(PRODUCERS) as producers:
        for _ in producers.map(one, numbers):
            pass


@contextmanager
def watched(lake: TwinLake[Twin]) -> Iterator[Seen]:
    """Look at ticks and processes every few seconds: a tick that found nothing is forgotten after two minutes."""
    seen, done, began = Seen(), threading.Event(), time.time()

    def look() -> None:
        failed = set()
        while not done.wait(LOOK_SECONDS):
            for sensor, status, at, seconds in lake.ticks(began):
                seen.ticks[sensor] = max(seen.ticks[sensor], seconds)
                if status == "FAILURE":
                    failed.add((sensor, at))
            seen.failed = len(failed)
            for name, processes in lake.made.trees().items():
                seen.memory[name] = max(seen.memory[name], memory_of(processes))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def memory_of(processes: Sequence[psutil.Process]) -> float:
    """Of these together, in MB; what several have in common is divided among them."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue  # it ended just now
    return total / 1e6


if __name__ == "__main__":
    sys.exit(main())
