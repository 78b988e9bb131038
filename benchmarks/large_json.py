"""Memory and time of one large JSON-lines file, from the raw zone to the table, in a process of its own.

The file is made up at run time: posts with fields in fields, texts and numbers that keep their digits; one in ten thousand is broken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

BROKEN_EACH = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1024, help="size of the file")
    parser.add_argument("--text", type=int, default=600, help="characters of each post's text")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(taken_in(arguments.child, "toy_posts")))
        return
    told = measured(arguments.mb, arguments.text)
    print(
        f"{told['read']:,.0f} records, {told['quarantined']:,.0f} of them broken, in {arguments.mb:,} MiB: {told['cpu']:.1f} s CPU, "
        f"{told['wall']:.1f} s, peak {told['peak']:,.0f} MiB ({told['before']:,.0f} MiB before)"
    )


def measured(megabytes: int, text: int = 600) -> dict[str, float]:
    """What taking in a file of this size took."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "lake" / "raw" / "posts" / "large.json"
        path.parent.mkdir(parents=True)
        write(path, megabytes << 20, text)
        command = [sys.executable, __file__, "--child", home]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told: dict[str, float] = json.loads(answer.splitlines()[-1])
    return told


def write(path: Path, size: int, text: int) -> None:
    number, written = 0, 0
    with path.open("wb") as opened:
        while written < size:
            number += 1
            post = {"id": number, "at": f"2024-01-{number % 28 + 1:02}T00:00:00Z", "text": "x" * text, "price": 1.1}
            line = json.dumps({**post, "user": {"name": f"user {number % 999}", "followers": number % 10_000}})
            written += opened.write((line if number % BROKEN_EACH else line[:-1]).encode() + b"\n")


def taken_in(home: Path, toy: str) -> dict[str, float]:
    """What it takes to take in what lies in a raw zone, of the source that a module of the tests declares."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from cryptodudez_assets.lake.status import status_of
    from cryptodudez_assets.settings import Settings
    from cryptodudez_assets_tests.builders import open_lake, take_in

    source = import_module(f"cryptodudez_assets_tests.{toy}").SOURCE
    lake = open_lake(Settings(home=home, settle_seconds=0))
    before, cpu, wall = _peak(), time.process_time(), time.perf_counter()
    take_in(lake, source)
    used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    told = status_of(lake, source.name)
    return {**used, "before": before, "peak": _peak(), "read": told.read, "quarantined": told.quarantined}


def _peak() -> float:
    """Of this process alone, in MiB: what `getrusage` tells begins with the parent's."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    main()
