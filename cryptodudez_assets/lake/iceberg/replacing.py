"""The commit that takes data files out of a table and puts others in, with manifests that stay few.

pyiceberg merges manifests only when files are appended. When files are replaced it adds one manifest for the new files and one that
says which are gone, and carries all of these on for ever: every later commit and every scan would read them. It also reads each
manifest of the version before twice; here that is read once, and not at all where it was read before.
"""

from collections.abc import Iterator
from functools import cache
from threading import Lock

from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.update.snapshot import Operation, _ManifestMergeManager, _OverwriteFiles

from cryptodudez_assets.lake.iceberg.manifests import entries_of, files_in, manifests_of

MIN_MANIFESTS = 4
MANIFEST_BYTES = 8 << 20


class Replacement(_OverwriteFiles):  # type: ignore[misc]
    """A snapshot in the making: delete and append data files, as a context. Properties go into its summary."""

    def __init__(self, transaction: Transaction, properties: dict[str, str]) -> None:
        io = transaction._table.io
        super().__init__(Operation.OVERWRITE, transaction, io, snapshot_properties=properties)
        self._lock = Lock()
        self._both: tuple[list[ManifestFile], list[ManifestEntry]] | None = None

    def _deleted_entries(self) -> list[ManifestEntry]:
        gone = [self._entry(entry, ManifestEntryStatus.DELETED, self._snapshot_id) for entry in self._divided()[1]]
        self._validate_required_deletes(gone)
        return gone

    def _existing_manifests(self) -> list[ManifestFile]:
        return self._divided()[0]

    def _divided(self) -> tuple[list[ManifestFile], list[ManifestEntry]]:
        """The manifests of what stays, and the entries of what goes. pyiceberg asks for both, each in a thread of its own."""
        with self._lock:
            if self._both is None:
                gone: list[ManifestEntry] = []
                self._both = list(self._without_deleted(gone)), gone
            return self._both

    def _without_deleted(self, gone: list[ManifestEntry]) -> Iterator[ManifestFile]:
        """Manifests that name a file that goes are written anew; of others only the paths are read, and those until all are found."""
        left = {file.file_path for file in self._deleted_data_files}
        for manifest, is_touched in self._before():
            if not (is_touched and left) or left.isdisjoint(files_in(self._io, manifest)["path"]):
                yield manifest
                continue
            stays = []
            for entry in entries_of(self._io, manifest):
                if entry.data_file.file_path in left:
                    left.discard(entry.data_file.file_path)
                    gone.append(entry)
                else:
                    stays.append(entry)
            if stays:
                with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
                    for entry in stays:
                        writer.add_entry(self._entry(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id))
                yield writer.to_manifest_file()

    def _before(self) -> Iterator[tuple[ManifestFile, bool]]:
        """The manifests of the version before, each with whether a file may be among its that goes.

        One that only says that files of earlier versions are gone is of no use to later ones.
        """
        snapshot = self._transaction.table_metadata.snapshot_by_id(self._parent_snapshot_id)
        may_have_some = cache(self._build_manifest_evaluator)
        for manifest in manifests_of(self._io, snapshot) if snapshot else ():
            if manifest.has_added_files() or manifest.has_existing_files():
                yield manifest, may_have_some(manifest.partition_spec_id)(manifest)

    def _entry(self, entry: ManifestEntry, status: ManifestEntryStatus, snapshot_id: int | None) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )

    def fetch_manifest_entry(self, manifest: ManifestFile, discard_deleted: bool = True) -> list[ManifestEntry]:
        """What manifests that are merged say: of earlier ones what is there, of this snapshot's own what is gone, too."""
        if manifest.added_snapshot_id == self._snapshot_id:
            found: list[ManifestEntry] = super().fetch_manifest_entry(manifest, discard_deleted)
            return found
        return entries_of(self._io, manifest)

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        merging = _ManifestMergeManager(MANIFEST_BYTES, MIN_MANIFESTS, merge_enabled=True, snapshot_producer=self)
        merged: list[ManifestFile] = merging.merge_manifests(manifests)
        return merged
