"""Make tables again: those of a source from its raw files, the quarantine too. What they were is not even looked at.

They are made aside and take the place of the others at once, so whoever dies over it leaves what was, and does it again. What is
known about files stays as it is in `catalog.files`, so rows have the same `file_id` and become known when they did.
Tables that are computed are made again by `rebuilding.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.compaction import compact_if_due
from cryptodudez_assets.lake.formats.faults import Misdeclared
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.ingest.claims import Batch
from cryptodudez_assets.lake.ingest.ingest import Outcome, do_again
from cryptodudez_assets.lake.ingest.merge import observations_spec, table_spec
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, WRITING, exclusive
from cryptodudez_assets.lake.upkeep.verify import problem_with, verify_table
from cryptodudez_assets.sources.declaration import Source

Say = Callable[[str], None]
T = TypeVar("T")
NAMED = 5


class CannotRebuild(Exception):
    """A table cannot be made again, or not without losing rows; the message says why, and what to do."""


@dataclass
class Rebuilt:
    """What was made again: which tables, how many rows (None: not counted), and of which files (uri) rows could not be had."""

    tables: list[str]
    rows: int | None = None
    lost: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sound:
    """Files of a source that are loaded: those that can be read (where they lie now), and those that cannot be had any more."""

    there: list[Entry]
    gone: list[Entry]


def aside(lake: Lake, names: Collection[str], make: Callable[[Lake], T]) -> T:
    """Make tables under their names as if there were none, and put them in the place of those that are there."""
    staged = lake.tables.staged(names)
    made = make(replace(lake, tables=staged))
    staged.swap_in(names)
    return made


def rebuild_source(lake: Lake, source: Source, *, lose_rows: bool = False, say: Say = lambda _: None) -> Rebuilt:
    """Make the tables of a source again. Raises CannotRebuild where raw files are gone, unless rows may be lost."""
    names = [name for name in (source.table, source.observations) if name]
    lake.tables.insist_on_staging(names)  # before any file is read
    with ExitStack() as held:
        for lock in (f"{SOURCES}{source.name}", *(f"{WRITING}{name}" for name in names)):
            held.enter_context(exclusive(lake.settings, lock, FOREVER))
        files = _sound_files(lake, source, say)
        lost = {_place(entry): _rows_of(source, entry) for entry in files.gone if _rows_of(source, entry)}
        if lost and not lose_rows:
            raise CannotRebuild(_would_lose(source, lost))

        # The quarantine is made aside, too, and compared: as a rule it is what it was.
        staged = lake.tables.staged([*names, quarantine.ROWS.name, quarantine.FILES.name])
        made = replace(lake, tables=staged)
        outcomes = _read_again(made, source, files.there, say)
        compact_if_due(made, names)
        rows, whole = (
            quarantine.of(staged, spec, source.name).collect() for spec in (quarantine.ROWS, quarantine.FILES)
        )
        _even_if_empty(staged, filter(None, (table_spec(source), observations_spec(source))))
        staged.swap_in(names)
        _correct_quarantine(lake, source, files.there, rows, whole)
        _correct_catalogue(lake, source, files, outcomes)
    n_rows = sum(count.valid for outcome in outcomes for count in outcome.files.values())
    n_rows -= sum(n for outcome in outcomes for n in outcome.displaced.values())
    return Rebuilt(names, n_rows, lost)


def _even_if_empty(staged: IcebergTables, specs: Iterable[TableSpec]) -> None:
    """A table that was there is there afterwards, be it without rows: a catalog that does not name it would count as damaged."""
    for spec in specs:
        with staged.changing(spec):
            pass


def _sound_files(lake: Lake, source: Source, say: Say) -> _Sound:
    told = verify_table(lake, file_entries.FILES.name, newest_only=True)
    if told.differences:
        raise CannotRebuild(
            f"{file_entries.FILES.name} is damaged, and nothing else knows which files there are: restore it from a backup first"
        )
    known = file_entries.files_of(lake.tables, source.name).collect()
    sums = {
        (entry.uri, entry.generation): entry.sha256 for entry in entries_in(known.filter(pl.col("member").is_null()))
    }
    sound: dict[tuple[str, str], bool] = {}

    def is_sound(entry: Entry) -> bool:
        version = entry.uri, entry.generation
        if version not in sound:
            sound[version] = _is_sound(lake, version, sums.get(version))
        return sound[version]

    loaded = entries_in(known.filter(status=Status.LOADED).sort("discovered_at", "uri", "member"))
    repeated = entries_in(known.filter(status=Status.DUPLICATE))
    found = _Sound([], [])
    say(f"{source.name}: {len(loaded):,} files are to be read again")
    for entry in loaded:
        twins = (one for one in [entry, *repeated] if one.file_id == entry.file_id and is_sound(one))
        twin = next(twins, None)
        if twin is None:
            found.gone.append(entry)
        else:
            found.there.append(replace(entry, uri=twin.uri, member=twin.member, generation=twin.generation))
    return found


def _is_sound(lake: Lake, version: tuple[str, str], expected: str | None) -> bool:
    uri, generation = version
    key = lake.store.key(uri)
    found = lake.store.stat(key)
    if found is None or found.generation != generation:
        return False
    return expected is None or problem_with(lake, key, expected) is None


def _rows_of(source: Source, entry: Entry) -> int:
    """How many rows of a file are in tables."""
    return int((entry.rows_valid or 0) + ((entry.rows_duplicate or 0) if source.observations else 0))


def _place(entry: Entry) -> str:
    return f"{entry.uri}!{entry.member}" if entry.member else str(entry.uri)


def _would_lose(source: Source, lost: Mapping[str, int]) -> str:
    named = ", ".join(f"{place} ({n:,} rows)" for place, n in list(lost.items())[:NAMED])
    more = f" and {len(lost) - NAMED:,} more" * (len(lost) > NAMED)
    return (
        f"{sum(lost.values()):,} rows of {source.table} cannot be made again, since {len(lost):,} raw files are gone, changed or "
        f"damaged: {named}{more}. Put the files back under their names, or go on without these rows with --lose-rows. "
        "Nothing was changed"
    )


def _read_again(made: Lake, source: Source, entries: Iterable[Entry], say: Say) -> list[Outcome]:
    """Do the batches again in which the files were ingested."""
    in_batches = sorted(entries, key=attrgetter("batch_id"))  # of each the files keep their order
    outcomes = []
    for batch_id, part in groupby(in_batches, key=attrgetter("batch_id")):
        files = list(part)
        say(f"{source.name}: {len(files):,} files of batch {batch_id}")
        outcomes.append(_done_again(made, source, Batch(batch_id, files, again=True), say))
    return outcomes


def _done_again(made: Lake, source: Source, batch: Batch, say: Say) -> Outcome:
    try:
        outcome = do_again(made, source, batch, say)
    except Misdeclared as error:
        raise CannotRebuild(
            f"the declaration of {source.name} does not hold now: {error}. Nothing was changed"
        ) from None
    if outcome.undecided:
        file_id, reason = next(iter(outcome.undecided.items()))
        place = next(_place(entry) for entry in batch.entries if quarantine.identity(entry) == file_id)
        raise CannotRebuild(f"{place} cannot be judged as {source.name} is declared now: {reason}. Nothing was changed")
    return outcome


def _correct_quarantine(
    lake: Lake, source: Source, entries: Sequence[Entry], rows: pl.DataFrame, whole: pl.DataFrame
) -> None:
    """Where the files are judged otherwise than they were, the quarantine says so."""
    read = [quarantine.identity(entry) for entry in entries]
    for spec, new, what in (
        (quarantine.ROWS, rows, ["file_id", "file_row", "rules"]),
        (quarantine.FILES, whole, ["file_id"]),
    ):
        there = quarantine.of(lake.tables, spec, source.name)
        old = there.filter(pl.col("status") != Fate.REPLAYED, pl.col("file_id").is_in(read)).collect()
        news, olds = (frame.select(what).group_by("file_id").agg(pl.exclude("file_id").sort()) for frame in (new, old))
        differing = pl.concat(
            [news.join(olds, on=news.columns, how="anti"), olds.join(news, on=olds.columns, how="anti")]
        )
        ids = set(differing["file_id"])
        if ids:
            with lake.tables.changing(spec) as change:
                quarantine.close_open(change, source, ids, Fate.REPLAYED)
                change.add(new.filter(pl.col("file_id").is_in(list(ids))))


def _correct_catalogue(lake: Lake, source: Source, files: _Sound, outcomes: Sequence[Outcome]) -> None:
    """Where files count otherwise than they did, the catalogue says so."""
    displaced: dict[str, int] = {}
    for outcome in outcomes:
        for file_id, n in outcome.displaced.items():
            displaced[file_id] = displaced.get(file_id, 0) + n
    counts = {file_id: count for outcome in outcomes for file_id, count in outcome.files.items()}
    loaded = entries_in(file_entries.files_of(lake.tables, source.name).filter(status=Status.LOADED).collect())
    gone = {entry.entry_id for entry in files.gone}
    corrected = []
    for entry in loaded:
        if entry.entry_id in gone:
            now_is = replace(entry, status=Status.IGNORED, reason=_forgotten(source, entry))
            now_is.rows_read = now_is.rows_valid = now_is.rows_quarantined = now_is.rows_duplicate = None
        else:
            file_id = quarantine.identity(entry)
            count = counts[file_id]
            now_is = count.onto(entry)
            if now_is.status == Status.LOADED:
                lost = displaced.get(file_id, 0)
                now_is = replace(now_is, rows_valid=count.valid - lost, rows_duplicate=count.duplicate + lost)
        if any(getattr(entry, name) != getattr(now_is, name) for name in (*COUNTS, "status")):
            corrected.append(replace(now_is, updated_at=now()))
    if corrected:
        file_entries.amend(lake.tables, source.name, corrected)
    if files.gone:  # the same bytes under another name are a file of their own now
        file_entries.forget_repeated(lake.tables, source.name, files.gone)


COUNTS = ("rows_read", "rows_valid", "rows_quarantined", "rows_duplicate")


def _forgotten(source: Source, entry: Entry) -> str:
    return f"its raw file was gone when {source.table} was made again; its {_rows_of(source, entry):,} rows are lost"


def rebuild_quarantine(
    lake: Lake, sources: Iterable[Source], *, lose_rows: bool = False, say: Say = lambda _: None
) -> Rebuilt:
    """Make the quarantine again from the raw files: what is in it now. What was replayed or corrected is not known any more.

    Raises CannotRebuild where there are files of sources that are not among these, unless their rows may be lost.
    """
    sources = list(sources)
    undeclared = file_entries.sources_of(lake.tables) - {source.name for source in sources}
    if undeclared and not lose_rows:
        raise CannotRebuild(
            f"what is in quarantine of {', '.join(sorted(undeclared))} cannot be made again, since no source of that name is "
            "declared now (see `cryptodudez status`): mend its declaration, or go on without these rows with --lose-rows. "
            "Nothing was changed"
        )
    specs = (quarantine.ROWS, quarantine.FILES)
    names = [name for source in sources for name in (source.table, source.observations) if name]
    staged = lake.tables.staged([*names, *(spec.name for spec in specs)])
    made = replace(lake, tables=staged)
    lost: dict[str, int] = {}
    for source in sources:
        with exclusive(lake.settings, f"{SOURCES}{source.name}", FOREVER):
            files = _sound_files(lake, source, say)
            lost |= {_place(entry): entry.rows_quarantined for entry in files.gone if entry.rows_quarantined}
            bad = [entry for entry in files.there if entry.rows_quarantined]
            _read_again(made, source, bad, say)
            _set_aside_again(made, source)
    _even_if_empty(staged, specs)
    staged.swap_in([spec.name for spec in specs])
    rows = sum(int(quarantine.of(lake.tables, spec).select(pl.len()).collect().item()) for spec in specs)
    return Rebuilt([spec.name for spec in specs], rows, lost)


def _set_aside_again(made: Lake, source: Source) -> None:
    """Files that were set aside whole, with the reason that the catalogue has."""
    whole = entries_in(file_entries.files_of(made.tables, source.name).filter(status=Status.QUARANTINED).collect())
    by_batch = sorted(whole, key=lambda entry: entry.batch_id or "")
    for batch_id, part in groupby(by_batch, key=lambda entry: entry.batch_id or ""):
        counted = [(entry, FileCount(read=entry.rows_read or 0, set_aside=entry.reason)) for entry in part]
        quarantine.set_files_aside(made, source, counted, batch_id, None)
