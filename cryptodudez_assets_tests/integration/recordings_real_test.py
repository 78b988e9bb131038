"""Real recordings of order books, Parquet of one author and CSV of another, read by one source: all rows are accounted for."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from cryptodudez_assets.lake.checking import look_back
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Finding
from cryptodudez_assets_tests.toy import counts, load, table

WITHIN_A_FILE, ACROSS_FILES = 96, 7
"""Pairs of book and second that a Parquet file tells twice, and that one tells which another has told."""
Drop = Callable[[str, str, bytes], Path]


RECORDINGS = all_sources()["bitso_order_book"]


@pytest.fixture
def recordings(real_data: Path) -> Path:
    return real_data / "bitso" / "order_book_recordings"


def test_both_formats_are_read_and_seconds_that_are_told_twice_are_counted(
    lake: Lake, drop: Drop, recordings: Path
) -> None:
    parquet, csv = (sorted(recordings.rglob(f"*.{ending}")) for ending in ("parquet", "csv"))
    for number, path in enumerate([*parquet, *csv]):
        drop(RECORDINGS.name, f"{number:02}{path.suffix}", path.read_bytes())

    entries = load(lake, RECORDINGS)

    assert unbalanced_files(lake, RECORDINGS).is_empty()
    by_format = {
        suffix: [
            sum(parts)
            for parts in zip(*(counts(one) for name, one in entries.items() if name.endswith(suffix)), strict=True)
        ]
        for suffix in (".parquet", ".csv")
    }
    assert (len(parquet), len(csv)) == (13, 2)
    assert by_format[".parquet"] == [7800, 7800 - WITHIN_A_FILE - ACROSS_FILES, 0, WITHIN_A_FILE + ACROSS_FILES]
    assert by_format[".csv"][0] == 1326
    assert by_format[".csv"][2] == 0
    assert {entry["layout"] for entry in entries.values()} == {"recorded"}
    assert table(lake, RECORDINGS).height == sum(entry["rows_valid"] for entry in entries.values())


def test_seconds_that_nobody_recorded_are_found_and_told(lake: Lake, drop: Drop, recordings: Path) -> None:
    parquet = sorted(recordings.rglob("*.parquet"))
    told: dict[str, set[datetime]] = {}
    for number, path in enumerate(parquet):
        drop(RECORDINGS.name, f"{number:02}.parquet", path.read_bytes())
        for text, book in pl.read_parquet(path).select("orderbook_timestamp", "book").iter_rows():
            told.setdefault(book, set()).add(datetime.fromisoformat(text))
    load(lake, RECORDINGS)
    files, seconds = (look_back(lake, RECORDINGS, check) for check in RECORDINGS.checks)

    newest = max(max(times) for times in told.values())
    missing = {book: (newest - min(times)).seconds + 1 - len(times) for book, times in told.items()}
    assert seconds is not None
    assert files is not None
    books = seconds.details["books"]
    assert isinstance(books, pl.DataFrame)
    assert dict(books.select("book", "missing").iter_rows()) == missing
    assert missing["btc_mxn"] > 600  # one file is missing whole
    assert not seconds.passed
    within = 0
    for number, path in enumerate(parquet):
        times = [datetime.fromisoformat(text) for text in pl.read_parquet(path)["orderbook_timestamp"]]
        (book,) = pl.read_parquet(path)["book"].unique()
        span = {min(times) + timedelta(seconds=n) for n in range(int((max(times) - min(times)).total_seconds()) + 1)}
        within += len(span - told[book])
        assert (f"{number:02}.parquet" in _named(files)) >= bool(span - told[book])
    assert files.details["nobody"] == within == 99


def _named(found: Finding) -> set[str]:
    shown = found.details["files"]
    assert isinstance(shown, pl.DataFrame)
    return set(shown.filter(pl.col("nobody") > 0)["file"])


def test_damaged_recordings_are_accounted_for(lake: Lake, drop: Drop, recordings: Path) -> None:
    path = sorted(recordings.rglob("*.parquet"))[0]
    data, sound = path.read_bytes(), pq.read_table(path)
    bids = sound["bid"].to_pylist()
    drop(RECORDINGS.name, "cut off", data[:-1000])
    drop(RECORDINGS.name, "a footer that lies", data[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    other = sound.set_column(2, "bid", [[f"{bid}" if index != 5 else "many" for index, bid in enumerate(bids)]])
    pq.write_table(other, lake_file(drop, "text"))
    nothing = sound.set_column(2, "bid", [[None if index == 7 else bid for index, bid in enumerate(bids)]])
    pq.write_table(nothing, lake_file(drop, "null"))

    entries = load(lake, RECORDINGS)

    assert {name for name, entry in entries.items() if entry["reason"]} == {"cut off", "a footer that lies"}
    assert counts(entries["text"])[2] == 1
    assert counts(entries["null"])[2] == 1
    assert unbalanced_files(lake, RECORDINGS).is_empty()


def lake_file(drop: Drop, name: str) -> Path:
    """A file in the raw zone, to be written."""
    return drop(RECORDINGS.name, name, b"")
