"""A table without its past: no old snapshot, tag, manifest, metadata file or orphan is left, and none of their bounds.

The present snapshot keeps its id, so that whatever was made of the table still agrees with it. Its manifests are written anew, since
the ones that there are tell, with their bounds, of files that are gone.
"""

from collections.abc import Collection
from typing import cast
from uuid import uuid4

from pyiceberg.manifest import AvroCompressionCodec, ManifestFile, write_manifest, write_manifest_list
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.iceberg.checksums import RECORD, name_in
from cryptodudez_assets.lake.iceberg.recording import METADATA
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.places import key_within, path_of, true_path, version_of

COMPRESSION = cast(AvroCompressionCodec, "deflate")
MAIN = "main"


def forget_past(lake: Lake, name: str, names: Names) -> int:
    """Leave a table its present alone; returns how many files were removed. Done again, it does no harm.

    Whoever calls sees to it that nobody is writing files of this table that are not committed yet.
    """
    with lake.tables.alone(name):
        table = lake.tables.load(name)
        used = _written_anew(lake, name, table, names)
        return _remove_all_but(lake, table, used)


def _written_anew(lake: Lake, name: str, table: Table, names: Names) -> set[str]:
    """Write metadata that know of the present alone; returns all that they name."""
    location = path_of(table.location())
    snapshot, files = table.current_snapshot(), [path_of(file.file_path) for file in data_files(table)]
    known = lake.tables.records.of(location).by_name
    sums = {path: known[name_in(location, path)] for path in files if name_in(location, path) in known}
    present, written = (None, set[str]()) if snapshot is None else _snapshot(table, snapshot)
    told = _without_past(table.metadata, present).model_dump_json()
    metadata = type(table.metadata).model_validate_json(names.telling.out_of_text(told))
    before = version_of(path_of(table.metadata_location)) or 0
    path = f"{location}/metadata/{before + 1:05d}-{uuid4()}{METADATA}"
    lake.tables.catalog.put(table, metadata, path, sums)
    lake.tables.catalog.point({name: path}, instead_of=[name])
    return {*files, *written, path, path.removesuffix(METADATA) + RECORD}


def _without_past(metadata: TableMetadata, present: Snapshot | None) -> TableMetadata:
    snapshots = [present] if present else []
    refs = {name: ref for name, ref in metadata.refs.items() if name == MAIN}
    log = [one for one in metadata.snapshot_log if present and one.snapshot_id == present.snapshot_id]
    past = {"snapshots": snapshots, "refs": refs, "snapshot_log": log[-1:], "metadata_log": []}
    return metadata.model_copy(update=past | {"statistics": [], "partition_statistics": []})


def _snapshot(table: Table, snapshot: Snapshot) -> tuple[Snapshot, set[str]]:
    """The snapshot with manifests that name nothing but its files; and the paths of what was written."""
    folder, commit = f"{table.location()}/metadata", uuid4()
    manifests = [
        made
        for number, manifest in enumerate(snapshot.manifests(table.io))
        if (made := _manifest(table, snapshot, manifest, f"{folder}/{commit}-m{number}.avro"))
    ]
    path = f"{folder}/snap-{snapshot.snapshot_id}-0-{commit}.avro"
    with write_manifest_list(
        table.metadata.format_version,
        table.io.new_output(path),
        snapshot.snapshot_id,
        None,
        snapshot.sequence_number,
        COMPRESSION,
    ) as writer:
        writer.add_manifests(manifests)
    alone = snapshot.model_copy(update={"manifest_list": path, "parent_snapshot_id": None})
    return alone, {path_of(path), *(path_of(one.manifest_path) for one in manifests)}


def _manifest(table: Table, snapshot: Snapshot, manifest: ManifestFile, path: str) -> ManifestFile | None:
    entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    if not entries:
        return None
    spec = table.specs()[manifest.partition_spec_id]
    with write_manifest(
        table.metadata.format_version,
        spec,
        table.schema(),
        table.io.new_output(path),
        snapshot.snapshot_id,
        COMPRESSION,
    ) as writer:
        for entry in entries:
            writer.existing(entry)
    return writer.to_manifest_file()


def _remove_all_but(lake: Lake, table: Table, used: Collection[str]) -> int:
    own, kept = key_within(path_of(table.location()), lake.settings.lake), {true_path(path) for path in used}
    gone = [found.key for found in list(lake.store.list(own)) if not found.oddity]
    gone = [key for key in gone if true_path(lake.store.uri(key)) not in kept]
    for key in gone:
        lake.store.delete(key)
    return len(gone)
