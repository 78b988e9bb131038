"""Which data files a snapshot has, as its manifests tell. In a pass each is read once: snapshots of a table share most of them."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from pyiceberg.expressions import BooleanExpression
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntry, ManifestFile
from pyiceberg.table import FileScanTask, ManifestGroupPlanner, Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets.lake.iceberg.kept import Kept

KEPT_FILES = 20_000
"""Of so many data files what manifests say is kept in a pass: some 100 MiB."""
_entries: Kept[list[ManifestEntry]] = Kept(KEPT_FILES, size=len)
_lists: Kept[list[ManifestFile]] = Kept(1000)


def all_files(table: Table, snapshot_id: int | None = None) -> list[DataFile]:
    """All data files of a snapshot, by default of the newest; none of one that is not kept any more."""
    return list(_files(table, _manifests(table, snapshot_id)))


def files_that_differ(table: Table, since: int, until: int | None) -> tuple[list[DataFile], list[DataFile]]:
    """Data files that a later snapshot has and an earlier one had not, and those that are gone. Manifests of both are not read."""
    before, after = ({one.manifest_path: one for one in _manifests(table, snapshot)} for snapshot in (since, until))
    there, here = (
        {file.file_path: file for file in _files(table, [one for path, one in these.items() if path not in others])}
        for these, others in ((before, after), (after, before))
    )
    came = [file for path, file in here.items() if path not in there]
    return came, [file for path, file in there.items() if path not in here]


def planned(table: Table, where: BooleanExpression, snapshot_id: int | None = None) -> list[FileScanTask]:
    """What of a snapshot may match, as pyiceberg's tasks. Manifests whose partitions cannot are not read."""
    planner = ManifestGroupPlanner(table.metadata, table.io, where)
    return list(planner.plan_files([_Kept(one) for one in _manifests(table, snapshot_id)]))


class _Kept:
    """A manifest whose entries are read once, for pyiceberg."""

    def __init__(self, manifest: ManifestFile) -> None:
        self._manifest = manifest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manifest, name)

    def fetch_manifest_entry(self, io: FileIO, discard_deleted: bool = True) -> list[ManifestEntry]:
        if discard_deleted:
            return entries_of(io, self._manifest)
        found: list[ManifestEntry] = self._manifest.fetch_manifest_entry(io, discard_deleted=False)
        return found


def _files(table: Table, manifests: list[ManifestFile]) -> Iterator[DataFile]:
    return (entry.data_file for entry in chain.from_iterable(entries_of(table.io, one) for one in manifests))


def entries_of(io: FileIO, manifest: ManifestFile) -> list[ManifestEntry]:
    """What a manifest says of the files that are there."""
    return _entries.get(manifest.manifest_path, lambda: manifest.fetch_manifest_entry(io, discard_deleted=True))


def manifests_of(io: FileIO, snapshot: Snapshot) -> list[ManifestFile]:
    """The manifests of a snapshot."""
    return _lists.get(snapshot.manifest_list, lambda: snapshot.manifests(io))


def _manifests(table: Table, snapshot_id: int | None) -> list[ManifestFile]:
    """The same, by default of the newest. Raises ValueError where another engine has left deletes beside the data."""
    snapshot: Snapshot | None = (
        table.current_snapshot() if snapshot_id is None else table.metadata.snapshot_by_id(snapshot_id)
    )
    found = manifests_of(table.io, snapshot) if snapshot else []
    if any(
        one.content == ManifestContent.DELETES for one in found if one.has_added_files() or one.has_existing_files()
    ):
        raise ValueError(
            f"{'.'.join(table.name())} has delete files, written by another engine: compact it there first"
        )
    return found
