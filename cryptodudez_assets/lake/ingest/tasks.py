"""Reading as tasks: files that are catalogued go in, data files, counts and rejected records come out, and nothing is committed.

What is decided of it, and the commit, are in `ingest.py`; where tasks are run is up to an engine.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.iceberg.writing import Target
from cryptodudez_assets.lake.ingest.merge import NewRows, NewRowsWriter
from cryptodudez_assets.lake.ingest.reading import read_files
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.ingest.validating import Reading
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.sources.declaration import Source


@dataclass(frozen=True)
class ReadTask:
    """Files of a source that are to be read.

    `store`: where they lie. `target`: where rows are written. `looked_up`: what another
    table tells (`lookups.values_of`). `folder`: where rejected records lie that do not fit into memory; whoever planned removes it. None
    where the task may be done on another machine, which could not leave anything there.
    """

    source: Source
    entries: Sequence[Entry]
    store: ObjectStore
    target: Target
    looked_up: pl.DataFrame | None
    folder: Path | None


@dataclass(frozen=True)
class ReadDone:
    """What was found in the files, and the rows that were written."""

    reading: Reading
    rows: NewRows


def read(task: ReadTask, say: Callable[[str], None]) -> ReadDone:
    """Read the files of a task. Done twice it gives the same, in files of other names."""
    writer = NewRowsWriter(task.source, task.target)
    try:
        rejects = SpillBuffer(task.folder)
        reading = read_files(task.store, task.source, task.entries, task.looked_up, writer.add, rejects, say)
        return ReadDone(reading, writer.close())
    except BaseException:
        writer.abandon()
        raise


def divided(entries: Sequence[Entry], parts: int) -> list[list[Entry]]:
    """Neighbouring entries in at most so many parts of about one size, of bytes. Members of an archive may be parted."""
    whole, seen = sum(entry.size for entry in entries), 0
    found: list[list[Entry]] = []
    for entry in entries:
        if not found or seen * parts >= whole * len(found):
            found.append([])
        found[-1].append(entry)
        seen += entry.size
    return found


def together(source: Source, readings: Iterable[Reading]) -> Reading:
    """What was found in all parts of a batch."""
    readings = list(readings)
    return Reading(
        {file_id: count for one in readings for file_id, count in one.counts.items()},
        _Chained([one.rejects for one in readings]),
        source.keeps_reach,
        {file_id for one in readings for file_id in one.taken},
    )


@dataclass(frozen=True)
class _Chained:
    """Frames of several lists, as often as they are asked for."""

    parts: Sequence[Iterable[pl.DataFrame]]

    def __iter__(self) -> "chain[pl.DataFrame]":
        return chain.from_iterable(self.parts)
