"""Whether anybody records: a book whose newest second in the table is too old. For whoever looks from time to time, from outside.

What a recorder itself does not see is told by its own alerts (`alerts.py`).
"""

from datetime import UTC, datetime, timedelta

import polars as pl

from cryptodudez_assets.declared_rules.declaration import NoRecords
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.notifications.incidents import Finding

TABLE = "market.order_book_spreads"


def silent_books(lake: Lake, condition: NoRecords, now: datetime) -> list[Finding]:
    """How these books stand now; nothing of those that were never recorded."""
    rows = lake.tables.scan(TABLE)
    if rows is None:
        return []
    of_late = rows.filter(pl.col("event_ts") > now - condition.after).select(pl.col("book").unique()).collect()
    heard = set(of_late["book"].to_list())
    found = [
        Finding(book, False, int(now.timestamp()), f"{book} is recorded.") for book in condition.books if book in heard
    ]
    silent = [book for book in condition.books if book not in heard]
    if not silent:
        return found
    newest = (
        rows.filter(pl.col("book").is_in(silent)).group_by("book").agg(pl.col("event_ts").max()).sort("book").collect()
    )
    return found + [_silent(book, at.astimezone(UTC), now) for book, at in newest.iter_rows()]


def _silent(book: str, newest: datetime, now: datetime) -> Finding:
    minutes = (now - newest) // timedelta(minutes=1)
    return Finding(
        book,
        is_wrong=True,
        since=int(newest.timestamp()) + 1,
        text=f"The newest second of {book} in {TABLE} is of {newest:%Y-%m-%d %H:%M:%S} UTC, {minutes:,} minutes ago: no recorder "
        "works, or nothing of it lands.",
        details={"newest": newest.isoformat(), "minutes": minutes},
    )
