"""Bring the metadata of an Iceberg table to another place: every absolute path in them is written anew, nothing else.

Iceberg names files by absolute paths in three layers: the table's metadata file, a list of manifests for each snapshot, and
manifests, which name data files. Each is written beside the old one under a name of its own, from the manifests up, so that
what was there stays as it was. Snapshots keep their ids, entries all that they say; data files are not touched.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pyiceberg.avro.file import MAGIC, META_SCHEMA, AvroFile, AvroFileHeader, AvroOutputFile, construct_writer
from pyiceberg.io import FileIO

from cryptodudez_assets.lake.store.places import path_of, version_of

DELETED = 2  # the status of an entry whose file the snapshot dropped

Mapped = Callable[[str], str]
"""Where a file lies now, from where it lay before."""


class Immovable(Exception):
    """Something in the table cannot be brought elsewhere; the message says what."""


class Rewriting:
    """One table's metadata on their way to another place. Old names are read where the files lie now: `lies` says where, if that is
    not the place that they are written to.

    What is named and is not there stays named, as it was before: `gone` lists it.
    """

    def __init__(self, io: FileIO, mapped: Mapped, lies: Mapped | None = None) -> None:
        self._io, self._mapped, self._lies = io, mapped, lies or mapped
        self._is_beside = lies is None
        self._manifests: dict[str, tuple[str, int | None]] = {}
        self._data_files: set[str] = set()
        self._gone: set[str] = set()

    @property
    def gone(self) -> list[str]:
        """What the table's snapshots name and is not there."""
        return sorted(self._gone | {path for path in self._data_files if not Path(path).is_file()})

    @property
    def data_files(self) -> frozenset[str]:
        """Where the data files of the table's snapshots lie in the new place."""
        return frozenset(self._data_files)

    def table(self, metadata_location: str) -> str:
        """Write the table's metadata anew, with all that they name; returns the new metadata file."""
        here = self._mapped(metadata_location)
        with self._io.new_input(self._lies(metadata_location)).open() as content:
            metadata: dict[str, Any] = json.loads(content.read())
        metadata["location"] = self._mapped(metadata["location"])
        for snapshot in metadata.get("snapshots", []):
            snapshot["manifest-list"] = self._manifest_list(snapshot["manifest-list"])
        for kind in ("statistics", "partition-statistics"):
            for one in metadata.get(kind, []):
                one["statistics-path"] = self._mapped(one["statistics-path"])
        for name, value in metadata.get("properties", {}).items():
            if name.startswith("write.") and name.endswith(".path"):
                metadata["properties"][name] = self._mapped(value)
        # Of what came before only the last is named, so that this follows it; the others belong to the old place.
        before = {"timestamp-ms": metadata["last-updated-ms"], "metadata-file": here}
        metadata["metadata-log"] = [before] if self._is_beside else []
        metadata["last-updated-ms"] = time.time_ns() // 1_000_000
        version = (version_of(metadata_location) or 0) + 1
        target = f"{here.rpartition('/')[0]}/{version:05d}-{uuid5(NAMESPACE_URL, here)}.metadata.json"
        with self._io.new_output(target).create(overwrite=True) as out:
            out.write(json.dumps(metadata).encode())
        return target

    def _manifest_list(self, location: str) -> str:
        def moved(entry: Any, place: dict[str, int]) -> None:
            path, length = place["manifest_path"], place["manifest_length"]
            entry[path], written = self._manifest(entry[path])
            entry[length] = entry[length] if written is None else written

        return self._avro(location, "manifest_file", moved)[0]

    def _manifest(self, location: str) -> tuple[str, int | None]:
        """A manifest that several snapshots share is written once."""
        if location not in self._manifests:
            self._manifests[location] = self._avro(location, "manifest_entry", self._entry)
        return self._manifests[location]

    def _entry(self, entry: Any, place: dict[str, int]) -> None:
        file, path = entry[place["data_file"]], place["data_file.file_path"]
        if "data_file.content" in place and file[place["data_file.content"]]:
            raise Immovable(f"delete files, written by another engine ({file[path]}): compact it there first")
        file[path] = self._mapped(file[path])
        if entry[place["status"]] != DELETED:
            self._data_files.add(path_of(file[path]))

    def _avro(self, location: str, name: str, moved: Callable[[Any, dict[str, int]], None]) -> tuple[str, int | None]:
        here = self._mapped(location)
        try:
            with AvroFile(self._io.new_input(self._lies(location))) as content:
                rows = list(content)
        except FileNotFoundError:
            self._gone.add(here)
            return here, None
        place = dict(_positions(content.schema.fields))
        for row in rows:
            moved(row, place)
        folder, _, old_name = here.rpartition("/")
        target = f"{folder}/{uuid5(NAMESPACE_URL, here)}{'-m' if '-m' in old_name else ''}.avro"
        output = self._io.new_output(target)
        with _SameHeader(output, content.schema, name, metadata=dict(content.header.meta)) as out:
            out.write_block(rows)
        return target, len(output)


class _SameHeader(AvroOutputFile):  # type: ignore[misc]
    """An Avro file with the header of another: schema, partition and whatever else it says of itself are kept as they are."""

    def _write_header(self) -> None:
        construct_writer(META_SCHEMA).write(self.encoder, AvroFileHeader(MAGIC, self.metadata, self.sync_bytes))


def _positions(fields: Any, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Where a field stands in its record, by name."""
    for number, field in enumerate(fields):
        yield f"{prefix}{field.name}", number
        if field.field_type.is_struct and not prefix:
            yield from _positions(field.field_type.fields, f"{field.name}.")
