"""The point-in-time join against plain Polars `join_asof` and pandas `merge_asof`, on the same files, with equal results.

Each runs in a process of its own, in turns, and is timed from files to frame. The peers get rows of which each becomes known
six hours after its event, so that an as-of join on `known_ts` is right; ours must find that out. `--late` shows what it costs
when it is not so (then only ours is right, and is compared with nothing). Goals: at most 1.1 of Polars' time, 0.5 of pandas', 1 GB.
"""

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import polars as pl

FEATURES = ("a", "b", "c")
TTL = timedelta(days=90)
GOALS = {"polars": 1.1, "pandas": 0.5}
GOAL_MEGABYTES = 1000
START, YEARS = 1_451_606_400_000_000, 4
SPAN = YEARS * 365 * 86_400_000_000


def make(folder: Path, arguments: argparse.Namespace) -> None:
    """Entities in random order; views as tables are kept: in a file per year, sorted by key and time."""
    rows = arguments.entities
    drawn(rows, arguments.keys, 0).rename({"event_ts": "t"}).with_row_index("entity").write_parquet(
        folder / "entities.parquet"
    )
    for number in range(arguments.views):
        frame = drawn(arguments.rows, arguments.keys, number + 1).with_columns(
            known_ts=pl.col("event_ts") + pl.duration(hours=6)
        )
        if arguments.late:
            later = pl.int_range(pl.len()).hash(9) % 10 == 0
            frame = frame.with_columns(
                pl.when(later).then(pl.col("known_ts").dt.offset_by("30d")).otherwise("known_ts").alias("known_ts")
            )
        values = (pl.int_range(pl.len()).hash(seed).cast(pl.Float64).alias(name) for seed, name in enumerate(FEATURES))
        for (year,), part in frame.with_columns(values).group_by(pl.col("event_ts").dt.year()):
            part.sort("key", "event_ts").write_parquet(folder / f"view{number}.{year}.parquet")


def drawn(rows: int, keys: int, seed: int) -> pl.DataFrame:
    number = pl.int_range(rows, eager=True)
    event = (START + (number.hash(seed) % SPAN).cast(pl.Int64)).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"key": (number.hash(seed + 100) % keys).cast(pl.Int64), "event_ts": event})


def views(folder: Path) -> list[str]:
    return sorted({path.name.split(".")[0] for path in folder.glob("view*.parquet")})


def ours(folder: Path) -> pl.DataFrame:
    from cryptodudez_assets.feature_store.point_in_time import History, join_as_of

    histories = [
        History(name, ["key"], FEATURES, TTL, pl.scan_parquet(folder / f"{name}.*.parquet")) for name in views(folder)
    ]
    return join_as_of(pl.scan_parquet(folder / "entities.parquet"), "t", histories)


def polars(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "entities.parquet").sort("t")
    for name in views(folder):
        rows = pl.read_parquet(folder / f"{name}.*.parquet").sort("known_ts")
        frame = frame.join_asof(rows, left_on="t", right_on="known_ts", by="key", check_sortedness=False)
        fresh = pl.col("event_ts") >= pl.col("t") - TTL
        frame = frame.with_columns(pl.when(fresh).then(feature).alias(f"{name}__{feature}") for feature in FEATURES)
        frame = frame.drop("event_ts", "known_ts", *FEATURES, strict=False)
    return frame


def pandas(folder: Path):  # type: ignore[no-untyped-def]
    import pandas as pd

    frame = pd.read_parquet(folder / "entities.parquet").sort_values("t")
    for name in views(folder):
        files = sorted(folder.glob(f"{name}.*.parquet"))
        rows = pd.concat([pd.read_parquet(file) for file in files]).sort_values("known_ts")
        frame = pd.merge_asof(frame, rows, left_on="t", right_on="known_ts", by="key")
        stale = ~(frame["event_ts"] >= frame["t"] - TTL)
        frame.loc[stale, list(FEATURES)] = float("nan")
        frame = frame.drop(columns=["event_ts", "known_ts"]).rename(columns={f: f"{name}__{f}" for f in FEATURES})
    return frame


ENGINES = {"ours": ours, "polars": polars, "pandas": pandas}


def run(engine: str, folder: Path) -> None:
    """One engine in this process: prints seconds and megabytes, leaves the result in a file."""
    began, busy = time.perf_counter(), time.process_time()
    result = ENGINES[engine](folder)
    took, busy = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    frame = result if isinstance(result, pl.DataFrame) else pl.from_pandas(result)
    frame.sort("entity").write_parquet(folder / f"result.{engine}.parquet")
    print(json.dumps({"seconds": took, "cpu": busy, "megabytes": peak}))


def measure(engine: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--engine", engine, "--folder", str(folder)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def compare(folder: Path, engines: list[str]) -> None:
    expected = pl.read_parquet(folder / "result.ours.parquet")
    for engine in engines:
        found = (
            pl.read_parquet(folder / f"result.{engine}.parquet").select(expected.columns).cast(dict(expected.schema))
        )
        assert found.equals(expected), f"{engine} and ours differ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=2_000_000, help="of each view")
    parser.add_argument("--views", type=int, default=5)
    parser.add_argument("--keys", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--late", action="store_true", help="a tenth of the rows become known a month late")
    parser.add_argument("--engine", choices=[*ENGINES, "make"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine == "make":
        return make(arguments.folder, arguments)
    if arguments.engine:
        return run(arguments.engine, arguments.folder)
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak begins with what its parent holds.
        subprocess.run([sys.executable, *sys.argv, "--engine", "make", "--folder", folder], check=True)
        sys.exit(report(Path(folder), arguments))


def report(folder: Path, arguments: argparse.Namespace) -> int:
    engines = (
        ["ours"] if arguments.late else [name for name in ENGINES if name != "pandas" or importlib.util.find_spec(name)]
    )
    rounds = [{engine: measure(engine, folder) for engine in engines} for _ in range(arguments.rounds)]
    compare(folder, engines[1:])
    size = (
        f"{arguments.entities:,} entities x {arguments.views} views x {arguments.rows:,} rows, {arguments.keys:,} keys"
    )
    print(f"{size}; median of {arguments.rounds}{'' if arguments.late else ', equal results'}")
    middle = {
        e: {m: statistics.median(r[e][m] for r in rounds) for m in ("seconds", "cpu", "megabytes")} for e in engines
    }
    for engine, told in middle.items():
        print(f"{engine:8}{told['seconds']:8.2f} s {told['cpu']:8.2f} CPU s {told['megabytes']:8,.0f} MB")
    missed = middle["ours"]["megabytes"] > GOAL_MEGABYTES
    for peer in engines[1:]:
        ratio = statistics.median(r["ours"]["seconds"] / r[peer]["seconds"] for r in rounds)
        missed |= ratio > GOALS[peer]
        print(f"ours / {peer:8}{ratio:6.2f} (goal: at most {GOALS[peer]})")
    return int(missed)


if __name__ == "__main__":
    main()
