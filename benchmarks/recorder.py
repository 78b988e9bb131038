"""How the order-book recorder holds: faults, kills, upgrades, and all 54 books at a thousand messages a second.

    python benchmarks/recorder.py faults [--minutes 20] [--seed 5]
    python benchmarks/recorder.py kills [--times 100] [--seed 3]
    python benchmarks/recorder.py upgrades [--times 20]
    python benchmarks/recorder.py load [--minutes 10]

Each runs real recorders beside the simulated exchange, judges what they left by its truth, and exits with 1 where something is
missing, doubled or untrue. `load` runs a peer beside the recorder: a client that reads and decodes the same messages, and no more.
"""

import argparse
import re
import sys
import tempfile
import time
import urllib.request
from multiprocessing import Process
from pathlib import Path
from random import Random

import polars as pl
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
from cryptodudez_assets_tests.recorder_campaign import (
    FAULTS,
    Exchange,
    Recording,
    exchange,
    gaps_of,
    judged,
    records_of,
)

MESSAGES_PER_SECOND = 1000
SEEDING_SECONDS = 75


def faults(folder: Path, minutes: float, seed: int) -> bool:
    """Random faults all the time."""
    with exchange(folder, faults=FAULTS, seed=seed) as bitso:
        recording = Recording(folder / "home", bitso, 60)
        recording.start()
        time.sleep(60 * minutes)
        _end(recording, "a")
    found = judged(folder / "home", bitso, 60)
    print(found)
    print(gaps_of(folder / "home").unique(["book", "started_at"]).group_by("cause", "repair").len().sort("len"))
    for one in found.untrue[:10]:
        print(one)
    return not (found.missing or found.doubled or found.untrue or found.short_files) and (
        found.carried <= 1.2 * found.forced
    )


def kills(folder: Path, times: int, seed: int) -> bool:
    """Kill a recorder at random moments, again and again."""
    random = Random(seed)
    with exchange(folder) as bitso:
        recording = Recording(folder / "home", bitso, 5)
        for number in range(times):
            recording.start()
            time.sleep(random.uniform(0, 5))
            recording.kill()
            if number % 10 == 9:
                print(f"{number + 1} kills", flush=True)
        recording.start()
        time.sleep(2)
        _end(recording, "a")
    found = judged(folder / "home", bitso, 5)
    told = gaps_of(folder / "home").filter(cause="not running")["started_at"].n_unique()
    print(found)
    print(f"{times} kills, {told} gaps of a recorder that was not running")
    return not (found.missing or found.doubled or found.untrue or found.short_files)


def upgrades(folder: Path, times: int) -> bool:
    """Start a new recorder, then stop the old one."""
    with exchange(folder) as bitso:
        recording = Recording(folder / "home", bitso, 10)
        recording.start("v0")
        for number in range(times):
            recording.start(f"v{number + 1}")
            time.sleep(3)
            _end(recording, f"v{number}")
        _end(recording, f"v{times}")
    records = records_of(folder / "home").filter(~pl.col("is_gap"))
    missing = 0
    for _, of_book in records.group_by("book"):
        seconds = set(of_book["second"].to_list())
        missing += max(seconds) - min(seconds) + 1 - len(seconds)
    print(f"{times} upgrades: {records.select('book', 'second').n_unique():,} books and seconds, {missing} missing")
    return missing == 0


def load(folder: Path, minutes: float) -> bool:
    """Every book, a thousand messages a second."""
    books = list(BOOKS)
    with exchange(folder, books, rate=MESSAGES_PER_SECOND / len(books)) as bitso:
        recording = Recording(folder / "home", bitso, 60)
        recording.start()
        process = psutil.Process(recording.processes["a"].pid)
        time.sleep(SEEDING_SECONDS)
        peer = Process(target=_read_only, args=(bitso, books), daemon=True)
        peer.start()
        before, applied, memory = process.cpu_times(), _applied(recording), [process.memory_info().rss]
        peer_process = psutil.Process(peer.pid)
        time.sleep(2)
        peer_before, began = peer_process.cpu_times(), time.monotonic()
        while time.monotonic() - began < 60 * minutes:
            time.sleep(10)
            memory.append(process.memory_info().rss)
        after, messages = process.cpu_times(), _applied(recording) - applied
        peer_after = peer_process.cpu_times()
        metrics = _metrics(recording)
        peer.terminate()
        _end(recording, "a")
    found = judged(folder / "home", bitso, 60)
    used, peers = _used(before, after), _used(peer_before, peer_after)
    print(found)
    print(
        f"{messages:,} messages: {1e6 * used / messages:.0f} µs CPU each, {100 * used / (60 * minutes):.0f} % of a core"
    )
    print(f"{used / peers:.2f} times the CPU of a client that reads and decodes only")
    print(
        f"memory {memory[0] / 2**20:.0f} MiB at first, {max(memory) / 2**20:.0f} at most, {memory[-1] / 2**20:.0f} at last"
    )
    print(f"second tick: 99 % within {_lateness(metrics, 0.99):g} s, all within {_lateness(metrics, 1.0):g} s")
    return not (found.missing or found.doubled or found.untrue)


def _end(recording: Recording, instance: str) -> None:
    """Stop it; one that ended by itself, or ends with an error, has failed."""
    if (code := recording.stop(instance)) != 0:
        raise SystemExit(f"recorder {instance} ended with {code}:\n{recording.log(instance)[-3000:]}")


def _used(before: object, after: object) -> float:
    return sum(getattr(after, kind) - getattr(before, kind) for kind in ("user", "system"))


def _metrics(recording: Recording) -> str:
    address = (recording.home / "recorder" / "a" / "address").read_text()
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        return str(answer.read().decode())


def _applied(recording: Recording) -> int:
    found = re.search(r'messages\{outcome="applied"\} (\S+)', _metrics(recording))
    assert found
    return int(float(found[1]))


def _lateness(metrics: str, share: float) -> float:
    """The bucket that holds so many ticks."""
    buckets = [(float(le), float(n)) for le, n in re.findall(r'lateness_seconds_bucket\{le="(\S+)"\} (\S+)', metrics)]
    return next(le for le, n in buckets if n >= share * buckets[-1][1])


def _read_only(bitso: Exchange, books: list[str]) -> None:
    import msgspec
    import uvloop
    from websockets.asyncio.client import connect

    from cryptodudez_assets.venues.bitso.protocol import subscription

    async def read() -> None:
        async with connect(f"ws://127.0.0.1:{bitso.port}/ws", max_queue=4096, compression=None) as socket:
            for book in books:
                await socket.send(subscription(book))
            async for text in socket:
                msgspec.json.decode(text)

    uvloop.run(read())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["faults", "kills", "upgrades", "load"])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--times", type=int)
    parser.add_argument("--seed", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recorder-") as name:
        folder = Path(name)
        if wanted.what == "faults":
            fine = faults(folder, wanted.minutes or 20, wanted.seed)
        elif wanted.what == "kills":
            fine = kills(folder, wanted.times or 100, wanted.seed)
        elif wanted.what == "upgrades":
            fine = upgrades(folder, wanted.times or 20)
        else:
            fine = load(folder, wanted.minutes or 10)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
