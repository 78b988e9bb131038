"""Ingest: from pending files to table and quarantine, exactly once.

Iceberg has no transaction over several tables, so a batch is a list of steps that may be done again:

1. *claim*: the batch's files are named in the catalogue; from now on its composition is fixed, and it has an owner (`claims.py`);
2. *read*: rows are written into data files that nothing refers to yet;
3. *set aside*: rows and files that do not fit (what an earlier try wrote is replaced);
4. *observations*, where the source keeps them (likewise);
5. *merge* into the table: the decisive commit, its snapshot carries the batch and its outcome;
6. *finish*: counts and status go to the catalogue.

Steps 1, and 3 to 6, are done under the lock of the source; reading, which takes long, is not. What rows are decided about by is the
tables as they are under the lock, and which observation is newer does not depend on which came first: so batches of one source that
are read at the same time end in the tables of batches that are read one after the other.

A process may die anywhere: the next one finds the claim, does the batch again, and where step 5 is done only step 6, before anything
else is decided.
An object that was overwritten or removed since it was catalogued is left out: what is there now has a row of its own. So is
one of which other bytes are read than were catalogued, whatever the store says of its time and size.

A file that fails unforeseen is set aside, and the rest of its batch goes on. But as long as no file of its layout was read
under the declaration as it is, the declaration may be at fault: the file stays pending, with the reason.
"""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pyiceberg.expressions import In

from cryptodudez_assets.contracts.catalogue import REPLACED, Status
from cryptodudez_assets.lake.compaction import compact_if_due
from cryptodudez_assets.lake.erasing.removed import finish_rewriting
from cryptodudez_assets.lake.formats.faults import Misdeclared
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.iceberg.provenance import BATCH, OUTCOME, MadeFrom
from cryptodudez_assets.lake.iceberg.writing import Target
from cryptodudez_assets.lake.ingest.claims import Batch, claimed, is_held, next_batch, others
from cryptodudez_assets.lake.ingest.lookups import bring_up_to_date, outdated_by, told_now, values_of
from cryptodudez_assets.lake.ingest.merge import Merged, Merging, made_by, merging, observations_spec, table_spec
from cryptodudez_assets.lake.ingest.tasks import ReadDone, ReadTask, divided, read, together
from cryptodudez_assets.lake.ingest.undecided import UNDECIDED, undecided_in
from cryptodudez_assets.lake.ingest.upgrade import bring_over, is_due
from cryptodudez_assets.lake.ingest.validating import Reading
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.metastore.history import landed_again
from cryptodudez_assets.lake.metastore.standing import corrected_by, standing
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.store.at_once import at_once
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, exclusive
from cryptodudez_assets.sources.declaration import Source


@dataclass
class Ingested:
    """What one call of `ingest` did."""

    batches: int = 0
    files: int = 0
    read: int = 0
    quarantined: int = 0
    renamed: int = 0
    """Rows in which a column that another table tells was brought up to date."""
    files_set_aside: dict[str, str] = field(default_factory=dict)
    files_left_out: list[str] = field(default_factory=list)
    """Files that were not any more what was catalogued."""
    undecided: dict[str, str] = field(default_factory=dict)
    """Files that stay pending since they, or the declaration, are at fault, by name, with the reason."""


class Counts(NamedTuple):
    """What became of one file of a batch."""

    read: int
    quarantined: int
    duplicate: int
    warned: int
    as_of: str | None
    reason: str | None
    restated: int = 0

    @property
    def gave_rows(self) -> bool:
        """Whether the file was read, and rows of it are valid."""
        return self.reason is None and self.read > self.quarantined

    @property
    def valid(self) -> int:
        """Its rows in the table, as long as none gives way to a newer observation."""
        return self.read - self.quarantined - self.duplicate

    def onto(self, entry: Entry) -> Entry:
        """The file's entry with these counts."""
        status = (
            Status.LOADED if self.reason is None else Status.IGNORED if self.reason == REPLACED else Status.QUARANTINED
        )
        return replace(
            entry,
            status=status,
            reason=self.reason,
            rows_read=self.read,
            rows_valid=self.valid,
            rows_quarantined=self.quarantined,
            rows_duplicate=self.duplicate,
            rows_restated=self.restated,
            rows_warned=self.warned,
            as_of=datetime.fromisoformat(self.as_of) if self.as_of else None,
        )


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: of its files, how many rows of which older files gave way (by `file_id`), and why some stay
    pending.

    `restated`: how many of the rows that gave way told other values than those that they gave way to.
    """

    files: dict[str, Counts]
    displaced: dict[str, int]
    undecided: dict[str, str] = field(default_factory=dict)
    restated: dict[str, int] = field(default_factory=dict)

    def of(self, entry: Entry) -> Counts:
        """What became of this file."""
        return self.files[quarantine.identity(entry)]

    def decided(self, batch: Batch) -> list[Entry]:
        """The files of the batch that were dealt with."""
        return [entry for entry in batch.entries if quarantine.identity(entry) not in self.undecided]

    @property
    def as_json(self) -> str:
        """As text for a snapshot's summary; short, since every commit writes the summaries of all snapshots."""
        more = [self.undecided, self.restated] if self.undecided or self.restated else []
        return json.dumps([self.files, self.displaced, *more], separators=(",", ":"))

    @classmethod
    def parse(cls, told: str) -> "Outcome":
        """From its text."""
        files, *others = json.loads(told)
        return cls({file_id: Counts(*counts) for file_id, counts in files.items()}, *others)


@Kept.in_a_pass()
def ingest(
    lake: Lake, source: Source, run_id: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> Ingested:
    """Ingest everything that is pending for a source, batch by batch, but for what somebody else is at: that is told."""
    done = Ingested()
    undecided: dict[str, Entry] = {}  # not looked at again in this call, unless a file of their layout is read
    is_ready = False
    while True:
        with ExitStack() as owner:
            with _alone(lake, source, run_id, progress):
                if not is_ready:
                    finish_rewriting(lake, source.name)
                    bring_over(lake, source, progress)
                batch = next_batch(lake, source, owner, run_id, undecided)
                if batch is None:
                    for told in others(lake, source):
                        progress(told)
                    done.renamed = bring_up_to_date(lake, source, progress)
                    break
            progress(
                f"{source.name}: batch {batch.id}, {len(batch.entries)} files" + (" (again)" if batch.again else "")
            )
            outcome = _do(lake, source, batch, run_id, progress)
        is_ready = outcome is not None
        if outcome is None:
            continue
        _add(done, batch, outcome)
        undecided |= {entry.entry_id: entry for entry in _still_pending(batch, outcome)}
        read = {entry.layout for entry in outcome.decided(batch) if outcome.of(entry).gave_rows}
        undecided = {id_: entry for id_, entry in undecided.items() if entry.layout not in read}
    done.undecided = {_name(entry): str(entry.reason) for entry in undecided.values()}
    if done.batches or done.renamed:
        of_source = filter(None, [source.table, source.observations])
        compact_if_due(lake, [*of_source, quarantine.ROWS.name, quarantine.FILES.name, file_entries.FILES.name])
    return done


@contextmanager
def _alone(lake: Lake, source: Source, run_id: str | None, progress: Callable[[str], None]) -> Iterator[None]:
    """Nobody else changes the source's tables, or what the catalogue says of its files. What somebody has committed and died over is
    finished first, so that what gives way from here on is counted where its file is.
    """
    with exclusive(lake.settings, f"{SOURCES}{source.name}", FOREVER, run_id):
        for batch in claimed(lake, source):
            if outcome := _finished_before(lake, source, batch):
                progress(f"{source.name}: batch {batch.id} was committed by somebody who died, and is finished now")
                finish(lake, source, batch, outcome, run_id)
        yield


def _still_pending(batch: Batch, outcome: Outcome) -> list[Entry]:
    """The entries of files that stay pending, as they were before they were claimed, with the reason."""
    return [
        # They keep the batch: something may have been written of them, or of their bytes, which the next one replaces.
        replace(entry, status=Status.PENDING, reason=reason, batch_id=batch.id)
        for entry in batch.entries
        if (reason := outcome.undecided.get(quarantine.identity(entry)))
    ]


def _do(
    lake: Lake, source: Source, batch: Batch, run_id: str | None, progress: Callable[[str], None]
) -> Outcome | None:
    """All steps of a batch behind the claim; None where nothing was done, since it is somebody else's, or to be read again."""
    try:
        with _read(lake, source, batch, progress) as read, _alone(lake, source, run_id, progress):
            if not is_held(lake, source, batch):
                progress(f"{source.name}: batch {batch.id} was taken over by somebody else meanwhile")
                return None
            if not lake.tables.takes(table_spec(source), read.target) or is_due(lake, source):
                progress(f"{source.name}: {source.table} was made again meanwhile, so batch {batch.id} is read again")
                return None
            outcome = _commit(lake, source, batch, read, run_id, progress)
            finish(lake, source, batch, outcome, run_id)
            return outcome
    except Misdeclared as error:
        reasons = {quarantine.identity(entry): f"{UNDECIDED}{error}" for entry in batch.entries}
        with _alone(lake, source, run_id, progress):
            if is_held(lake, source, batch):
                file_entries.record(lake.tables, source.name, _still_pending(batch, Outcome({}, {}, reasons)))
        raise


@dataclass(frozen=True)
class _Read:
    """What was read of a batch: of which of its files, and which (by `entry_id`) are not any more what was catalogued.

    `target`: where rows were written. `told`: what another table told that they were filled from.
    """

    there: list[Entry]
    replaced: set[str]
    parts: list[ReadDone]
    target: Target
    told: MadeFrom | None


@contextmanager
def _read(lake: Lake, source: Source, batch: Batch, progress: Callable[[str], None]) -> Iterator[_Read]:
    """Have the files read by the lake's engine."""
    replaced = _replaced(lake, batch.entries)
    there = [entry for entry in batch.entries if entry.entry_id not in replaced]
    with TemporaryDirectory(prefix="cryptodudez-") as folder:
        target, told = lake.tables.target(table_spec(source)), told_now(lake.tables, source)
        values = values_of(lake.tables, source)
        rejects = None if lake.engine.is_remote else Path(folder)
        tasks = [
            ReadTask(source, part, lake.store, target, values, rejects) for part in divided(there, lake.engine.parallel)
        ]
        parts = list(lake.engine.run(read, tasks, progress))
        replaced |= _replaced(lake, batch.entries)  # once more: only what was the same before and after was read whole
        yield _Read(there, replaced, parts, target, told)


def _commit(
    lake: Lake, source: Source, batch: Batch, read: _Read, run_id: str | None, progress: Callable[[str], None]
) -> Outcome:
    """Decide about what was read, and make it visible."""
    there = read.there
    with merging(lake.tables, source, lake.engine, progress) as rows:
        reading = together(source, (part.reading for part in read.parts))
        for part in read.parts:
            rows.adopt(part.rows)
        _extend_corrections(lake, source, there, reading)
        replaced = read.replaced | _changed(lake, source, there, reading, progress)
        for entry in batch.entries:
            if entry.entry_id in replaced:
                reading.counts[quarantine.identity(entry)] = FileCount(set_aside=REPLACED)
        undecided = undecided_in(lake, source, there, reading)
        _set_aside(lake, source, batch, reading, undecided, run_id)
        out = {file_id for file_id, count in reading.counts.items() if count.set_aside == REPLACED} | set(undecided)
        anew = [file_id for file_id in reading.counts if batch.again and file_id not in out]
        _keep_observations(lake, source, rows, reading, anew)
        outcome = _outcome(reading, undecided, Merged({}, {}))  # stands if there is nothing to merge

        def note(merged: Merged) -> dict[str, str]:
            nonlocal outcome
            outcome = _outcome(reading, undecided, merged)
            return {BATCH: batch.id, OUTCOME: outcome.as_json}

        rows.finish(
            note,
            anew,
            lambda files: standing(lake, source, files, _read_now(there, reading)),
            reading.complete,
            outdated_by(lake.tables, source, read.told),
        )
    return outcome


def _extend_corrections(lake: Lake, source: Source, entries: list[Entry], reading: Reading) -> None:
    """Let a corrected copy reach as far as what it corrects, of which it may be a part: it was seen at that time."""
    for entry in entries:
        count, original = reading.counts[quarantine.identity(entry)], corrected_by(lake, source, entry)
        if original is not None and count.as_of:
            count.as_of = max([count.as_of, *original["as_of"].drop_nulls()])


def _read_now(entries: list[Entry], reading: Reading) -> list[Entry]:
    """The entries with how far their files reach in time."""
    return [replace(entry, as_of=reading.counts[quarantine.identity(entry)].as_of) for entry in entries]


def _replaced(lake: Lake, entries: list[Entry]) -> set[str]:
    """Entries whose objects are not any more what was catalogued. Members of an archive share one."""
    versions = list({(entry.uri, entry.generation) for entry in entries})
    still = at_once(lambda version: _is_still(lake, *version), versions)
    there = {version for version, is_there in zip(versions, still, strict=True) if is_there}
    return {entry.entry_id for entry in entries if (entry.uri, entry.generation) not in there}


def _changed(
    lake: Lake, source: Source, entries: list[Entry], reading: Reading, progress: Callable[[str], None]
) -> set[str]:
    """Entries that could not be read as they were catalogued. The next look catalogues what is there now."""
    anew = [(entry, why) for entry in entries if (why := reading.counts[quarantine.identity(entry)].anew)]
    for entry, why in anew:
        progress(f"{_name(entry)}: {why}; it is catalogued again")
    file_entries.archives_changed(lake.tables, source.name, [entry for entry, _ in anew if entry.member is not None])
    return {entry.entry_id for entry, _ in anew}


def _is_still(lake: Lake, uri: str, generation: str) -> bool:
    found = lake.store.stat(lake.store.key(uri))
    return found is not None and generation in found.generations


def _set_aside(
    lake: Lake, source: Source, batch: Batch, reading: Reading, undecided: Collection[str], run_id: str | None
) -> None:
    theirs = ((entry, quarantine.identity(entry)) for entry in batch.entries)
    files = [(entry, reading.counts[file_id]) for entry, file_id in theirs if file_id not in undecided]
    files = [(entry, count) for entry, count in files if count.set_aside != REPLACED]
    read = [entry for entry, _ in files]
    quarantine.set_rows_aside(lake, source, read, reading.rejected_records(), batch.id, run_id, batch.again)
    unusable = [(entry, count) for entry, count in files if count.set_aside]
    quarantine.set_files_aside(lake, source, unusable, batch.id, run_id, read if batch.again else ())


def _keep_observations(lake: Lake, source: Source, new: Merging, reading: Reading, anew: Collection[str]) -> None:
    spec = observations_spec(source)
    if spec is None:
        return
    with lake.tables.changing(spec) as change:
        if change.snapshot_id is None:
            change.remember(made_by(source))
        if anew:
            change.delete(In("file_id", list(anew)))
        complete = reading.complete
        for rows in new.rows():
            change.add(complete(rows) if complete else rows)


def _outcome(reading: Reading, undecided: dict[str, str], merged: Merged) -> Outcome:
    files = {}
    for file_id, count in reading.counts.items():
        if file_id in undecided:
            continue
        quarantined = count.read if count.set_aside else count.quarantined
        duplicate = merged.duplicates.get(file_id, 0)
        warned, as_of = (0, None) if count.set_aside else (count.warned, count.as_of)
        as_text = as_of.isoformat() if as_of else None
        restated = merged.restated
        told = (count.read, quarantined, duplicate, warned, as_text, count.set_aside, restated.get(file_id, 0))
        files[file_id] = Counts(*told)
    of_older = {file_id: n for file_id, n in merged.restated.items() if file_id not in files}
    return Outcome(files, merged.displaced, undecided, of_older)


def _finished_before(lake: Lake, source: Source, batch: Batch) -> Outcome | None:
    table = lake.tables.table(source.table)
    for snapshot in reversed(table.metadata.snapshots if table else []):
        told = snapshot.summary.additional_properties if snapshot.summary else {}
        if told.get(BATCH) == batch.id:
            return Outcome.parse(told[OUTCOME])
    return None


def do_again(lake: Lake, source: Source, batch: Batch, progress: Callable[[str], None]) -> Outcome:
    """All steps of a batch that was finished before, but the first and the last: where its tables are made again."""
    with _read(lake, source, batch, progress) as read:
        return _commit(lake, source, batch, read, None, progress)


def finish(lake: Lake, source: Source, batch: Batch, outcome: Outcome, run_id: str | None) -> None:
    """The last step: what became of each file, and of the files whose rows gave way."""
    decided = outcome.decided(batch)
    gone = [entry for entry in decided if outcome.of(entry).reason == REPLACED]
    if gone:
        file_entries.forget_repeated(lake.tables, source.name, gone)
    closed = [replace(_became(entry, outcome.of(entry), source), run_id=run_id, updated_at=now()) for entry in decided]
    read = {
        entry.file_id: landed_again(entry)
        for entry in closed
        if entry.file_id and entry.status in (Status.LOADED, Status.QUARANTINED)
    }
    open_ = _still_pending(batch, outcome)
    again = read if batch.again else None
    file_entries.record(lake.tables, source.name, [*closed, *open_], outcome.displaced, outcome.restated, again)


def _became(entry: Entry, counts: Counts, source: Source) -> Entry:
    read_before = (entry.rows_valid or 0) + (entry.rows_duplicate or 0)
    if counts.reason == REPLACED and read_before:  # it was to be read again: what it gave then still stands
        return replace(entry, status=Status.LOADED, reason=f"not read again: {REPLACED}")
    return replace(counts.onto(entry), contract_version=source.code_hash)


def _add(done: Ingested, batch: Batch, outcome: Outcome) -> None:
    done.batches += 1
    done.files += len(outcome.files)
    for entry in outcome.decided(batch):
        counts = outcome.of(entry)
        done.read += counts.read
        done.quarantined += counts.quarantined
        if counts.reason == REPLACED:
            done.files_left_out.append(_name(entry))
        elif counts.reason:
            done.files_set_aside[_name(entry)] = counts.reason


def _name(entry: Entry) -> str:
    return f"{entry.uri}!{entry.member}" if entry.member else str(entry.uri)
