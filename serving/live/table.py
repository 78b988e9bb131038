"""The last hour that the table of order books knows of, for when no recorder tells it. Blocking: for a worker thread."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import GreaterThanOrEqual
from pyiceberg.table import Table

from cryptodudez_assets.lake.iceberg.scan import data_files, scan
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets.recorder.telling import Told
from cryptodudez_assets.settings import Settings
from serving.live.hour import MOST_BOOKS, SECONDS, Batch

TABLE = "market.order_book_spreads"
BEHIND = f"""SELECT book, event_ts, bid, ask, spread, source, is_gap FROM {TABLE}
WHERE event_ts > (SELECT max(event_ts) FROM {TABLE}) - INTERVAL 1 HOUR ORDER BY book, event_ts"""
"""The same hour for people; what recorders told since is not in it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    """What the table has: `books` of its last hour, `newest` of all seconds."""

    newest: int
    books: dict[str, Batch]


class SpreadsTable:
    """Reads it again only if it has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._snapshot: int | None = None
        self._found: Found | None = None

    def look(self, now: datetime) -> Found | None:
        """Its last hour until now; None where there is no table, or no row in it."""
        table = IcebergTables(self._settings).table(TABLE)
        snapshot = table.current_snapshot() if table else None
        if table is None or snapshot is None:
            self._snapshot = self._found = None
        elif snapshot.snapshot_id != self._snapshot:
            self._found, self._snapshot = _last_hour(table, now), snapshot.snapshot_id
        return self._found


def _last_hour(table: Table, now: datetime) -> Found | None:
    reaches = _reaches(table)
    if reaches is None:
        return None
    end = min(reaches, now)  # whose clock was wrong may have told of tomorrow
    begin = end - timedelta(seconds=SECONDS)
    rows = (
        scan(table, GreaterThanOrEqual("event_ts", begin.isoformat()))
        .filter(pl.col("event_ts") > begin, pl.col("event_ts") <= end)
        .select(
            *("book", "bid", "ask", "spread", "staleness_ms"),
            pl.col("event_ts").dt.epoch("s").alias("second"),
            pl.when(pl.col("source").is_in([*Origin])).then("source").alias("source"),
            pl.col("is_gap").fill_null(value=False),
        )
        .unique(["book", "second"])
        .sort("book", "second")
        .collect()
    )
    parts = rows.partition_by("book", as_dict=True, maintain_order=True)
    books = {name: Batch.of(msgspec.convert(part.to_dicts(), list[Told])) for (name,), part in parts.items()}
    shown = dict(list(books.items())[:MOST_BOOKS])
    return Found(max(one.newest.second for one in shown.values()), shown) if shown else None


def _reaches(table: Table) -> datetime | None:
    """The newest second, as the statistics of the files tell it: the table may hold years."""
    field = table.schema().find_field("event_ts")
    bounds = [(one.upper_bounds or {}).get(field.field_id) for one in data_files(table)]
    known = [from_bytes(field.field_type, one) for one in bounds if one is not None]
    return EPOCH + timedelta(microseconds=max(known)) if known else None
