"""How old a source's data are: by the newest event in its table, whenever that was written.

Whether that is too old, and in words. When tables were written is no matter of freshness: data of years ago may land today.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.sources.declaration import Source

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Freshness:
    """The newest event in a table, looked at some time; `newest` is None where there is none."""

    table: str
    raw: str
    newest: datetime | None
    allowed: timedelta
    at: datetime

    @property
    def age(self) -> timedelta | None:
        """How long ago the newest event was; None where there is none."""
        return None if self.newest is None else self.at - self.newest

    @property
    def is_old(self) -> bool:
        """Whether it is older than the source's declaration allows."""
        return self.age is not None and self.age > self.allowed

    def __str__(self) -> str:
        if self.newest is None or self.age is None:
            return f"{self.table} has no rows yet: `cryptodudez land {self.raw} FILES`, then `cryptodudez run`"
        told = f"the newest row of {self.table} is of {self.newest:%Y-%m-%d %H:%M} UTC, {in_words(self.age)} ago"
        if not self.is_old:
            return told
        return f"{told}, and may be {in_words(self.allowed)} old: land newer files of {self.raw}"


def freshness(lake: Lake, source: Source) -> Freshness:
    """How old the source's data are now."""
    rows = lake.tables.scan(source.table)
    newest = None if rows is None else rows.select(pl.col("event_ts").max()).collect().item()
    return Freshness(source.table, source.raw, newest, source.fresh_within, now())


def in_words(time: timedelta) -> str:
    """In days from two days on, else in hours."""
    unit, length = ("day", DAY) if time >= 2 * DAY else ("hour", HOUR)
    count = time // length
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
