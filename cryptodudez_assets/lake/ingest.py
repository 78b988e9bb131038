"""Ingest: from pending files to table and quarantine, exactly once.

Iceberg has no transaction over several tables, so a batch is a list of steps that may be done again:

1. *claim*: the batch's files are named in the catalogue; from now on its composition is fixed;
2. *set aside*: rows and files that do not fit (what an earlier try wrote is replaced);
3. *observations*, where the source keeps them (likewise);
4. *merge* into the table: the decisive commit, its snapshot carries the batch and its outcome;
5. *finish*: counts and status go to the catalogue.

A process may die anywhere: the next one finds the claim, does the batch again, and where step 4 is done only step 5.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyiceberg.expressions import In

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake import catalogue, quarantine
from cryptodudez_assets.lake.catalogue import Entry
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.locks import exclusive
from cryptodudez_assets.lake.merge import Merged, merge, observations_spec
from cryptodudez_assets.lake.reading import FileCount, Reading, read_files
from cryptodudez_assets.lake.spool import Spool
from cryptodudez_assets.sources.declaration import Source

MAX_FILES_PER_BATCH = 1000
BATCH, OUTCOME = "cryptodudez.batch", "cryptodudez.outcome"


@dataclass
class Ingested:
    """What one call of `ingest` did."""

    batches: int = 0
    files: int = 0
    read: int = 0
    quarantined: int = 0
    files_set_aside: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Files that are ingested together. `again`: an earlier try may have done some of the steps."""

    id: str
    entries: list[Entry]
    again: bool


def ingest(lake: Lake, source: Source, run_id: str | None = None, progress: Callable[[str], None] = lambda _: None) -> Ingested:
    """Ingest everything that is pending for a source, batch by batch. One process at a time does it; others wait."""
    done = Ingested()
    with exclusive(lake.settings, f"source.{source.name}"):
        while batch := next_batch(lake, source):
            progress(f"{source.name}: batch {batch.id}, {len(batch.entries)} files" + (" (again)" if batch.again else ""))
            outcome = _finished_before(lake, source, batch) if batch.again else None
            outcome = outcome or _do(lake, source, batch, run_id, progress)
            finish(lake, source, batch, outcome, run_id)
            _add(done, batch, outcome)
    return done


def next_batch(lake: Lake, source: Source) -> Batch | None:
    """The batch to do now: one that was begun, or the next pending files."""
    entries = catalogue.open_entries(lake.tables, source.name)
    claimed = [entry for entry in entries if entry["status"] == Status.CLAIMED]
    if claimed:
        batch_id = claimed[0]["batch_id"]
        return Batch(batch_id, [entry for entry in claimed if entry["batch_id"] == batch_id], again=True)
    chosen: list[Entry] = []
    for entry in (entry for entry in entries if entry["status"] == Status.PENDING):
        size = sum(one["size"] for one in chosen) + entry["size"]
        if chosen and (size > lake.settings.batch_megabytes << 20 or len(chosen) == MAX_FILES_PER_BATCH):
            break
        chosen.append(entry)
    return _claim(lake, source, chosen) if chosen else None


def _claim(lake: Lake, source: Source, entries: list[Entry]) -> Batch:
    told = "\0".join([source.version, *(entry["entry_id"] for entry in entries)])
    batch_id = hashlib.sha256(told.encode()).hexdigest()[:16]
    claimed = [{**entry, "status": Status.CLAIMED, "batch_id": batch_id, "updated_at": now()} for entry in entries]
    catalogue.record(lake.tables, source.name, claimed)
    return Batch(batch_id, claimed, again=False)


def _do(lake: Lake, source: Source, batch: Batch, run_id: str | None, progress: Callable[[str], None]) -> dict[str, Any]:
    spools: list[Spool] = []

    def spool() -> Spool:
        spools.append(Spool())
        return spools[-1]

    try:
        reading = read_files(lake, source, batch.entries, spool, progress)
        _set_aside(lake, source, batch, reading, run_id)
        _keep_observations(lake, source, batch, reading)
        notes: list[dict[str, Any]] = []

        def note(merged: Merged) -> dict[str, str]:
            notes.append(_outcome(reading, merged))
            return {BATCH: batch.id, OUTCOME: json.dumps(notes[0], default=datetime.isoformat)}

        merged = merge(lake.tables, source, reading.valid_rows, note)
        return notes[0] if notes else _outcome(reading, merged)
    finally:
        for one in spools:
            one.__exit__(None, None, None)


def _set_aside(lake: Lake, source: Source, batch: Batch, reading: Reading, run_id: str | None) -> None:
    quarantine.set_rows_aside(lake, source, batch.entries, reading.rejected_records(), batch.id, run_id, batch.again)
    files = [(entry, reading.counts[quarantine.identity(entry)]) for entry in batch.entries]
    quarantine.set_files_aside(lake, source, [(entry, count) for entry, count in files if count.set_aside], run_id)


def _keep_observations(lake: Lake, source: Source, batch: Batch, reading: Reading) -> None:
    spec = observations_spec(source)
    if spec is None:
        return
    with lake.tables.changing(spec) as change:
        if batch.again:
            change.delete(In("file_id", list(reading.counts)))
        for rows in reading.valid_rows():
            change.add(rows)


def _outcome(reading: Reading, merged: Merged) -> dict[str, Any]:
    files = {}
    for file_id, count in reading.counts.items():
        duplicate = merged.duplicates.get(file_id, 0)
        if count.set_aside:
            counts = FileCount(count.read, count.read, 0)
        else:
            counts = count
        files[file_id] = {
            "rows_read": counts.read,
            "rows_valid": counts.read - counts.quarantined - duplicate,
            "rows_quarantined": counts.quarantined,
            "rows_duplicate": duplicate,
            "rows_warned": counts.warned,
            "as_of": counts.as_of,
            "reason": count.set_aside,
        }
    return {"files": files, "displaced": merged.displaced}


def _finished_before(lake: Lake, source: Source, batch: Batch) -> dict[str, Any] | None:
    table = lake.tables.table(source.table)
    for snapshot in reversed(table.metadata.snapshots if table else []):
        told = snapshot.summary.additional_properties if snapshot.summary else {}
        if told.get(BATCH) == batch.id:
            outcome: dict[str, Any] = json.loads(told[OUTCOME])
            return outcome
    return None


def finish(lake: Lake, source: Source, batch: Batch, outcome: dict[str, Any], run_id: str | None) -> None:
    """The last step: what became of each file, and of the files whose rows gave way."""
    closed = []
    for entry in batch.entries:
        counts = dict(outcome["files"][quarantine.identity(entry)])
        if isinstance(counts["as_of"], str):
            counts["as_of"] = datetime.fromisoformat(counts["as_of"])
        status = Status.QUARANTINED if counts["reason"] else Status.LOADED
        closed.append(
            {**entry, **counts, "status": status, "contract_version": source.version, "run_id": run_id, "updated_at": now()}
        )
    catalogue.record(lake.tables, source.name, closed, outcome["displaced"])


def _add(done: Ingested, batch: Batch, outcome: dict[str, Any]) -> None:
    done.batches += 1
    done.files += len(batch.entries)
    for entry in batch.entries:
        counts = outcome["files"][quarantine.identity(entry)]
        done.read += counts["rows_read"]
        done.quarantined += counts["rows_quarantined"]
        if counts["reason"]:
            done.files_set_aside[f"{entry['uri']}!{entry['member']}" if entry["member"] else entry["uri"]] = counts["reason"]
