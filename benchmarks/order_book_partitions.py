"""Order books in the lake: how many files there are, what compaction makes of them, and what a question has to read.

Makes files as recorders land them (a book, ten minutes), takes in the first day window by window and the others at once.
Goals: of 2 books at most 4 files a day in the table; a question about one hour of one book opens one day's files and no others.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan

from cryptodudez_assets.lake import sql
from cryptodudez_assets.lake.iceberg.scan import data_files, planned_files
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.recorder.record import FILE_SCHEMA, timestamp_text
from cryptodudez_assets.recorder.window import parquet, stamp
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

SOURCE = all_sources()["bitso_order_book"]
FIRST = datetime(2022, 4, 30, tzinfo=UTC)
WINDOW, WINDOWS = 600, 144


def window_of(book: str, start: int, rng: np.random.Generator) -> pl.DataFrame:
    """What a recorder knows of a book for ten minutes."""
    seconds = np.arange(start, start + WINDOW)
    bid = np.round(1.4e6 + np.cumsum(rng.normal(0, 30, WINDOW)), -1)
    ask = bid + 10 * rng.integers(20, 300, WINDOW)
    fresh = rng.random(WINDOW) < 0.7
    stale = np.where(fresh, rng.integers(50, 990, WINDOW), rng.integers(1000, 9000, WINDOW))
    sent = seconds * 1000 - stale
    amounts = {name: rng.random(WINDOW).round(8) for name in FILE_SCHEMA if "amount" in name or "depth" in name}
    columns = {
        "orderbook_timestamp": [timestamp_text(int(one)) for one in seconds],
        "book": [book] * WINDOW,
        "bid": bid,
        "ask": ask,
        "spread": (ask - bid) * 100 / ask,
        **amounts,
        "sequence": np.cumsum(rng.integers(1, 9, WINDOW)) + start,
        "exchange_time": sent,
        "received_time": (sent + 40) * 1000,
        "staleness_ms": stale,
        "source": np.where(fresh, "ws", "carried"),
        "is_gap": np.zeros(WINDOW, bool),
        "instance": ["alpha"] * WINDOW,
    }
    numbers = {name: pl.Int64() if dtype.is_temporal() else dtype for name, dtype in FILE_SCHEMA.items()}
    return pl.DataFrame(columns).cast(dict(numbers)).cast(dict(FILE_SCHEMA)).select(FILE_SCHEMA.names())


def land(raw: Path, books: list[str], start: datetime, rng: np.random.Generator) -> None:
    for book in books:
        folder = raw / f"book={book}" / f"date={start:%Y-%m-%d}" / f"hour={start:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        at = int(start.timestamp())
        (folder / f"{stamp(at)}-alpha.parquet").write_bytes(parquet(window_of(book, at, rng)))


def take_in(lake: Lake) -> None:
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    ingest(lake, SOURCE)


def seconds(action: Callable[[], object], times: int = 1) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--books", type=int, default=2)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="of the first day, if it is the only one")
    arguments = parser.parse_args()
    books = ["btc_mxn", "usd_mxn", *(f"c{number:02}_mxn" for number in range(arguments.books - 2))][: arguments.books]
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as home:
        lake = Lake.open(Settings(home=Path(home), settle_seconds=0), all_sources())
        raw = Path(lake.settings.lake) / "raw" / SOURCE.name
        took = []
        for window in range(arguments.windows):
            land(raw, books, FIRST + timedelta(seconds=WINDOW * window), rng)
            took.append(seconds(lambda: take_in(lake)))
        print(
            f"a landing of {len(books)} files: median {statistics.median(took):.2f} s, last ten {statistics.median(took[-10:]):.2f} s"
        )
        _tell_files(lake, raw, f"the first day, {arguments.windows} windows one by one")
        for day in range(1, arguments.days):
            for window in range(WINDOWS):
                land(raw, books, FIRST + timedelta(days=day, seconds=WINDOW * window), rng)
            print(f"a day of {len(books) * WINDOWS} files at once: {seconds(lambda: take_in(lake)):.1f} s")
        if arguments.days > 1:
            _tell_files(lake, raw, f"{arguments.days} days")
            _tell_questions(lake, raw, books[0])
    for count in (2, 54):
        print(f"{count} books: {count * WINDOWS * 365:,} raw files a year")


def _tell_files(lake: Lake, raw: Path, what: str) -> None:
    files = list(raw.rglob("*.parquet"))
    size = sum(path.stat().st_size for path in files)
    table = data_files(lake.tables.catalog.load_table(SOURCE.table))
    rows, held = sum(one.record_count for one in table), sum(one.file_size_in_bytes for one in table)
    print(
        f"{what}: {len(files):,} raw files of {size / len(files) / 1e3:.0f} kB, {size / 1e6:.1f} MB; "
        f"table: {rows:,} rows in {len(table)} files, {held / 1e6:.1f} MB"
    )


def _tell_questions(lake: Lake, raw: Path, book: str) -> None:
    table = lake.tables.catalog.load_table(SOURCE.table)
    since = FIRST + timedelta(days=1, hours=4)
    until = since + timedelta(hours=1)
    hour = And(GreaterThanOrEqual("event_ts", since.isoformat()), LessThan("event_ts", until.isoformat()))
    day = And(
        GreaterThanOrEqual("event_ts", (FIRST + timedelta(days=1)).isoformat()),
        LessThan("event_ts", (FIRST + timedelta(days=2)).isoformat()),
    )
    everything = len(data_files(table))
    questions: dict[str, tuple[BooleanExpression, str]] = {
        "one hour of one book": (
            And(hour, EqualTo("book", book)),
            f"book = '{book}' and event_ts >= '{since:%F %T}' and event_ts < '{until:%F %T}'",
        ),
        "one day of all books": (
            day,
            f"event_ts >= '{FIRST + timedelta(days=1):%F}' and event_ts < '{FIRST + timedelta(days=2):%F}'",
        ),
        "one book, all days": (EqualTo("book", book), f"book = '{book}'"),
    }
    for name, (where, condition) in questions.items():
        text = f"select count(*), avg(spread) from {SOURCE.table} where {condition}"
        n_rows = sql.query(lake, text).row(0)[0]
        took = seconds(lambda text=text: sql.query(lake, text), 5)  # type: ignore[misc]
        print(
            f"table, {name}: {len(planned_files(table, where))} of {everything} files, {n_rows:,} rows, {took * 1e3:.0f} ms"
        )
    pruned = raw / f"book={book}" / f"date={since:%Y-%m-%d}" / f"hour={since:%H}" / "*.parquet"
    whole = raw / "**" / "*.parquet"
    mean = pl.col("spread").mean()
    by_folder = seconds(lambda: pl.scan_parquet(pruned).select(mean).collect(), 5)
    text = pl.col("orderbook_timestamp").str.starts_with(f"{since:%Y-%m-%dT%H}")
    read = pl.scan_parquet(whole, hive_partitioning=False).filter(pl.col("book") == book, text)
    by_content = seconds(lambda: read.select(mean).collect(), 3)
    print(
        f"raw files, one hour of one book: {len(list(pruned.parent.glob('*.parquet')))} of {len(list(raw.rglob('*.parquet'))):,} files by "
        f"their folders, {by_folder * 1e3:.0f} ms; all of them without, {by_content * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    main()
