"""A toy source with every kind of column, the text of its files, and one step from raw files to the table.

For tests of reading and of bad input; `builders.py` has the one for tests of merging and of crashes.
"""

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.sources import Layout, Source
from cryptodudez_assets.sources.declaration import BY_REACH

START = datetime(2024, 1, 1, tzinfo=UTC)
HEADER = "name,at,value,count,note\n"


class Gauges(TableContract):
    """Readings of toy gauges."""

    name: str = pa.Field(description="Gauge.", str_length={"min_value": 1})
    value: float = pa.Field(description="What it showed.", nullable=True, le=1e9)
    count: pl.Int64 = pa.Field(description="How often.", nullable=True, ge=0)
    note: str = pa.Field(description="Free text.", nullable=True)
    extra: str = pa.Field(description="Columns that nobody declared, as JSON.", nullable=True)

    @pa.dataframe_check(name="large", raise_warning=True)
    def not_large(cls, data: Any) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col("value") < 1e8)


LAYOUT = Layout(
    name="gauges_csv",
    columns={"name": pl.String, "at": pl.String, "value": pl.Float64, "count": pl.Int64, "note": pl.String},
    canonical={
        **{name: pl.col(name) for name in ("name", "value", "count", "note")},
        "event_ts": pl.col("at").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False),
    },
)
GAUGES = Source(
    name="gauges",
    description="Toy gauges.",
    owner="team:tests",
    table="toy.gauges",
    contract=Gauges,
    layouts=[LAYOUT],
    key=["name", "event_ts"],
    newest_by=BY_REACH,
)


def at(i: int) -> str:
    return f"{START + timedelta(minutes=i):%Y-%m-%d %H:%M:%S}"


def row(i: int, name: str = "g", value: object = 1.5, count: object = 3, note: str = "ok") -> str:
    return f"{name},{at(i)},{value},{count},{note}\n"


def rows(n: int, name: str = "g", first: int = 0) -> str:
    return "".join(row(i, name) for i in range(first, first + n))


def gauges(n: int = 3, name: str = "g") -> bytes:
    """A clean file."""
    return (HEADER + rows(n, name)).encode()


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return packed.getvalue()


def load(lake: Lake, source: Source = GAUGES) -> dict[str, dict[str, Any]]:
    """Do all that is pending; returns the catalogue's rows by file or member name."""
    catalogue_objects(lake, source, discover_all(lake, source.name))
    ingest(lake, source)
    return files(lake, source)


def files(lake: Lake, source: Source = GAUGES) -> dict[str, dict[str, Any]]:
    """The catalogue's rows by file or member name; of several versions of a file the newest."""
    prefix = lake.store.uri(f"raw/{source.name}/")
    entries = file_entries.files_of(lake.tables, source.name).sort("discovered_at").collect().to_dicts()
    return {entry["member"] or entry["uri"].removeprefix(prefix): entry for entry in entries}


def table(lake: Lake, source: Source = GAUGES) -> pl.DataFrame:
    found = lake.tables.scan(source.table)
    return pl.DataFrame() if found is None else found.sort(*source.key, "file_id", "file_row").collect()


def rejected(lake: Lake, entry: Mapping[str, Any]) -> dict[int | str, str]:
    """Line (or place, where there are no lines) and rules of every quarantined record of a file."""
    found = quarantine.rows_of(lake.tables, entry["source"]).filter(pl.col("file_id") == entry["file_id"]).collect()
    told = found.select("line", "place", "rules").iter_rows()
    return {place if line is None else line: ", ".join(rules) for line, place, rules in told}


def copies(lake: Lake, source: Source = GAUGES) -> dict[str, bytes]:
    """Content of the quarantine's copies by the file's or member's name."""
    found = quarantine.files_of(lake.tables, source.name).filter(pl.col("copy_uri").is_not_null()).collect().to_dicts()
    prefix = lake.store.uri(f"raw/{source.name}/")
    kept = {}
    for one in found:
        with lake.store.open(lake.store.key(one["copy_uri"])) as content:
            kept[one["member"] or one["uri"].removeprefix(prefix)] = content.read()
    return kept


def counts(entry: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Rows read, valid, quarantined, duplicate."""
    return entry["rows_read"], entry["rows_valid"], entry["rows_quarantined"], entry["rows_duplicate"]
