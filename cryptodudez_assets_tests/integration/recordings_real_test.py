"""Real recordings of order books, Parquet of one author and CSV of another, read by one source: all rows are accounted for."""

from collections.abc import Callable
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pyarrow.parquet as pq
import pytest

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.sources.declaration import Layout, Source
from cryptodudez_assets_tests.toy import counts, load, table

WITHIN_A_FILE, ACROSS_FILES = 96, 7
"""Pairs of book and second that a Parquet file tells twice, and that one tells which another has told."""
Drop = Callable[[str, str, bytes], Path]


class Quotes(TableContract):
    """Best prices of a book, one row per second."""

    book: str = pa.Field(description="Market.")
    bid: float = pa.Field(description="Best price bid.", gt=0)
    ask: float = pa.Field(description="Best price asked.", gt=0)
    spread: float = pa.Field(description="Between them, as it was recorded.")


COLUMNS = {
    "orderbook_timestamp": pl.String,
    "book": pl.String,
    "bid": pl.Float64,
    "ask": pl.Float64,
    "spread": pl.Float64,
}
CANONICAL = {
    **{name: pl.col(name) for name in ("book", "bid", "ask", "spread")},
    "event_ts": pl.col("orderbook_timestamp").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%:z", time_unit="us", time_zone="UTC", strict=False
    ),
}
RECORDINGS = Source(
    name="recordings",
    description="Best prices that others recorded.",
    owner="team:tests",
    table="toy.recordings",
    contract=Quotes,
    layouts=[
        Layout("recorded_csv", COLUMNS, CANONICAL, format="csv"),
        Layout("recorded_parquet", COLUMNS, CANONICAL, format="parquet"),
    ],
    key=["book", "event_ts"],
)


@pytest.fixture
def recordings(real_data: Path) -> Path:
    return real_data / "bitso" / "order_book_recordings"


def test_both_formats_are_read_and_seconds_that_are_told_twice_are_counted(
    lake: Lake, drop: Drop, recordings: Path
) -> None:
    parquet, csv = (sorted(recordings.rglob(f"*.{ending}")) for ending in ("parquet", "csv"))
    for number, path in enumerate([*parquet, *csv]):
        drop("recordings", f"{number:02}{path.suffix}", path.read_bytes())

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
    assert {entry["layout"] for entry in entries.values()} == {"recorded_csv", "recorded_parquet"}
    assert table(lake, RECORDINGS).height == sum(entry["rows_valid"] for entry in entries.values())


def test_damaged_recordings_are_accounted_for(lake: Lake, drop: Drop, recordings: Path) -> None:
    path = sorted(recordings.rglob("*.parquet"))[0]
    data, sound = path.read_bytes(), pq.read_table(path)
    bids = sound["bid"].to_pylist()
    drop("recordings", "cut off", data[:-1000])
    drop("recordings", "a footer that lies", data[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
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
    return drop("recordings", name, b"")
