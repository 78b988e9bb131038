"""A batch is merged into tables of several sizes whose keys no range divides, and into such as ranges divide: what that costs, and holds.

    python benchmarks/scattered_keys.py [--sizes 1000000 4000000 16000000]

Scattered keys are hashes, as of ids that mean nothing: each data file has keys from the first to the last. Ordered ones are numbers: a
batch's follow those of the table. Each in a process of its own; CPU is that of the merge alone, memory its peak above what the process
had before. `docs/scaling.md` has the table.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from growing_memory import STOCKS, candles, peak

from cryptodudez_assets.lake.iceberg.scan import TableAt, planned_files
from cryptodudez_assets.lake.ingest.merge import NewRowsWriter, merging, table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Source

BY_NUMBER: Source = replace(STOCKS, newest_by="file_row")  # of which no catalogue has to be asked how old a file is
A_FILE, BATCH = 250_000, 100_000


@dataclass(frozen=True)
class Kind:
    """How keys lie, and which share of a batch's rows have the key of a row that is there."""

    scattered: bool
    repeats: float


KINDS = {
    "ordered": Kind(scattered=False, repeats=0.0),
    "scattered": Kind(scattered=True, repeats=0.0),
    "scattered, 1 % there": Kind(scattered=True, repeats=0.01),
}


def rows(kind: Kind, first: int, count: int) -> pl.DataFrame:
    """Made-up candles with keys as they lie."""
    made = candles(first, count, 1_000_000_000)
    number = pl.col("symbol").str.slice(1)
    return made.with_columns(symbol=number.hash().cast(pl.String).str.zfill(20) if kind.scattered else number)


def merge(lake: Lake, *parts: pl.DataFrame) -> None:
    """Bring rows into the table, in one commit."""
    writer = NewRowsWriter(BY_NUMBER, lake.tables.target(table_spec(BY_NUMBER)))
    for part in parts:
        writer.add(part)
    with merging(lake.tables, BY_NUMBER, lake.engine) as merged:
        merged.adopt(writer.close())
        merged.finish(lambda _: {})


def measure(lake: Lake, kind: Kind, size: int) -> dict[str, float]:
    """What merging a batch into a table of so many rows took."""
    for first in range(0, size, A_FILE):
        new = NewRowsWriter(BY_NUMBER, lake.tables.target(table_spec(BY_NUMBER)))
        new.add(rows(kind, first, min(A_FILE, size - first)))
        with lake.tables.changing(table_spec(BY_NUMBER)) as change:
            change.adopt(new.close().files)
    there = int(BATCH * kind.repeats)
    of_each = there * A_FILE // size
    known = pl.concat(rows(kind, first, of_each) for first in range(0, size, A_FILE))
    known = known.with_columns(file_row=pl.col("file_row") + 10 * size, file_id=pl.lit("new"))
    batch = pl.concat([known, rows(kind, size, BATCH - len(known))])
    before, paths = peak(), set(planned_files(lake.tables.load(BY_NUMBER.table)))
    cpu = _cpu()
    merge(lake, batch)
    took, most = _cpu() - cpu, peak()
    merged = TableAt(lake.tables.load(BY_NUMBER.table))
    assert merged.n_rows == size + BATCH - len(known)  # one row a key
    stay = set(merged.paths)
    return {
        "cpu": took,
        "megabytes": (most - before) / 1e6,
        "before": before / 1e6,
        "files": len(paths),
        "anew": len(paths - stay),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 4_000_000, 16_000_000])
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        with tempfile.TemporaryDirectory() as home:
            lake = Lake.open(Settings(home=Path(home)), all_sources())
            print(json.dumps(measure(lake, KINDS[wanted.child], wanted.sizes[0])))
        return
    for name in KINDS:
        for size in wanted.sizes:
            asked = [sys.executable, __file__, "--child", name, "--sizes", str(size)]
            *_, told = subprocess.check_output(asked, text=True).splitlines()
            one = json.loads(told)
            print(
                f"{name:22} {size:>12,} rows, {one['files']:4} files: {one['cpu']:6.1f} CPU s, {one['megabytes']:6,.0f} MB above "
                f"{one['before']:,.0f}, {one['anew']} files written anew",
                flush=True,
            )


if __name__ == "__main__":
    main()
