"""Which files are ingested together, and by whom.

A batch is claimed in the catalogue, which fixes its composition, and belongs to whoever holds the lock of its name: the system lets go
of that when its holder dies. So whoever comes meanwhile leaves the files of an owner who is alive, and does again what a dead one left.

A lock may get lost while its holder lives, as with a connection that breaks. So each claim has a time of its own, by which an owner
knows it again before anything is committed, and gives up where it is another's by now.

All of this is done under the lock of the source. How files are read and committed is in `ingest.py`.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.undecided import judged_anew
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.lake.store.locks import BATCHES, sign_of_life
from cryptodudez_assets.sources.declaration import Source

MAX_FILES_PER_BATCH = 1000


@dataclass(frozen=True)
class Batch:
    """Files that are ingested together. `again`: an earlier try may have done some of the steps."""

    id: str
    entries: list[Entry]
    again: bool


def claimed(lake: Lake, source: Source) -> list[Batch]:
    """Batches that somebody is at, or died over."""
    return _claimed(file_entries.open_entries(lake.tables, source.name))


def next_batch(
    lake: Lake, source: Source, owner: ExitStack, run_id: str | None = None, without: Collection[str] = ()
) -> Batch | None:
    """Claim the batch to do now: one whose owner died, or the next pending files, `without` some (by `entry_id`).

    It is the caller's for as long as `owner` is open. Files are left whose bytes are being ingested by somebody else.
    """
    entries = file_entries.open_entries(lake.tables, source.name)
    begun = _claimed(entries)
    for batch in begun:
        if _own(lake, batch.id, owner):
            return _claim(lake, source, batch, run_id)
    theirs = [entry.file_id for batch in begun for entry in batch.entries if entry.file_id]
    of_nobody = ~pl.col("file_id").is_in(theirs) & pl.col("file_id").is_first_distinct()
    pending = entries.filter(pl.col("status") == Status.PENDING, ~pl.col("entry_id").is_in(list(without)))
    pending = pending.filter(pl.col("file_id").is_null() | of_nobody)
    fitting = int((pending["size"].cum_sum() <= lake.settings.batch_megabytes << 20).sum())
    chosen = entries_in(pending.head(min(max(fitting, 1), MAX_FILES_PER_BATCH)))
    if not chosen:
        return None
    # A file that is ingested again has a batch behind it: then this is another batch, and replaces what that one wrote.
    before = [entry.batch_id or "" for entry in chosen]
    told = "\0".join([source.code_hash, *(entry.entry_id for entry in chosen), *before])
    batch = Batch(hashlib.sha256(told.encode()).hexdigest()[:16], chosen, again=any(before))
    return _claim(lake, source, batch, run_id) if _own(lake, batch.id, owner) else None


def is_held(lake: Lake, source: Source, batch: Batch) -> bool:
    """Whether the batch is claimed as it was: nobody has taken it over since, let alone finished it."""
    return any(one.id == batch.id and _times(one) == _times(batch) for one in claimed(lake, source))


def others(lake: Lake, source: Source) -> Iterator[str]:
    """Batches that are claimed, in words."""
    for batch in claimed(lake, source):
        run_id = batch.entries[0].run_id
        by = f"run {run_id}" if run_id else "another process"
        yield f"{source.name}: batch {batch.id}, {len(batch.entries)} files, is being ingested by {by}"


def _claimed(entries: pl.DataFrame) -> list[Batch]:
    theirs = entries.filter(pl.col("status") == Status.CLAIMED).partition_by("batch_id", maintain_order=True)
    return [Batch(str(one["batch_id"][0]), entries_in(one), again=True) for one in theirs]


def _times(batch: Batch) -> dict[str, datetime]:
    return {entry.entry_id: entry.updated_at for entry in batch.entries}


def _own(lake: Lake, batch_id: str, owner: ExitStack) -> bool:
    """Whether the batch is nobody's; then it is the caller's."""
    with ExitStack() as life:
        is_free = life.enter_context(sign_of_life(lake.settings, f"{BATCHES}{batch_id}"))
        if is_free:
            owner.enter_context(life.pop_all())
    return is_free


def _claim(lake: Lake, source: Source, batch: Batch, run_id: str | None) -> Batch:
    at = now()
    claimed = [
        replace(judged_anew(entry), status=Status.CLAIMED, batch_id=batch.id, run_id=run_id, updated_at=at)
        for entry in batch.entries
    ]
    file_entries.record(lake.tables, source.name, claimed)
    return replace(batch, entries=claimed)
