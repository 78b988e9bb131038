"""What a table of a million data files costs before a row of it is read, and a raw zone of a million objects: CPU and memory.

    python benchmarks/scaling_limits.py [--files 1000000] [--home FOLDER]

The files are made up: real commits name them in real manifests, but for one there are no data behind them, and objects are listed by a
store that makes their names up. Planning, committing, listing and upkeep are the real ones. Each step is done in a process of its own;
what its imports take is in its peak, and what prepares it is not in its CPU. `docs/scaling.md` has the table. With `--home`, what was
prepared there is used again.
"""

import argparse
import heapq
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pyiceberg.conversions import to_bytes
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record
from pyiceberg.types import DateType, DoubleType, LongType, StringType, TimestamptzType

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.compaction import compact, expire
from cryptodudez_assets.lake.iceberg.scan import TableAt, planned_files
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.writing import WrittenFiles
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.lake.upkeep.maintenance import remove_orphans
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

CPU_SECONDS, PEAK_BYTES = 60, 2e9
"""What each step may take with a million files."""
FILES_A_COMMIT = 20_000  # as many as a merged manifest holds
FILES_A_MONTH = 2000
DAYS_A_MONTH = 30  # of these made-up months, so that a file knows its own by its number
NEW = 100
ENTRIES_A_COMMIT = 100_000
DISPLACED = 1000
AT = datetime(2020, 1, 1, tzinfo=UTC)
SOURCE = "many"
STOCKS = all_sources()["stock_market"].contract
MANY = TableSpec("market.many", STOCKS, (("event_ts", "month"),), ("symbol", "date"))


def start_of(month: int) -> datetime:
    """The first moment of a month, counted from 1970."""
    return datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def made_up(table: Table, number: int) -> DataFile:
    """A data file of that number, with bounds of all columns as a writer tells them."""
    month = number // FILES_A_MONTH
    first = (start_of(month) - datetime(1970, 1, 1, tzinfo=UTC)).days
    bounds = {}
    for field in table.schema().fields:
        kind = field.field_type
        told: tuple[Any, Any]
        if isinstance(kind, StringType):
            told = (f"S{number % FILES_A_MONTH:06}", f"S{number % FILES_A_MONTH:06}Z")
        elif isinstance(kind, LongType | DoubleType):
            told = (number, number + 1000)
        elif isinstance(kind, DateType):
            told = (first, first + DAYS_A_MONTH - 3)
        elif isinstance(kind, TimestamptzType):
            told = (first * 86_400_000_000, (first + DAYS_A_MONTH - 3) * 86_400_000_000)
        bounds[field.field_id] = [to_bytes(kind, float(one) if isinstance(kind, DoubleType) else one) for one in told]
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"{table.location()}/data/event_ts_month={start_of(month):%Y-%m}/00000-{number:07}-88be87e0-e6fc-4914-aa11-86b3ce8c4bb2.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record(month),
        record_count=1000,
        file_size_in_bytes=60_000_000,
        column_sizes={id_: 1000 + number % 997 for id_ in bounds},
        value_counts=dict.fromkeys(bounds, 1000),
        null_value_counts=dict.fromkeys(bounds, 0),
        nan_value_counts={},
        lower_bounds={id_: low for id_, (low, _) in bounds.items()},
        upper_bounds={id_: high for id_, (_, high) in bounds.items()},
        split_offsets=[4],
        spec_id=table.spec().spec_id,
    )


def one_row(month: int) -> pl.DataFrame:
    """A row of that month, for the one file that there is."""
    at = start_of(month)
    one: dict[Any, Any] = {pl.String: "REAL", pl.Float64: 1.0, pl.Int64: 1, pl.Date: at.date()}
    schema = polars_schema(STOCKS)
    return pl.DataFrame({name: [one.get(dtype, at)] for name, dtype in schema.items()}, schema=schema)


def prepare(lake: Lake, files: int) -> None:
    """Name so many files, one of them real, in commits; and as many entries in the catalogue."""
    with lake.tables.changing(MANY) as change:
        change.add(one_row(files // FILES_A_MONTH // 2))
    for first in range(0, files, FILES_A_COMMIT):
        with lake.tables.changing(MANY) as change:
            new = [made_up(change.table, number) for number in range(first, min(files, first + FILES_A_COMMIT))]
            change.adopt(WrittenFiles(new, {file.file_path: f"{number:064x}" for number, file in enumerate(new)}))
    for first in range(0, files, ENTRIES_A_COMMIT):
        numbers = range(first, min(files, first + ENTRIES_A_COMMIT))
        file_entries.record(lake.tables, SOURCE, (entry(lake, number) for number in numbers))


def entry(lake: Lake, number: int) -> Entry:
    """What the catalogue says of a raw file that was read."""
    found = raw_object(number)
    return Entry(
        entry_id=f"{number:016x}", file_id=f"{number:016x}", source=SOURCE, uri=lake.store.uri(found.key),
        generation=found.generation, size=1, discovered_at=AT, updated_at=AT, status=Status.LOADED, rows_read=1,
        rows_valid=1, rows_duplicate=0,
    )  # fmt: skip


def raw_object(number: int, *, new: bool = False) -> StoredObject:
    """A raw file as it is listed; `new`: one that sorts behind that of the number, and is not in the catalogue."""
    return StoredObject(f"raw/{SOURCE}/{number:012}{'-new' if new else ''}.csv", 1, AT, f"{number}")


@dataclass(frozen=True)
class MadeUpStore:
    """The lake's store with a raw zone that is made up, and with the table's files that are not there."""

    store: Any
    table: Table
    files: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """In the order of keys, as all stores do."""
        if prefix == f"raw/{SOURCE}":
            yield from self._raw(after)
        else:
            yield from heapq.merge(self.store.list(prefix, after), self._of_table(), key=lambda one: one.key)

    def _raw(self, after: str) -> Iterator[StoredObject]:
        begun = int(after.removeprefix(f"raw/{SOURCE}/")[:12]) if after else 0
        for number in range(begun, self.files):
            for found in (
                raw_object(number),
                *([raw_object(number, new=True)] if number % (self.files // NEW) == 1 else []),
            ):
                if found.key > after:
                    yield found

    def _of_table(self) -> Iterator[StoredObject]:
        folder = self.store.key(self.table.location())
        for number in range(self.files):
            month = start_of(number // FILES_A_MONTH)
            name = f"00000-{number:07}-88be87e0-e6fc-4914-aa11-86b3ce8c4bb2"
            yield StoredObject(f"{folder}/data/event_ts_month={month:%Y-%m}/{name}.parquet", 1, AT, "1")


def planning_a_month(lake: Lake, files: int) -> str:
    """What partitions tell."""
    first = files // FILES_A_MONTH // 2
    within = And(
        GreaterThanOrEqual("event_ts", start_of(first).isoformat()),
        LessThan("event_ts", start_of(first + 1).isoformat()),
    )
    return f"{len(planned_files(lake.tables.load(MANY.name), within)):,} files"


def planning_a_symbol(lake: Lake, files: int) -> str:
    """What only bounds of each file tell."""
    return f"{len(planned_files(lake.tables.load(MANY.name), EqualTo('symbol', 'S000005'))):,} files"


def planning_all(lake: Lake, files: int) -> str:
    """A table at a moment: its files, rows, days, and which may hold some values."""
    table = TableAt(lake.tables.load(MANY.name))
    days = list(table.days("event_ts") or ())
    table.scan(pl.Series("symbol", ["S000005"]))
    return f"{len(table.paths):,} files, {table.n_rows:,} rows, {len(days):,} with days"


def overwriting_one(lake: Lake, files: int) -> str:
    """One row of one file is changed."""
    with lake.tables.changing(MANY) as change:
        real = change.paths(EqualTo("symbol", "REAL"))
        change.rewrite(real, lambda rows: rows.with_columns(close=pl.lit(2.0)))
    return f"{len(real)} file"


def tick_one_look(lake: Lake, files: int) -> str:
    """A sensor's look, somewhere in the middle of its round."""
    cursor = Cursor(newest=raw_object(files).key, round=raw_object(files // 2).key)
    found = discover(lake, SOURCE, cursor)
    file_entries.open_entries(lake.tables, SOURCE)
    return f"{found.listed:,} listed, {len(found.new)} new"


def tick_whole_round(lake: Lake, files: int) -> str:
    """All that is there against all that is known."""
    return f"{len(discover_all(lake, SOURCE)):,} new"


def tick_displacing(lake: Lake, files: int) -> str:
    """A batch is finished whose rows took the place of rows of many files, all over the catalogue."""
    lost = {f"{number:016x}": 1 for number in range(0, files, files // DISPLACED)}
    file_entries.record(lake.tables, SOURCE, [replace(entry(lake, files), status=Status.LOADED)], lost)
    return f"{len(lost):,} entries"


def upkeep_compaction(lake: Lake, files: int) -> str:
    """Which files are to be joined: none is small."""
    return str(compact(lake, MANY.name, max_small=2))


def upkeep_expiry(lake: Lake, files: int) -> str:
    """All but ten snapshots are forgotten."""
    return str(expire(lake, MANY.name, keep=10))


def upkeep_orphans(lake: Lake, files: int) -> str:
    """Files that nothing refers to."""
    return str(remove_orphans(lake, MANY.name, grace=timedelta(seconds=-60)))


STEPS: dict[str, Callable[[Lake, int], str]] = {
    one.__name__: one
    for one in (
        planning_a_month, planning_a_symbol, planning_all, overwriting_one, tick_one_look, tick_whole_round,
        tick_displacing, upkeep_compaction, upkeep_expiry, upkeep_orphans,
    )
}  # fmt: skip


def cpu() -> float:
    """Seconds of this process, all threads, in the system, too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def child(step: str, home: str, files: int) -> None:
    """One step, in this process."""
    lake = Lake.open(Settings(home=Path(home)), all_sources())
    if step == prepare.__name__:
        prepare(lake, files)
        return
    lake = replace(lake, store=MadeUpStore(lake.store, lake.tables.load(MANY.name), files))
    before, began = cpu(), time.perf_counter()
    told = STEPS[step](lake, files)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"cpu": cpu() - before, "wall": time.perf_counter() - began, "peak": peak, "told": told}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--home", type=Path, help="where it is prepared, or was")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        child(wanted.child, wanted.home, wanted.files)
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = wanted.home or Path(temporary) / "home"

        def run(step: str) -> str:
            asked = [sys.executable, __file__, "--child", step, "--home", str(home), "--files", str(wanted.files)]
            return subprocess.check_output(asked, text=True)

        if not home.exists():
            began = time.perf_counter()
            run(prepare.__name__)
            print(f"{'prepared':20} {wanted.files:,} files in {time.perf_counter() - began:,.0f} s", flush=True)
        for step in wanted.steps:
            done = json.loads(run(step).splitlines()[-1])
            over = " (over)" if done["cpu"] > CPU_SECONDS or done["peak"] > PEAK_BYTES else ""
            print(
                f"{step:20} {done['cpu']:7.1f} CPU s {done['wall']:7.1f} s {done['peak'] / 1e6:8,.0f} MB{over}  {done['told']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
