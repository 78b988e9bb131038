"""A process for tests of concurrency and sudden death: says that it is ready, waits for its orders, works.

`worker.py take_in` takes in what lies there, in many small steps. `worker.py land N` lands files of its own and takes in after each.
Which lake: the `CRYPTODUDEZ_*` settings.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets_tests.builders import csv, open_lake, readings_source, take_in

SHARED, LANDINGS = readings_source(), 2


def landings(worker: int) -> list[tuple[Source, str, bytes]]:
    """What one worker lands: files whose keys overlap with the others', one that all land, one for a source of its own."""
    own = [
        csv(f"s{number}", range(worker, worker + 30 + number), value=1 + worker, bad=1) for number in range(LANDINGS)
    ]
    shared = [(SHARED, f"worker-{worker}-{number}.csv", content) for number, content in enumerate(own)]
    same = (SHARED, f"worker-{worker}-same.csv", csv("same", range(5)))
    return [*shared, same, (readings_source(f"readings_{worker}"), "own.csv", csv("own", range(10), value=1 + worker))]


def start(settings: Settings, *orders: str) -> subprocess.Popen[str]:
    """Start a worker; it loads its modules and waits for a line."""
    told = {f"CRYPTODUDEZ_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "cryptodudez_assets_tests.worker", *orders]
    return subprocess.Popen(
        command, env=os.environ | told, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def go(worker: subprocess.Popen[str]) -> None:
    """Let a worker begin."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    worker.stdin.write("go\n")
    worker.stdin.flush()


def take_in_by_steps(lake: Lake) -> None:
    """Many commits, so that there are many moments to die in."""
    ingest(lake, SHARED)
    found = discover_all(lake, SHARED.name)
    for first in range(0, len(found), 2):
        catalogue_objects(lake, SHARED, found[first : first + 2])
        ingest(lake, SHARED)


def main() -> None:
    lake = open_lake(Settings())
    print("ready", flush=True)
    sys.stdin.readline()
    if sys.argv[1] == "take_in":
        take_in_by_steps(lake)
        return
    for source, name, content in landings(int(sys.argv[2])):
        lake.store.write(f"raw/{source.name}/{name}", io.BytesIO(content))
        take_in(lake, source)


if __name__ == "__main__":
    main()
