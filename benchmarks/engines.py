"""The same work by each engine: files of stocks are ingested and `stock_rolling` is computed, locally, on the pool and on Spark.

Each is a process of its own with a home of its own, and all read the same files (of `stock_pipeline.py`) in one call, alternating.
CPU is that of the process and of all that it started, Java too. What comes before is not counted: imports, Spark's start, workers that
import. Cataloguing is not a task, so that it is not measured. A task's own price is that of one that does nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import stock_pipeline

ENGINES = ("local", "pool", "spark")
DAYS = 3500  # of a file, on average
WARM, IDLE = 8, 100
MASTER = "local[2,4]"
Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        samples = Path(scratch)
        made = stock_pipeline.make(samples, max(10, arguments.rows // DAYS), False)
        print(f"{made['files']:,} files, {made['rows']:,} rows, {made['megabytes']:,.0f} MB of text", flush=True)
        runs: dict[str, list[Run]] = {name: [] for name in arguments.engines}
        for _ in range(arguments.rounds):
            for name in arguments.engines:
                runs[name].append(child(name, samples))
        show({name: min(told, key=lambda one: one["ingest"]["cpu"]) for name, told in runs.items()})


def child(name: str, samples: Path) -> Run:
    """Not as a script: executors must find the functions of this module by its name."""
    code = f"import engines; engines.answer({name!r}, {str(samples)!r})"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(told.stdout.splitlines()[-1])


def answer(name: str, samples: str) -> None:
    print(json.dumps(measured(name, Path(samples))))


def show(runs: dict[str, Run]) -> None:
    stock_pipeline.agree([run["sums"] for run in runs.values()])
    first = next(iter(runs.values()))
    print(f"{'':7}{'':10}{'CPU s':>8}{'wall s':>8}{'CPU /':>8}{'wall /':>8}   (/ {next(iter(runs))})")
    for name, run in runs.items():
        for what in ("ingest", "features"):
            one, other = run[what], first[what]
            ratios = f"{one['cpu'] / other['cpu']:8.2f}{one['wall'] / other['wall']:8.2f}"
            print(f"{name:7}{what:10}{one['cpu']:8.2f}{one['wall']:8.2f}{ratios}")
        print(
            f"{name:7}before: {run['before']['cpu']:.1f} CPU s; a task: {1000 * run['task']['cpu'] / IDLE:.1f} CPU ms"
        )


def measured(name: str, samples: Path) -> Run:
    from cryptodudez_assets.defs.resources import spark_session
    from cryptodudez_assets.derived.upkeep.materialize import materialize
    from cryptodudez_assets.engines.choosing import engine_of
    from cryptodudez_assets.features.stock_rolling import VIEW
    from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
    from cryptodudez_assets.lake.ingest.ingest import ingest
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.lake.metastore.discovery import discover_all
    from cryptodudez_assets.settings import Settings
    from cryptodudez_assets.sources import all_sources

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), settle_seconds=0, spark_master=MASTER)
        stock_pipeline.put_in_raw(samples / "archive", settings.home)
        engine = engine_of(name, settings, spark_session(settings))
        lake = replace(Lake.open(settings, all_sources()), engine=engine)
        told: Run = {}
        with Measured() as told["before"]:
            list(engine.run(import_for_tasks, range(WARM), silent))
        for source in stock_pipeline.sources():
            catalogue_objects(lake, source, discover_all(lake, source.name))
        with Measured() as told["ingest"]:
            for source in stock_pipeline.sources():
                ingest(lake, source)
        with Measured() as told["features"]:
            materialize(lake, VIEW)
        with Measured() as told["task"]:
            list(engine.run(nothing, range(IDLE), silent))
        told["sums"] = stock_pipeline.sums(settings.home)
        return told


def import_for_tasks(_: int, say: Callable[[str], None]) -> None:
    """What the first task of a worker does anyway; slowly, so that each worker gets one."""
    from cryptodudez_assets import spark_daemon

    spark_daemon.import_for_tasks()
    time.sleep(0.5)


def nothing(_: int, say: Callable[[str], None]) -> None:
    """A task without work."""


def silent(_: str) -> None:
    """Progress is not shown here."""


class Measured:
    """Seconds of the clock, and of the processor by this process, those that it started, and theirs."""

    def __enter__(self) -> dict[str, float]:
        self._cpu, self._wall = processor(), time.perf_counter()
        self._told: dict[str, float] = {}
        return self._told

    def __exit__(self, *_: object) -> None:
        self._told |= {"wall": time.perf_counter() - self._wall, "cpu": processor() - self._cpu}


def processor() -> float:
    import psutil

    ours = psutil.Process()
    return sum(sum(one.cpu_times()[:4]) for one in [ours, *ours.children(recursive=True)])


if __name__ == "__main__":
    main()
