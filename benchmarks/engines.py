"""The same work by each engine: files of stocks are ingested and `stock_rolling` is computed, beside Spark's own way of doing it.

Each is a process of its own with a home of its own, and all read the same files (of `stock_pipeline.py`) in one call, alternating.
`one` and `two` are Spark's standalone cluster of so many workers with one core each. `jvm` is the peer: Spark reads the CSV files,
computes the same windows and writes two Iceberg tables, as a program of its own would (`engines_peer.py`, in `.readers`); it
catalogues nothing, sets nothing aside, and keeps no account.

What is measured is watched from outside: seconds of the processor of all processes that were started, Java's too, and the memory
that they have for themselves together (each page shared among n counts an nth). What comes before is not counted: imports, the
start of Spark and Ray, workers that import. Cataloguing is not a task, so that it is not measured. A task's own price is that of
one that does nothing.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import stock_pipeline

CLUSTERS = {"one": 1, "two": 2}
"""Workers of a standalone cluster."""
PEER = "jvm"
ENGINES = ("local", "pool", "spark", *CLUSTERS, "ray", PEER)
PHASES = ("ingest", "features")
DAYS = 3500  # of a file, on average
WARM, IDLE = 8, 100
LOOK_SECONDS = 1.0
MASTER = "local[2,4]"
READERS = Path(__file__).parents[1] / ".readers"
Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[300_000, 3_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    arguments = parser.parse_args()
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as scratch:
            measure(Path(scratch), rows, arguments.rounds, arguments.engines)


def measure(samples: Path, rows: int, rounds: int, engines: list[str]) -> None:
    made = stock_pipeline.make(samples, max(10, rows // DAYS), False)
    print(f"\n{made['files']:,} files, {made['rows']:,} rows, {made['megabytes']:,.0f} MB of text", flush=True)
    runs: dict[str, list[Run]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name in engines:
            runs[name].append(watched(command(name, samples)))
    best = {name: min(told, key=lambda one: sum(one[phase]["wall"] for phase in PHASES)) for name, told in runs.items()}
    stock_pipeline.agree([run["sums"] for run in best.values()])
    show(best, made["rows"])


def command(name: str, samples: Path) -> list[str]:
    if name == PEER:
        return [str(READERS / "bin" / "python"), str(Path(__file__).with_name("engines_peer.py")), str(samples)]
    # Not as a script: executors must find the functions of this module by its name.
    return [sys.executable, "-c", f"import engines; engines.answer({name!r}, {str(samples)!r})"]


def watched(command: list[str]) -> Run:
    """What a child tells, and what it used between the lines that begin and end a phase."""
    import psutil

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parent, READERS.parent)))}
    child = psutil.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=lambda: [*map(lines.put, child.stdout), lines.put(None)], daemon=True).start()
    told: Run = {}
    phase: str | None = None
    while True:
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if phase:
                told[phase]["peak"] = max(told[phase]["peak"], memory(child))
            continue
        if line is None:
            break
        if not line.startswith("{"):
            continue  # Spark has something to say
        said = json.loads(line)
        if "begin" in said:
            phase = said["begin"]
            told[phase] = {"cpu": -processor(child), "wall": -time.perf_counter(), "peak": memory(child)}
        elif "end" in said:
            told[said["end"]]["cpu"] += processor(child)
            told[said["end"]]["wall"] += time.perf_counter()
            phase = None
        else:
            told |= said
    if child.wait() != 0:
        raise SystemExit(f"{command}: exit code {child.returncode}")
    return told


def processes(child: Any) -> list[Any]:
    return [child, *child.children(recursive=True)]


def processor(child: Any) -> float:
    """Seconds, with those of children that ended."""
    return sum(sum(one.cpu_times()[:4]) for one in processes(child))


def memory(child: Any) -> float:
    import psutil

    found = 0.0
    for one in processes(child):
        try:
            found += one.memory_full_info().pss / 2**20
        except psutil.Error:  # it ended just now
            continue
    return found


def show(runs: dict[str, Run], rows: int) -> None:
    first = next(iter(runs))
    columns = ("CPU s", "wall s", "MB", "CPU /", "wall /", "CPU s / M rows")
    print(f"{'':7}{'':10}" + "".join(f"{name:>10}" for name in columns[:5]) + f"{columns[5]:>16}   (/ {first})")
    for name, run in runs.items():
        for phase in PHASES:
            one, other = run[phase], runs[first][phase]
            told = [one["cpu"], one["wall"], one["peak"], one["cpu"] / other["cpu"], one["wall"] / other["wall"]]
            cells = "".join(f"{value:10.2f}" if value < 100 else f"{value:10,.0f}" for value in told)
            print(f"{name:7}{phase:10}{cells}{1e6 * one['cpu'] / rows:16.2f}")
        price = f"; a task: {1000 * run['task']['cpu'] / IDLE:.1f} CPU ms" if "task" in run else ""
        by = f"; tasks by executor: {run['executors']}" if "executors" in run else ""
        print(f"{name:7}before: {run['before']['cpu']:.1f} CPU s, {run['before']['wall']:.1f} wall s{price}{by}")
    if {"one", "two"} <= runs.keys():
        for phase in PHASES:
            ratio = runs["one"][phase]["wall"] / runs["two"][phase]["wall"]
            print(f"two workers against one, {phase}: {ratio:.2f} times as fast")


def answer(name: str, samples: str) -> None:
    os.umask(0o077)  # homes are the owner's alone, as they should be
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        options = {"spark_master": MASTER}
        events = Path(folder, "events")
        if name in CLUSTERS:
            from cryptodudez_assets_tests.spark_cluster import all_of, standalone

            events.mkdir()
            tells = {"enabled": "true", "dir": events.as_uri(), "compress": "false", "rolling.enabled": "false"}
            own = {f"spark.eventLog.{option}": value for option, value in tells.items()}
            python_path = {"spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"]}
            options = {
                "spark_master": stack.enter_context(standalone(Path(folder), CLUSTERS[name])),
                "spark_options": json.dumps(all_of(CLUSTERS[name]) | python_path | own),
            }
        work("spark" if name in CLUSTERS else name, Path(samples), Path(folder, "home"), options)
        if name in CLUSTERS:
            tell({"executors": tasks_by_executor(events)})


def work(name: str, samples: Path, home: Path, options: dict[str, str]) -> None:
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

    settings = Settings(home=home, settle_seconds=0, **options)
    stock_pipeline.put_in_raw(samples / "archive", settings.home)
    session = spark_session(settings)
    engine = engine_of(name, settings, session)
    lake = replace(Lake.open(settings, all_sources()), engine=engine)
    with phase("before"):
        list(engine.run(import_for_tasks, range(WARM), silent))
    for source in stock_pipeline.sources():
        catalogue_objects(lake, source, discover_all(lake, source.name))
    with phase("ingest"):
        for source in stock_pipeline.sources():
            ingest(lake, source)
    with phase("features"):
        materialize(lake, VIEW)
    with phase("task"):
        list(engine.run(nothing, range(IDLE), silent))
    tell({"sums": stock_pipeline.sums(settings.home)})
    if name == "spark":
        session().stop()  # and its log of events is whole


@contextmanager
def phase(name: str) -> Iterator[None]:
    tell({"begin": name})
    yield
    tell({"end": name})


def tell(said: Run) -> None:
    print(json.dumps(said), flush=True)


def tasks_by_executor(events: Path) -> dict[str, int]:
    """How many tasks each executor ended, the idle ones aside, as Spark itself wrote down."""
    told = [json.loads(line) for path in events.iterdir() for line in path.read_text().splitlines()]
    stages = [one["Stage Info"] for one in told if one["Event"] == "SparkListenerStageCompleted"]
    real = {one["Stage ID"] for one in stages if one["Number of Tasks"] not in (WARM, IDLE)}
    ended = [one for one in told if one["Event"] == "SparkListenerTaskEnd" and one["Stage ID"] in real]
    return dict(Counter(one["Task Info"]["Executor ID"] for one in ended))


def import_for_tasks(_: int, say: Callable[[str], None]) -> None:
    """What the first task of a worker does anyway; slowly, so that each worker gets one."""
    from cryptodudez_assets import spark_daemon

    spark_daemon.import_for_tasks()
    time.sleep(0.5)


def nothing(_: int, say: Callable[[str], None]) -> None:
    """A task without work."""


def silent(_: str) -> None:
    """Progress is not shown here."""


if __name__ == "__main__":
    main()
