"""Objects that a listing shows and the catalogue does not know: on their way, or stuck for a reason that nobody was told.

Nothing is remembered for it: what is listed, what is catalogued and how old an object is say enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.formats.archives import UNFINISHED
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import PAGE, is_known, is_stable
from cryptodudez_assets.lake.store.stored import StoredObject

LOOKED_AT = 20_000
"""Objects that one look lists at most: some twenty requests to a bucket."""


@dataclass(frozen=True)
class Unknown:
    """An object that is listed and not known, when it was written, and why it may be so."""

    key: str
    modified: datetime
    why: str


@dataclass(frozen=True)
class Look:
    """What one look found among how many listed objects. Where there are more, another hour looks at others."""

    unknown: list[Unknown]
    listed: int
    complete: bool


def look_for_unknown(lake: Lake, source: str, older_than: timedelta = timedelta(0), limit: int = LOOKED_AT) -> Look:
    """List up to `limit` objects of a source, and tell those that the catalogue does not know and that are older than this."""
    after = _where_to_begin(lake, source, limit)
    objects = islice(lake.store.list(lake.raw_folder(source), after), limit)
    unknown: list[Unknown] = []
    listed = 0
    while page := list(islice(objects, PAGE)):
        listed += len(page)
        unknown += _unknown_of(lake, source, page, older_than)
    return Look(unknown, listed, complete=not after and listed < limit)


def _where_to_begin(lake: Lake, source: str, limit: int) -> str:
    """The key behind which to list: of a large raw zone each hour has another part."""
    uris = (
        file_entries.files_of(lake.tables, source).filter(pl.col("member").is_null()).select("uri").unique().sort("uri")
    )
    known = uris.collect()["uri"]
    parts = -(-len(known) // limit) or 1
    part = int(now().timestamp() // 3600) % parts
    return lake.store.key(known[part * limit - 1]) if part else ""


def _unknown_of(lake: Lake, source: str, page: list[StoredObject], older_than: timedelta) -> Iterator[Unknown]:
    known = file_entries.known_versions(lake.tables, source, [lake.store.uri(one.key) for one in page])
    unknown = [one for one in page if not is_known(lake, one, known) and abs(now() - one.modified) >= older_than]
    if not unknown:
        return
    waiting = file_entries.open_entries(lake.tables, source).filter(pl.col("status") == Status.UNREADABLE)
    reasons = dict(waiting.select("uri", "reason").iter_rows())
    for one in unknown:
        yield Unknown(one.key, one.modified, reasons.get(lake.store.uri(one.key)) or _why(lake, one))


def _why(lake: Lake, found: StoredObject) -> str:
    if found.key.endswith(UNFINISHED):
        return "by its name an unfinished download"
    return "not catalogued yet" if is_stable(lake, found) else "still being written"
