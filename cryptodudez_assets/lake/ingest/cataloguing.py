"""Bring the catalogue up to date with the raw zone: describe what is new, recognise known bytes, version schemas."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, groupby
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import REPLACED, Files, Status
from cryptodudez_assets.lake.erasing.landing import Gate
from cryptodudez_assets.lake.erasing.removed import finish_rewriting
from cryptodudez_assets.lake.formats.reader import Recognised
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.describe import Described, describe
from cryptodudez_assets.lake.metastore.discovery import is_known
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in, frame_of, gone_before_read
from cryptodudez_assets.lake.metastore.history import History
from cryptodudez_assets.lake.quarantine.corrections import close_corrected
from cryptodudez_assets.lake.store.at_once import SMALL_BYTES, at_once
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, exclusive
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Source

ENTRIES_PER_COMMIT = 1000
TOLD = ["uri", "member", "status", "layout", "reason"]


def catalogue_objects(
    lake: Lake,
    source: Source,
    found: Sequence[StoredObject],
    run_id: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> pl.DataFrame:
    """Catalogue these objects; returns the rows written (TOLD). What is known by now (another process was faster) is left out.

    All of them land now, at one time; among each other by the store's time and their names, so that what is catalogued first,
    should this be interrupted, is what landed first.
    `progress` hears of every commit, and of what was not described or not to be read, with how many.
    """
    written = pl.DataFrame(schema={name: polars_schema(Files)[name] for name in TOLD})
    # The catalogue is asked again and again, and most of what describes it stays.
    with exclusive(lake.settings, f"{SOURCES}{source.name}", FOREVER, run_id), Kept.in_a_pass():
        finish_rewriting(lake, source.name)
        known = file_entries.known_versions(lake.tables, source.name, [lake.store.uri(new.key) for new in found])
        new = [item for item in found if not is_known(lake, item, known)]
        gate = Gate.of(lake, source) if new else None
        if gate:
            new = [gate.passed(item, progress) for item in new]
        new.sort(key=lambda item: (item.modified, item.key))
        for number, described in enumerate(_in_commits(lake, source, new, run_id, now()), 1):
            there = file_entries.were_gone(lake.tables, source.name, [entry.entry_id for entry, _ in described])
            if gate:
                gate.name_as_before(entry for entry, _ in described)
            entries, superseded = _finish(lake, source, described, run_id, there)
            close_corrected(lake, source, entries)
            _write(lake, source, entries, superseded, there)
            written.extend(frame_of(entries).select(TOLD))
            repeated = f", {n} members of repeated archives left out" if (n := len(described) - len(entries)) else ""
            progress(
                f"{source.name}: commit {number}, {len(written)} entries of {len(new)} objects catalogued{repeated}"
            )
        gone = _close_gone(lake, source)
    for told, number in _left(written, len(found) - len(new), gone).items():
        progress(f"{source.name}: {number} {told}")
    return written


def _left(written: pl.DataFrame, known: int, gone: int) -> dict[str, int]:
    """What was found and is not read, in words, with how many."""
    unreadable = written.filter(pl.col("status") == Status.UNREADABLE).height
    left = {
        "known by now, left as they are": known,
        "unreadable or changing, waiting for the next look": unreadable,
        "removed before they were read": written.filter(pl.col("reason") == REPLACED).height,
        "unreadable before, removed since": gone,
    }
    return {told: number for told, number in left.items() if number}


def _write(
    lake: Lake, source: Source, entries: list[Entry], superseded: list[Entry], there: Mapping[str, bool]
) -> None:
    """Write entries that are new, known ones that gave way to these, and those that were gone and are there again.

    What became of others stands. Never are the same bytes to be read twice, not even if this is interrupted.
    """
    if new := [*(entry for entry in entries if entry.entry_id not in there), *superseded]:
        file_entries.record(lake.tables, source.name, new)
    if back := [entry for entry in entries if there.get(entry.entry_id)]:
        file_entries.amend(lake.tables, source.name, back)
        file_entries.members_left(lake.tables, source.name, back)


def _close_gone(lake: Lake, source: Source) -> int:
    """Objects that could not be read and went: nothing is left to do about them. Returns how many."""
    unreadable = file_entries.open_entries(lake.tables, source.name).filter(pl.col("status") == Status.UNREADABLE)
    gone = [entry for entry in entries_in(unreadable) if _is_gone(lake, entry.uri)]
    if gone:
        file_entries.record(
            lake.tables, source.name, [replace(gone_before_read(entry), updated_at=now()) for entry in gone]
        )
    return len(gone)


def _is_gone(lake: Lake, uri: str) -> bool:
    try:
        return lake.store.stat(lake.store.key(uri)) is None
    except OSError:  # still refused, as its entry says
        return False


def _in_commits(
    lake: Lake, source: Source, found: Sequence[StoredObject], run_id: str | None, at: datetime
) -> Iterator[list[Described]]:
    collected: list[Described] = []
    for described in _described(lake, source, found, run_id, at):
        collected += described  # an object and its members stay together
        if len(collected) >= ENTRIES_PER_COMMIT:
            yield collected
            collected = []
    if collected:
        yield collected


def _described(
    lake: Lake, source: Source, found: Sequence[StoredObject], run_id: str | None, at: datetime
) -> Iterator[list[Described]]:
    """Each object described, in their order. Neighbouring small ones of a bucket are asked for at once."""

    def one(item: StoredObject) -> list[Described]:
        try:
            return list(describe(lake, source, item, run_id, at))
        except Exception as error:
            error.add_note(f"while cataloguing {item.key}")
            raise

    for is_small, some in groupby(found, lambda item: lake.store.is_remote and item.size <= SMALL_BYTES):
        described = at_once if is_small else map
        yield from described(one, some)


def _finish(
    lake: Lake, source: Source, described: list[Described], run_id: str | None, there: Mapping[str, bool]
) -> tuple[list[Entry], list[Entry]]:
    """The new entries, with what is known of their bytes and schemas; and known ones that these take the place of.

    `there`: entries that are in the catalogue already, and whether they were gone; the others stand as they are.
    """
    seen = [entry.file_id for entry, _ in described if entry.file_id]
    known = file_entries.known_bytes(lake.tables, source.name, seen, [entry.entry_id for entry, _ in described])
    history = History(lake, source, [entry for entry, _ in described], known)
    kept: list[Described] = []
    duplicate_archives: set[tuple[str, str]] = set()
    for entry, recognised in described:
        if (entry.uri, entry.generation) in duplicate_archives:
            continue
        file_id = entry.file_id
        stands = there.get(entry.entry_id) is False
        if file_id in known and not stands and history.lands_again(entry):
            history.supersede(entry)
        elif file_id in known:
            if entry.status == Status.EXPANDED:
                duplicate_archives.add((entry.uri, entry.generation))
            entry.status = Status.DUPLICATE
            entry.reason = "the same bytes are catalogued under another name"
        elif file_id:
            known.add(file_id)
        history.add(entry)
        kept.append((entry, recognised))
    _number_schemas(lake, source, kept, run_id)
    return [entry for entry, _ in kept], history.superseded


def _number_schemas(lake: Lake, source: Source, described: list[Described], run_id: str | None) -> None:
    versions = _SchemaVersions(lake, source, run_id)
    for entry, recognised in sorted(described, key=lambda one: one[0].uri):  # whatever the store's times
        if recognised:
            entry.schema_version = versions.of(entry, recognised)
    file_entries.record_schemas(lake.tables, versions.new)


class _SchemaVersions:
    """Numbers the schemas of each layout as they turn up."""

    def __init__(self, lake: Lake, source: Source, run_id: str | None) -> None:
        rows = file_entries.schemas_of(lake.tables, source.name).to_dicts()
        self.known = {(row["layout"], row["fingerprint"]): row["version"] for row in rows}
        self.source, self.run_id = source, run_id
        self.new: list[dict[str, Any]] = []

    def of(self, entry: Entry, seen: Recognised) -> int:
        layout = seen.layout.name if seen.layout else None
        # Inferred types vary with the sample; what makes a schema is its names, and whether the declared types hold.
        told = "\0".join([*sorted(seen.written.names), seen.problem or ""])
        fingerprint = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        if (layout, fingerprint) not in self.known:
            version = 1 + max((number for (name, _), number in self.known.items() if name == layout), default=0)
            self.known[layout, fingerprint] = version
            self.new.append(
                {
                    "source": self.source.name,
                    "layout": layout,
                    "version": version,
                    "fingerprint": fingerprint,
                    "names": list(seen.written.names),
                    "types": [seen.types.get(name, "String") for name in seen.written.names],
                    "added": list(seen.added),
                    "problem": seen.problem,
                    "first_uri": "!".join(chain([entry.uri], [entry.member] if entry.member else [])),
                    "run_id": self.run_id,
                    "seen_at": now(),
                }
            )
        return int(self.known[layout, fingerprint])
