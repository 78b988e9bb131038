"""What grows in memory with a table today, and how fast: each size in a process of its own, so that peaks are its own.

    python benchmarks/growing_memory.py [--sizes 100000 1000000 10000000]

Prints bytes for each row, key or file above what the process had after its imports, and at how many 16 GB would be full.
`docs/scaling.md` has the table.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.derived.upkeep.dividing import _rows_per_key
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.ingest.merge import NewRowsWriter, merging, table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

MEMORY = 16e9
AT = datetime(2020, 1, 1, tzinfo=UTC)
AT_ONCE = 1 << 18
STOCKS = all_sources()["stock_market"]


def candles(first: int, count: int, keys: int) -> pl.DataFrame:
    """Made-up candles: row number n is of symbol n modulo `keys`."""
    number = pl.int_range(first, first + count, eager=True)
    filled = {
        "symbol": "S" + (number % keys).cast(pl.String).str.zfill(9),
        "event_ts": AT + (number // keys).cast(pl.Int64) * timedelta(days=1),
        "date": (AT + (number // keys) * timedelta(days=1)).dt.date(),
        "known_ts": pl.repeat(AT, count, dtype=pl.Datetime("us", "UTC"), eager=True),
        "file_id": pl.repeat("f", count, eager=True),
        "file_row": number + 1,
    }
    schema = polars_schema(STOCKS.contract)
    one = {pl.String: "x", pl.Float64: 1.0, pl.Int64: 1, pl.Date: AT.date(), pl.Datetime("us", "UTC"): AT}
    return pl.DataFrame(
        {name: filled.get(name, pl.repeat(one[dtype], count, eager=True)) for name, dtype in schema.items()}
    ).cast(schema)


def written(lake: Lake, count: int, keys: int) -> NewRowsWriter:
    writer = NewRowsWriter(STOCKS, lake.tables.target(table_spec(STOCKS)))
    for first in range(0, count, AT_ONCE):
        writer.add(candles(first, min(AT_ONCE, count - first), keys))
    return writer


def keys_of_a_batch(lake: Lake, count: int) -> None:
    """A batch of so many new rows is merged into an empty table."""
    new = written(lake, count, 1000).close()
    print(peak())  # what writing took, which is bounded
    with merging(lake.tables, STOCKS, lake.engine) as rows:
        rows.adopt(new)
        rows.finish(lambda _: {})


def rows_per_key(lake: Lake, count: int) -> None:
    """So many keys of one row each are counted, to be divided into portions."""
    new = written(lake, count, count).close()
    with lake.tables.changing(table_spec(STOCKS)) as change:
        change.adopt(new.files)
    view = next(view for view in all_views().values() if view.name == "stock_rolling")
    print(peak())  # what writing took, which is bounded
    _rows_per_key({STOCKS.table: TableAt(lake.tables.load(STOCKS.table))}, view, datetime(1, 1, 1, tzinfo=UTC))


def catalogue_of_a_tick(lake: Lake, count: int) -> None:
    """A sensor asks which files are open, beside so many that were read."""
    for first in range(0, count, 100_000):
        file_entries.record(
            lake.tables, "many", (entry(lake, number) for number in range(first, min(count, first + 100_000)))
        )
    print(peak())
    file_entries.open_entries(lake.tables, "many")


def entry(lake: Lake, number: int) -> Entry:
    name = f"{number:016x}"
    return Entry(
        entry_id=name, file_id=name, source="many", uri=lake.store.uri(f"raw/many/{name}.csv"), generation="1", size=1,
        discovered_at=AT, updated_at=AT, status=Status.LOADED,
    )  # fmt: skip


MEASURED: dict[str, Callable[[Lake, int], None]] = {
    one.__name__: one for one in (keys_of_a_batch, rows_per_key, catalogue_of_a_tick)
}


def peak() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--child", choices=MEASURED, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        with tempfile.TemporaryDirectory() as home:
            lake = replace(Lake.open(Settings(home=Path(home)), all_sources()))
            print(peak())
            MEASURED[wanted.child](lake, wanted.sizes[0])
            print(peak())
        return
    for name in MEASURED:
        for size in wanted.sizes:
            asked = [sys.executable, __file__, "--child", name, "--sizes", str(size)]
            *_, before, after = map(int, subprocess.check_output(asked, text=True).split())
            each = (after - before) / size
            print(f"{name:20} {size:>12,}: {(after - before) / 1e6:8,.0f} MB more, {each:7,.1f} bytes each", flush=True)
        print(
            f"{'':20} 16 GB are full at about {MEMORY / max(each, 1):,.0f}" if each >= 1 else f"{'':20} does not grow"
        )


if __name__ == "__main__":
    main()
