"""After a fix: ingest files again under the contract as it is now, or land a corrected copy of what was bad in one.

A file that is reopened goes through the ordinary batch, which replaces what an earlier one wrote of it. The raw zone still
has its bytes, so nothing else is needed; the history stays in `quarantine.rows` and `quarantine.files`.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from cryptodudez_assets.contracts.catalogue import REPLACED, Status
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.iceberg.checksums import digest_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.describe import describe, path_of
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.quarantine.corrections import key_of, landed_before
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, exclusive
from cryptodudez_assets.sources.declaration import Source


class Unknown(Exception):
    """There is nothing like that in quarantine, or nothing to correct; the message says what was looked for."""


def reopen(
    lake: Lake, source: Source, file_id: str | None = None, on_left: Callable[[str], None] = lambda _: None
) -> int:
    """Have files ingested again: this one, or all of the source that have something in quarantine. Returns how many.

    `on_left` hears of each file that is left as it is, because its raw object is not there any more or cannot be read.
    What sets a whole file aside is decided when it is catalogued, so such a file is described anew.
    """
    wanted = {file_id} if file_id else _with_open_rows(lake, source) | _set_aside(lake, source)
    with exclusive(lake.settings, f"{SOURCES}{source.name}", FOREVER):
        closed = file_entries.files_of(lake.tables, source.name).filter(
            pl.col("status").is_in([Status.LOADED, Status.QUARANTINED])
        )
        entries = [entry for entry in entries_in(closed.collect()) if quarantine.identity(entry) in wanted]
        if file_id and not entries:
            raise Unknown(f"{source.name} has no ingested file {file_id!r}; see `cryptodudez quarantine list`")
        reopened = []
        for entry in entries:
            if fresh := described_anew(lake, source, entry):
                reopened.append(fresh)
            else:
                on_left(path_of(entry))
        if reopened:
            file_entries.amend(lake.tables, source.name, reopened)
    return len(reopened)


def correct(lake: Lake, source: Source, file_id: str, edited: Path) -> str:
    """Land a corrected copy as a raw file of its own. Returns where it lies.

    What it corrects is marked so when it is catalogued, by whoever does that: so landing is all that can be interrupted, and
    the same call does it again.
    """
    with edited.open("rb") as content:
        digest = digest_of(content)
    if before := landed_before(lake, source, file_id, digest):
        return before
    if file_id not in _with_open_rows(lake, source) | _set_aside(lake, source):
        raise Unknown(f"{source.name} has nothing open in quarantine for file {file_id!r}")
    entries = entries_in(file_entries.files_of(lake.tables, source.name).filter(pl.col("file_id") == file_id).collect())
    if any(entry.sha256 == digest for entry in entries):
        raise Unknown(
            f"{edited} is the same, byte for byte, as the file {file_id} that it is to correct: edit it first"
        )
    # What the path of the corrected file tells, that of its copy must tell too.
    tail = next((source.tail_of(path_of(entry)) for entry in entries), "")
    key = key_of(lake, source, file_id, digest, tail or edited.name)
    if lake.store.stat(key) is None:
        with edited.open("rb") as content:
            lake.store.write(key, content)
    return lake.store.uri(key)


def _with_open_rows(lake: Lake, source: Source) -> set[str]:
    return _open(quarantine.rows_of(lake.tables, source.name))


def _set_aside(lake: Lake, source: Source) -> set[str]:
    return _open(quarantine.files_of(lake.tables, source.name))


def _open(rows: pl.LazyFrame) -> set[str]:
    return set(rows.filter(pl.col("status") == Fate.OPEN).select("file_id").unique().collect()["file_id"])


def described_anew(lake: Lake, source: Source, entry: Entry) -> Entry | None:
    """The entry as the declaration sees it now, pending; None where the raw object is not there any more."""
    found = lake.store.stat(lake.store.key(entry.uri))
    if found is None or entry.generation not in found.generations:
        return None
    landed = entry.discovered_at  # reading again is no landing
    as_catalogued = replace(found, generation=entry.generation)
    seen = {fresh.member: fresh for fresh, _ in describe(lake, source, as_catalogued, entry.run_id, landed)}
    fresh = seen.get(entry.member)
    if fresh is None or fresh.reason == REPLACED or fresh.status == Status.UNREADABLE:
        return None
    return replace(
        fresh,
        entry_id=entry.entry_id,  # it may lie elsewhere than when it was catalogued
        schema_version=entry.schema_version,
        contract_version=entry.contract_version,
        batch_id=entry.batch_id,
        as_of=entry.as_of,
        rows_read=entry.rows_read,
        rows_valid=entry.rows_valid,
        rows_quarantined=entry.rows_quarantined,
        rows_duplicate=entry.rows_duplicate,
        rows_restated=entry.rows_restated,
        rows_warned=entry.rows_warned,
    )
