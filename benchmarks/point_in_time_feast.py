"""Training data through Feast's API: our plug-in against our own function, and against Feast's own file store (Dask).

The plug-in reads Iceberg tables, the file store the same rows as Parquet files. Results are equal but for what the file store
leaves out, which is counted: it drops entities that have no row within the TTL, and at times gives null where the newest row
was not known yet but an older one was. It gets less and less to do until it ends within `--patience` seconds and
`--gigabytes`; what it did not survive is printed. Importing Feast is not counted.
Goals: at most 1.5 of the time of our function, at least 10 times as fast as the file store.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
from point_in_time import FEATURES, TTL, make, views

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features import FeatureContract, FeatureView, all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

SIZES = (
    (20_000, 5, 2_000_000),
    (20_000, 1, 2_000_000),
    (20_000, 5, 200_000),
    (20_000, 1, 200_000),
    (2_000, 1, 200_000),
)
OVERHEAD, GAIN = 1.5, 10
Job = Callable[[], pl.DataFrame]


class Drawn(FeatureContract):
    """Drawn by lot."""

    key: pl.Int64
    a: float
    b: float
    c: float


def declare(folder: Path) -> list[FeatureView]:
    """The views that were made, declared as those of the project are."""
    made = [FeatureView(name, Drawn, "benchmark", ["key"], (), dict, None, TTL) for name in views(folder)]  # type: ignore[arg-type]
    all_views().clear()
    all_views().update({view.name: view for view in made})
    for view in made:
        vars(view)["version"] = "1"
    return made


def make_all(folder: Path, arguments: argparse.Namespace) -> None:
    make(folder, arguments)
    lake = Lake.open(Settings(home=folder / "home"), all_sources())
    for view in declare(folder):
        (folder / "files" / view.name).mkdir(parents=True)
        with lake.tables.changing(table_specs(view)[-1]) as change:
            for file in sorted(folder.glob(f"{view.name}.*.parquet")):
                change.add(pl.read_parquet(file).select(list(polars_schema(Drawn))))
                (folder / "files" / view.name / file.name).hardlink_to(file)


def entities(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "entities.parquet").rename({"t": "event_timestamp"})


def direct(folder: Path) -> Job:
    made, asked, lake = declare(folder), entities(folder), Lake.open(Settings(home=folder / "home"), all_sources())
    names = [view.name for view in made]
    return lambda: historical_features(lake, made, asked, names, time="event_timestamp").frame


def plugin(folder: Path) -> Job:
    from cryptodudez_assets.feature_store.feast_plugin.repo import feature_store

    refs = [f"{view.name}:{name}" for view in declare(folder) for name in FEATURES]
    store, asked = feature_store(Settings(home=folder / "home")), entities(folder).to_pandas()
    return lambda: pl.DataFrame(store.get_historical_features(asked, refs, full_feature_names=True).to_arrow())


def files(folder: Path) -> Job:
    import feast
    from feast.types import Float64

    key = feast.Entity(name="key", value_type=feast.ValueType.INT64)
    schema = [feast.Field(name=name, dtype=Float64) for name in FEATURES]
    made = [
        feast.FeatureView(name=path.name, entities=[key], schema=schema, ttl=timedelta(days=90), source=source)
        for path in sorted((folder / "files").iterdir())
        for source in [
            feast.FileSource(
                name=path.name, path=str(path), timestamp_field="event_ts", created_timestamp_column="known_ts"
            )
        ]
    ]
    config = feast.RepoConfig(
        project="files",
        provider="local",
        registry=str(folder / "files.db"),
        offline_store={"type": "dask"},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
    )
    store, asked = feast.FeatureStore(config=config), entities(folder).to_pandas()
    store.apply([key, *made])
    refs = [f"{view.name}:{name}" for view in made for name in FEATURES]

    def job() -> pl.DataFrame:
        found = store.get_historical_features(asked, refs, full_feature_names=True, filter_by_created_timestamp=True)
        return pl.from_pandas(found.to_df())

    return job


ENGINES = {"direct": direct, "plugin": plugin, "files": files}


def run(engine: str, folder: Path, gigabytes: int) -> None:
    """One engine in this process: prints seconds and megabytes, leaves the result in a file."""
    resource.setrlimit(resource.RLIMIT_DATA, (gigabytes << 30, gigabytes << 30))
    job = ENGINES[engine](folder)
    began = time.perf_counter()
    result = job()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.sort("entity").write_parquet(folder / f"result.{engine}.parquet")
    print("\n" + json.dumps({"seconds": took, "megabytes": peak}))


def measure(engine: str, folder: Path, arguments: argparse.Namespace) -> dict[str, float] | None:
    """What it took, or nothing if it did not survive."""
    own = ["--engine", engine, "--folder", str(folder), "--gigabytes", str(arguments.gigabytes)]
    try:
        done = subprocess.run(
            [sys.executable, __file__, *own], capture_output=True, text=True, timeout=arguments.patience
        )
    except subprocess.TimeoutExpired:
        return print(f"  {engine:8} unfinished after {arguments.patience} s")
    if done.returncode:
        return print(f"  {engine:8} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:100]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    lost = missing(folder, engine)
    assert engine == "files" or not lost, f"{engine} differs from ours"
    print(f"  {engine:8}{answer['seconds']:8.2f} s {answer['megabytes']:8,.0f} MB{lost}")
    return answer


def missing(folder: Path, engine: str) -> str:
    """What is not there that should be, in words. What is there must be equal to ours."""
    ours, found = (pl.read_parquet(folder / f"result.{name}.parquet") for name in ("direct", engine))
    both = ours.join(found.select(ours.columns).cast(dict(ours.schema)), on="entity", suffix="_found")
    names = [name for name in ours.columns if name.startswith("view")]
    wrong = pl.any_horizontal(pl.col(f"{name}_found") != pl.col(name) for name in names)
    assert not both.select(wrong.any()).item(), f"{engine} differs from ours"
    blank = both.filter(pl.any_horizontal(pl.col(f"{n}_found").is_null() & pl.col(n).is_not_null() for n in names))
    dropped = len(ours) - len(both)
    return (
        f", {dropped:,} entities dropped, {len(blank):,} with nulls for known values" if dropped or len(blank) else ""
    )


def at(size: tuple[int, int, int], engines: list[str], arguments: argparse.Namespace) -> dict[str, float | None]:
    """Seconds of each engine."""
    count, number, rows = size
    print(f"{count:,} entities x {number} views x {rows:,} rows, {arguments.keys:,} keys", flush=True)
    own = [f"--entities={count}", f"--views={number}", f"--rows={rows}", f"--keys={arguments.keys}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--engine", "make", "--folder", folder, *own]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        told = {engine: measure(engine, Path(folder), arguments) for engine in engines}
    return {engine: answer and answer["seconds"] for engine, answer in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=2_000_000, help="of each view")
    parser.add_argument("--views", type=int, default=5)
    parser.add_argument("--keys", type=int, default=5_000)
    parser.add_argument("--patience", type=int, default=75)
    parser.add_argument("--gigabytes", type=int, default=10)
    parser.add_argument("--engine", choices=[*ENGINES, "make"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(late=False)
    arguments = parser.parse_args()
    if arguments.engine == "make":
        return make_all(arguments.folder, arguments)
    if arguments.engine:
        return run(arguments.engine, arguments.folder, arguments.gigabytes)
    sys.exit(report(arguments))


def report(arguments: argparse.Namespace) -> int:
    told = at((arguments.entities, arguments.views, arguments.rows), ["direct", "plugin"], arguments)
    overhead = told["plugin"] / told["direct"] if told["plugin"] and told["direct"] else float("inf")
    print(f"through Feast / directly {overhead:.2f} (goal: at most {OVERHEAD})\n")
    for size in SIZES:
        told = at(size, ["direct", "plugin", "files"], arguments)
        if told["files"] and told["plugin"]:
            gain = told["files"] / told["plugin"]
            print(f"Feast's file store / our plug-in {gain:.0f} (goal: at least {GAIN})")
            return int(gain < GAIN or overhead > OVERHEAD)
        print(
            f"Feast's file store / our plug-in: more than {arguments.patience / (told['plugin'] or 1):.0f}, it did not end\n"
        )
    return 1


if __name__ == "__main__":
    main()
