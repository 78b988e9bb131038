"""Training the volume model on 28 M rows: peak memory, time, size and error, beside the brief's forest on a sample.

The rows are made up, in batches, and lie on disk. Every step is a process of its own, so that its peak is its own.
Goals: under 2 GB, a model under 1 MB, one row in under 1 ms, no worse MAE than the forest.
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cryptodudez_assets.declared_models.volume import VolumeOptions
from cryptodudez_assets.models import predictor
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.volume import data
from cryptodudez_assets.models.volume.predict import predict
from cryptodudez_assets.models.volume.recipes import reference_forest
from cryptodudez_assets.models.volume.training import train
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import VOLUME_MODEL

SYMBOLS_A_FILE, DAYS = 50, 3500
TIMES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=28_000_000)
    parser.add_argument("--step", choices=["ours", "forest"], help="used by the benchmark itself")
    parser.add_argument("--folder", type=Path, help="likewise")
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps({"ours": ours, "forest": forest}[arguments.step](arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_rows(Path(folder), arguments.rows)
        show(step("ours", folder), step("forest", folder))


def make_rows(folder: Path, rows: int) -> None:
    """Volumes that wander around the size of their stock, one file for some symbols at a time."""
    random = np.random.default_rng(0)
    days = pl.Series("date", [date(2007, 1, 1) + timedelta(days=n) for n in range(DAYS)])
    for number in range(max(1, round(rows / SYMBOLS_A_FILE / DAYS))):
        parts = [_symbol(f"S{number}-{one}", days, random) for one in range(SYMBOLS_A_FILE)]
        pl.concat(parts).write_parquet(folder / f"{number:05}.parquet")


def _symbol(name: str, days: pl.Series, random: np.random.Generator) -> pl.DataFrame:
    size, wander = random.normal(11.5, 2), np.cumsum(random.normal(0, 0.02, DAYS))
    noise = 0.4 + 0.8 / (1 + np.exp(size - 10))  # what is little traded is traded unevenly, as in the real data
    volume = np.round(np.exp(size + wander + random.normal(0, noise, DAYS)))
    price = 20 * np.exp(np.cumsum(random.normal(0, 0.02, DAYS)))
    return pl.DataFrame({"date": days, "volume": volume, "price": price}).select(
        pl.lit(name).alias("symbol"),
        "date",
        "volume",
        vol_moving_avg=pl.col("volume").rolling_mean(30),
        adj_close_rolling_med=pl.col("price").rolling_median(30),
    )


def step(name: str, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--step", name, "--folder", folder]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def ours(folder: Path) -> dict[str, float]:
    """The whole run of the asset: all candidates, both splits, the reference within it."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        rows = pl.scan_parquet(folder / "*.parquet")
        trained = train(rows, LearnedFrom("made up", 0, {"made up": 0}), settings, VOLUME_MODEL, progress=_stderr)
        seconds, version = time.perf_counter() - began, trained.manifest.version
        model = predictor.load(registry_of(settings, VOLUME_MODEL), version)
        row_ms = _median_ms(lambda: predict(model, 1e5, 20.0))
    return {**trained.manifest.metrics, "rows": trained.findings.rows, "seconds": seconds, "row_ms": row_ms, **_peak()}


def forest(folder: Path) -> dict[str, float]:
    """The reference alone, on the sample."""
    rows = data.usable(pl.scan_parquet(folder / "*.parquet"))
    options = VolumeOptions()
    split = data.split_of(rows, options)
    sampled = data.sample(rows, split.rows, options).lazy().filter(pl.col("date") < split.test_from)
    learned = data.in_memory(sampled)
    began = time.perf_counter()
    says = reference_forest(learned, options.seed)
    seconds = time.perf_counter() - began
    size = len(pickle.dumps(says.__closure__[0].cell_contents))
    row_ms = _median_ms(lambda: says(learned.features[:1]), 20)
    return {"rows": len(learned), "seconds": seconds, "size_bytes": size, "row_ms": row_ms, **_peak()}


def _median_ms(call: Callable[[], object], times: int = TIMES) -> float:
    """Of one call."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken) * 1000)


def _peak() -> dict[str, float]:
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def _stderr(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def show(ours: dict[str, float], forest: dict[str, float]) -> None:
    print(f"{'':28}{'ours':>14}{'forest':>14}{'ours / forest':>16}")
    for name, key in (("rows", "rows"), ("s (ours: the whole run)", "seconds"), ("peak MB", "peak_mb")):
        _line(name, ours[key], forest[key])
    for name, key in (("bytes of the model", "size_bytes"), ("ms for one row", "row_ms")):
        _line(name, ours[key], forest[key])
    _line("MAE, sampled later days", ours["mae_sample"], ours["mae_reference_sample"])
    print(f"MAE on all later days {ours['mae']:,.0f}, of one number {ours['mae_one_number']:,.0f}")
    kept = {
        "under 2 GB": ours["peak_mb"] < 2000,
        "under 1 MB": ours["size_bytes"] < 1e6,
        "under 1 ms": ours["row_ms"] < 1,
        "no worse than the forest": ours["mae_sample"] <= ours["mae_reference_sample"],
    }
    print("; ".join(f"{goal}: {'yes' if met else 'NO'}" for goal, met in kept.items()))
    sys.exit(0 if all(kept.values()) else 1)


def _line(name: str, ours: float, forest: float) -> None:
    print(f"{name:28}{ours:14,.3f}{forest:14,.3f}{ours / forest:16.5f}")


if __name__ == "__main__":
    main()
