"""The commit that takes data files out of a table and puts others in, with manifests that stay few.

pyiceberg merges manifests only when files are appended. When files are replaced it adds one manifest for the new files and one that
says which are gone, and carries all of these on for ever: every later commit and every scan would read them. It also reads each
manifest of the version before twice; here that is read once, and not at all where it was read before.
"""

from collections.abc import Iterator
from functools import cache

from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.update.snapshot import Operation, _ManifestMergeManager, _OverwriteFiles

from cryptodudez_assets.lake.iceberg.planning import entries_of, manifests_of

MIN_MANIFESTS = 4
MANIFEST_BYTES = 8 << 20


class Replacement(_OverwriteFiles):  # type: ignore[misc]
    """A snapshot in the making: delete and append data files, as a context. Properties go into its summary."""

    def __init__(self, transaction: Transaction, properties: dict[str, str]) -> None:
        io = transaction._table.io
        super().__init__(Operation.OVERWRITE, transaction, io, snapshot_properties=properties)

    def _deleted_entries(self) -> list[ManifestEntry]:
        gone = [
            self._entry(entry, ManifestEntryStatus.DELETED, self._snapshot_id)
            for _, entries in self._before()
            for entry in entries
            if entry.data_file in self._deleted_data_files
        ]
        self._validate_required_deletes(gone)
        return gone

    def _existing_manifests(self) -> list[ManifestFile]:
        return list(self._without_deleted())

    def _without_deleted(self) -> Iterator[ManifestFile]:
        for manifest, entries in self._before():
            stays = [entry for entry in entries if entry.data_file not in self._deleted_data_files]
            if len(stays) == len(entries):
                yield manifest
            elif stays:
                with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
                    for entry in stays:
                        writer.add_entry(self._entry(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id))
                yield writer.to_manifest_file()

    def _before(self) -> Iterator[tuple[ManifestFile, list[ManifestEntry]]]:
        """The manifests of the version before, each with its entries; with none where no file is among them that goes.

        One that only says that files of earlier versions are gone is of no use to later ones.
        """
        snapshot = self._transaction.table_metadata.snapshot_by_id(self._parent_snapshot_id)
        may_have_some = cache(self._build_manifest_evaluator)
        for manifest in manifests_of(self._io, snapshot) if snapshot else ():
            if manifest.has_added_files() or manifest.has_existing_files():
                is_touched = may_have_some(manifest.partition_spec_id)(manifest)
                yield manifest, entries_of(self._io, manifest) if is_touched else []

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
