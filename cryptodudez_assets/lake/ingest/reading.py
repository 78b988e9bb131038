"""Read the files of a batch: canonical rows, rejected records and a count for each file. Bounded memory; writes nothing itself."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from io import BytesIO
from itertools import groupby, islice
from typing import BinaryIO, Self, cast

import polars as pl

from cryptodudez_assets.lake.formats.archives import Container, FileRefused
from cryptodudez_assets.lake.formats.faults import Fault
from cryptodudez_assets.lake.formats.reader import ParsedChunk, Reader
from cryptodudez_assets.lake.formats.registry import reader_of
from cryptodudez_assets.lake.ingest.prefetch import prefetch
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.ingest.validating import FILE, Group, Reading, RowValidator, Take, Told
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.lake.metastore.describe import path_of, written_as
from cryptodudez_assets.lake.metastore.entry import Entry, known
from cryptodudez_assets.lake.store.at_once import SMALL_BYTES, asked_ahead
from cryptodudez_assets.lake.store.folders import Link
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source

# Chunks of many small files are judged together: evaluating a contract has a price per call, not per row.
GROUP_BYTES = 6 << 20
GROUP_CHUNKS = 500
EXAMPLES = 3  # of bad rows, where they are so many that the file is set aside
GROUPS_TOLD = 16  # between two words of progress


# The file itself cannot be had. Other errors of the store (a network that is down) may pass: they stop the run.
FILE_ERRORS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, Link)


class Changed(Exception):
    """The bytes that were read are not those that were catalogued, though the store tells the same time and size."""


def read_files(
    store: ObjectStore,
    source: Source,
    entries: Sequence[Entry],
    looked_up: pl.DataFrame | None,
    take: Take,
    rejects: SpillBuffer,
    progress: Callable[[str], None],
) -> Reading:
    """Read each of these files once, and hand out canonical rows as they are found. `looked_up`: see `lookups.values_of`."""
    reading = Reading({}, rejects, source.keeps_reach)
    sieve = RowValidator(source, reading, rejects, looked_up, take)
    with (
        _Opener(store) as opener,
        closing(prefetch(_groups(_chunks_of(opener, source, entries, reading.counts)))) as groups,
    ):
        for number, group in enumerate(groups, 1):
            sieve.sift(group)
            if number % GROUPS_TOLD == 0:
                n_records = sum(count.read for count in list(reading.counts.values()))  # which grow meanwhile
                progress(f"{source.name}: {n_records:,} records read")
    for count in reading.counts.values():
        count.set_aside = count.set_aside or _why_broken(source, count)
    return reading


def _chunks_of(
    opener: "_Opener", source: Source, entries: Sequence[Entry], counts: dict[str, FileCount]
) -> Iterator[tuple[Told, ParsedChunk]]:
    for entry in opener.ahead(entries):
        count = counts[entry.file_id or entry.entry_id] = FileCount(set_aside=entry.reason)
        if count.set_aside:
            continue
        told = _told(source, entry)
        try:
            for parsed in _parse(opener, source, entry):
                count.read += parsed.n_records
                yield told, parsed
        except Changed:
            count.anew = "other bytes than were catalogued, of the same time and size"
        except PermissionError as error:
            count.anew = f"it cannot be read for now ({error.strerror})"
        except FileRefused as error:
            count.set_aside = str(error)
        except FILE_ERRORS as error:
            count.set_aside = f"cannot be read: {error.strerror}"
        except Fault as error:
            count.fail(str(error))
        except Exception as error:
            error.add_note(f"while reading {entry.uri} {entry.member or ''}")
            raise


def _groups(chunks: Iterator[tuple[Told, ParsedChunk]]) -> Iterator[Group]:
    group: Group = []
    size = 0
    for told, parsed in chunks:
        full = size >= GROUP_BYTES or len(group) >= GROUP_CHUNKS
        if group and (not _alike(group[0][1].reader, parsed.reader) or _ends(group, told, full)):
            yield group
            group, size = [], 0
        group.append((told, parsed))
        size += parsed.n_bytes
    if group:
        yield group


def _ends(group: Group, told: Told, full: bool) -> bool:
    """Whether a group ends before a chunk of this file. Where expressions look around, the rows of a file are judged alone."""
    if group[0][1].reader.layout.looks_around:
        return group[0][0][FILE] != told[FILE]
    return full


class _Opener:
    """Keeps the last raw object open, since the members of an archive are read one after the other."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._uri, self._opened = "", ExitStack()
        self._content: Future[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def ahead(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        """The entries in their order. Of neighbouring ones in a bucket that are small objects, these are read ahead, several at once."""
        for is_small, some in groupby(entries, self._is_small):
            if is_small:
                for entry, content in asked_ahead(self._read, some):
                    self._content = content
                    yield entry
            else:
                self._content = None
                yield from some

    def open(self, uri: str) -> Container:
        """The object, open."""
        if uri != self._uri:
            self._opened.close()
            self._container = Container(self._opened.enter_context(self._file(uri)))
            self._uri = uri
        return self._container

    def _file(self, uri: str) -> BinaryIO:
        if self._content is None:
            return self.store.open(self.store.key(uri))
        return cast(BinaryIO, BytesIO(self._content.result()))

    def _is_small(self, entry: Entry) -> bool:
        return self.store.is_remote and entry.member is None and entry.reason is None and entry.size <= SMALL_BYTES

    def _read(self, entry: Entry) -> bytes:
        with self.store.open(self.store.key(entry.uri)) as content:
            return content.read(SMALL_BYTES + 1)  # of one that has grown no more: it is not what was catalogued


def _parse(opener: _Opener, source: Source, entry: Entry) -> Iterator[ParsedChunk]:
    reader = reader_of(written_as(entry), _layout(source, entry), source.keeps_extra)
    with ExitStack() as opened:
        try:
            text = opened.enter_context(opener.open(entry.uri).text(known(entry.format), entry.member, entry.size))
        except FileRefused:  # when it was catalogued it was read to its end
            raise Changed from None
        try:
            yield from reader.chunks(text)
        except (FileRefused, Fault):
            if text.is_still(known(entry.sha256)):
                raise
            raise Changed from None
        if not text.is_still(known(entry.sha256)):
            raise Changed


def _told(source: Source, entry: Entry) -> Told:
    """What a file tells beside its records, as raw columns."""
    layout = _layout(source, entry)
    landed = {CATALOGUED: entry.discovered_at} if layout.reads_catalogued or source.keeps_reach else {}
    return {FILE: entry.file_id, **(layout.told_by(path_of(entry)) or {}), **landed}


def _layout(source: Source, entry: Entry) -> Layout:
    return next(layout for layout in source.layouts if layout.name == entry.layout)


def _alike(one: Reader, other: Reader) -> bool:
    """Whether their chunks may be judged together."""
    return one.layout is other.layout and one.tells_empty == other.tells_empty


def _why_broken(source: Source, count: FileCount) -> str | None:
    """The circuit breaker: so many bad rows mean that the file itself is wrong."""
    if not count.read:
        return None
    share = count.quarantined / count.read
    if count.quarantined <= source.breaker_floor or share <= source.breaker_share:
        return None
    common = sorted(count.broken.items(), key=lambda item: -item[1])[:5]
    rules = ", ".join(f"{rule} ({n:,})" for rule, n in common)
    first = dict.fromkeys(count.first[rule] for rule, _ in common)
    told = "; ".join(f"{where}: {reason}" for _, where, reason in islice(first, EXAMPLES))
    return f"{count.quarantined:,} of {count.read:,} rows are bad, more than {source.breaker_share:.0%}: {rules}. Such as {told}"
