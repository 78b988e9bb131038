"""The commit that takes data files out of a table and puts others in, with manifests that stay few.

pyiceberg merges manifests only when files are appended. When files are replaced it adds one manifest for the new files and one that
says which are gone, and carries all of these on for ever: every later commit and every scan would read them.
"""

from collections.abc import Callable

from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.update.snapshot import Operation, _ManifestMergeManager, _OverwriteFiles

MIN_MANIFESTS = 4
MANIFEST_BYTES = 8 << 20


class Replacement(_OverwriteFiles):  # type: ignore[misc]
    """A snapshot in the making: delete and append data files, as a context. Properties go into its summary."""

    def __init__(self, transaction: Transaction, properties: dict[str, str]) -> None:
        io = transaction._table.io
        super().__init__(Operation.OVERWRITE, transaction, io, snapshot_properties=properties)

    def _build_manifest_evaluator(self, spec_id: int) -> Callable[[ManifestFile], bool]:
        # One of pyiceberg's remembers the manifest that it looks at, and is asked of several at once by as many threads: then
        # files are not found that are there. So each manifest has its own.
        build = super()._build_manifest_evaluator
        return lambda manifest: bool(build(spec_id)(manifest))

    def _existing_manifests(self) -> list[ManifestFile]:
        # What only says that files of earlier versions are gone is of no use to later ones.
        found: list[ManifestFile] = super()._existing_manifests()
        return [one for one in found if one.has_added_files() or one.has_existing_files()]

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        merging = _ManifestMergeManager(MANIFEST_BYTES, MIN_MANIFESTS, merge_enabled=True, snapshot_producer=self)
        merged: list[ManifestFile] = merging.merge_manifests(manifests)
        return merged
