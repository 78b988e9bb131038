"""What a manifest says of its data files: as pyiceberg's objects, or only a few fields of each, where there are very many.

An object takes some seven kilobytes and 50 µs, a few fields a hundred bytes and 15 µs. What a snapshot's manifests come to is in
`planning.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

import polars as pl
from pyiceberg.avro.decoder import BinaryDecoder
from pyiceberg.avro.file import AvroFile
from pyiceberg.avro.reader import Reader, StructReader
from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import Record
from pyiceberg.types import NestedField

from cryptodudez_assets.lake.iceberg.kept import Kept

STATUS, DATA_FILE = "status", "data_file"
FILES = {"path": pl.String, "n_rows": pl.Int64}
BOUNDS = {"low": pl.Binary, "high": pl.Binary}
KEPT_FILES = 20_000
"""Of so many data files what manifests say is kept in a pass: some 100 MiB."""
KEPT_PATHS = 200_000
"""Of so many more, paths and rows: some 30 MiB."""
FEW_FILES = 5000
"""Of a manifest of no more, objects are made whatever is asked for: so in a pass it is read once."""
_entries: Kept[list[ManifestEntry]] = Kept(KEPT_FILES, size=len)
_files: Kept[pl.DataFrame] = Kept(KEPT_PATHS, size=len)
_lists: Kept[list[ManifestFile]] = Kept(1000)


def manifests_of(io: FileIO, snapshot: Snapshot) -> list[ManifestFile]:
    """The manifests of a snapshot."""
    return _lists.get(snapshot.manifest_list, lambda: snapshot.manifests(io))


def entries_of(io: FileIO, manifest: ManifestFile) -> list[ManifestEntry]:
    """What a manifest says of the files that are there."""
    return _entries.get(manifest.manifest_path, lambda: manifest.fetch_manifest_entry(io, discard_deleted=True))


def n_files_in(manifest: ManifestFile) -> int:
    """How many data files it names that are there."""
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)


def told(io: FileIO, manifest: ManifestFile, *fields: str) -> Iterator[tuple[Any, ...]]:
    """Two or more fields, by Iceberg's names, of each data file in a manifest that is there."""
    if n_files_in(manifest) > FEW_FILES:
        return _told(io, manifest, fields)
    wanted = attrgetter(*fields)
    return (wanted(entry.data_file) for entry in entries_of(io, manifest))


def files_in(io: FileIO, manifest: ManifestFile) -> pl.DataFrame:
    """Of each data file in a manifest its `path` and `n_rows`."""

    def read() -> pl.DataFrame:
        return pl.DataFrame(list(told(io, manifest, "file_path", "record_count")), FILES, orient="row")

    return _files.get(manifest.manifest_path, read)


def bounds(io: FileIO, manifests: Iterable[ManifestFile], field_id: int) -> pl.DataFrame:
    """Of each data file the bounds of a column, `low` and `high` as Iceberg writes them; null where it does not say."""
    parts = (
        pl.DataFrame(
            [
                ((low or {}).get(field_id), (high or {}).get(field_id))
                for low, high in told(io, one, "lower_bounds", "upper_bounds")
            ],
            BOUNDS,
            orient="row",
        )
        for one in manifests
    )
    return pl.concat(chain([pl.DataFrame(schema=BOUNDS)], parts))


def _told(io: FileIO, manifest: ManifestFile, fields: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    with AvroFile(io.new_input(manifest.manifest_path)) as content:
        names, readers = zip(*_readers(content.schema.fields, content.reader), strict=True)
        reads = [reader.read for reader in readers]
        status, wanted = names.index(STATUS), [names.index(name) for name in fields]
        for decoder in _decoders(content):
            entry = [read(decoder) for read in reads]
            if entry[status] != ManifestEntryStatus.DELETED.value:
                yield tuple(entry[place] for place in wanted)


def _readers(fields: Sequence[NestedField], struct: StructReader) -> Iterator[tuple[str, Reader]]:
    """What reads the fields of an entry in their order, those of its data file among them. To pass over one would take longer."""
    for field, (_, reader) in zip(fields, struct.field_readers, strict=True):
        if field.name == DATA_FILE:
            yield from _readers(field.field_type.fields, reader)
        else:
            yield field.name, reader


def _decoders(content: AvroFile[Record]) -> Iterator[BinaryDecoder]:
    """A decoder that stands before each entry in turn."""
    while True:
        try:
            count = content._read_block()
        except EOFError:
            return
        yield from repeat(content.block.block_decoder, count)
