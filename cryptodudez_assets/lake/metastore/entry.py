"""One row of `catalog.files` in memory: a raw object or archive member, what is known of it and what became of it.

How rows are found and written is in `file_entries.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TypeVar

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import OPEN, REPLACED, Files, Status

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class Entry:
    """The columns of the contract `Files`, which says what each means; `open` follows from `status`."""

    entry_id: str
    source: str
    uri: str
    generation: str
    size: int
    discovered_at: datetime
    updated_at: datetime
    status: str = Status.PENDING
    member: str | None = None
    file_id: str | None = None
    sha256: str | None = None
    format: str | None = None
    record_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    line_end: str | None = None
    header: list[str] | None = None
    layout: str | None = None
    schema_version: int | None = None
    reason: str | None = None
    rows_read: int | None = None
    rows_valid: int | None = None
    rows_quarantined: int | None = None
    rows_duplicate: int | None = None
    rows_restated: int | None = None
    rows_warned: int | None = None
    as_of: datetime | None = None
    contract_version: str | None = None
    batch_id: str | None = None
    run_id: str | None = None
    modified_at: datetime | None = None


def entries_in(rows: pl.DataFrame) -> list[Entry]:
    """The entries that these rows of `catalog.files` tell; other columns are left out."""
    return [Entry(**row) for row in rows.select(NAMES).iter_rows(named=True)]


def frame_of(entries: Iterable[Entry]) -> pl.DataFrame:
    """The same as rows of the contract."""
    # Not `asdict`, which copies each value: a landing may have thousands of files.
    rows = [{name: getattr(entry, name) for name in NAMES} | {"open": entry.status in OPEN} for entry in entries]
    return pl.DataFrame(rows, schema=polars_schema(Files))


def known(value: T | None) -> T:
    """A value that describing a file has found. Raises ValueError where the file was not described as far as that."""
    if value is None:
        raise ValueError("the file's entry in the catalogue lacks what reading it needs")
    return value


def gone_before_read(entry: Entry) -> Entry:
    """The entry of an object that is not there any more."""
    return replace(entry, status=Status.IGNORED, reason=REPLACED)


NAMES = [field.name for field in fields(Entry)]
