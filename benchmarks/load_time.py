"""How long the code location takes to load, against importing dagster, pandera and polars alone.

Every run is a fresh process; the two take turns, so that what else the machine does falls on both. Goal: at most twice.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

FLOOR = "import dagster, pandera.polars, polars"
OURS = "from cryptodudez_assets.definitions import defs; defs().resolve_asset_graph()"
GOAL = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--modules", action="store_true", help="also show which imports of ours cost most")
    arguments = parser.parse_args()
    once(FLOOR), once(OURS)  # files into the cache, byte code on disk
    rounds = [(once(FLOOR), once(OURS)) for _ in range(arguments.rounds)]
    for what, column in (("wall", 0), ("CPU", 1)):
        floor, ours = ([run[column] for run in runs] for runs in zip(*rounds, strict=True))
        ratio = statistics.median(ours) / statistics.median(floor)
        spread = f"{min(ours):.2f} to {max(ours):.2f} s against {min(floor):.2f} to {max(floor):.2f} s"
        print(f"{what:5} ours / floor  {ratio:5.2f}   ({spread}, n = {arguments.rounds}, goal: at most {GOAL:g})")
    if arguments.modules:
        show_modules()
    sys.exit(1 if ratio > GOAL else 0)  # the last one: CPU time, which other processes disturb least


def once(program: str) -> tuple[float, float]:
    """Wall and CPU seconds of a fresh interpreter."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"POLARS_MAX_THREADS": "1"})
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show_modules(top: int = 15) -> None:
    """Imports on top of the floor, the dearest first."""
    command = [sys.executable, "-X", "importtime", "-c", f"{FLOOR}\n{OURS}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    timed = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")][1:]
    first_of_ours = next(i for i, (_, _, name) in enumerate(timed) if "cryptodudez" in name)
    floor_ends = max(i for i, row in enumerate(timed[:first_of_ours]) if row[2].strip() in ("polars", "pandera.polars"))
    for _, total, name in sorted(timed[floor_ends + 1 :], key=lambda row: -int(row[1]))[:top]:
        print(f"  {int(total) / 1000:8.1f} ms  {name.strip()}")


if __name__ == "__main__":
    main()
