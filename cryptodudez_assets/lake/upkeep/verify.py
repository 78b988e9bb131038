"""Compare the lake's files with what was recorded when they were written: tables' files and raw files. Changes nothing.

Models are compared in `models/verify.py`. What is found is a `Difference`; what to do about a table is in `rebuilding.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import polars as pl
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.iceberg.checksums import Sums, digest_of, name_in
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in, known
from cryptodudez_assets.lake.store.places import key_within, path_of
from cryptodudez_assets.lake.store.stored import StoredObject

Kind = Literal["data file", "metadata file", "record of checksums", "raw file", "model file"]
SHOULD_BE_THERE = [Status.PENDING, Status.CLAIMED, Status.LOADED, Status.QUARANTINED, Status.EXPANDED]
OnBytes = Callable[[int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Difference:
    """A file that is not what was recorded: what is wrong with it, and what to do.

    `is_read`: by who reads the table now; otherwise only by who asks for an older version.
    """

    kind: Kind
    of: str
    where: str
    problem: str
    remedy: str
    is_read: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.where} of {self.of} {self.problem}: {self.remedy}"


@dataclass
class Verified:
    """What was found out about a table, the raw files of a source, or a model."""

    of: str
    files: int = 0
    bytes: int = 0
    unrecorded: list[str] = field(default_factory=list)
    """Files of which nothing is recorded: older than the records, or written by another engine."""
    differences: list[Difference] = field(default_factory=list)


def nothing(_: int) -> None:
    """Hears of progress, and says nothing."""


def verify_table(lake: Lake, name: str, *, newest_only: bool = False, on_bytes: OnBytes = nothing) -> Verified:
    """Compare all files of a table: of every snapshot that is kept, or of the newest. Raises LookupError if it is none."""
    try:
        found = _Table(lake, name, on_bytes)
    except NoSuchTableError:
        raise LookupError(f"there is no table {name}") from None
    found.verify(newest_only=newest_only)
    if any(one.problem == MISSING for one in found.told.differences):
        # Upkeep may have removed a file since the table's metadata was read.
        again = _Table(lake, name, nothing)
        again.verify(newest_only=newest_only)
        found.told.differences = again.told.differences
    return found.told


MISSING = "is missing"


class _Table:
    """One look at a table's files. What cannot be read is a finding, not an error."""

    def __init__(self, lake: Lake, name: str, on_bytes: OnBytes) -> None:
        self.lake, self.name, self.on_bytes = lake, name, on_bytes
        self.location = lake.tables.location(name)
        self.sums: Sums = lake.tables.records.of(self.location)
        self.told = Verified(name)
        self._seen: set[str] = set()
        self._is_newest = True

    def verify(self, *, newest_only: bool) -> None:
        if not self._is_sound("metadata file", self.lake.tables.metadata_location(self.name)):
            return
        table = self._read(lambda: self.lake.tables.table(self.name), self.lake.tables.metadata_location(self.name))
        for snapshot in _snapshots(table, newest_only=newest_only) if table is not None else ():
            for file in self._data_files(table, snapshot):
                self._is_sound("data file", file.file_path, file.file_size_in_bytes)
            self._is_newest = False  # it comes first
        if self.told.unrecorded:
            self._is_newest = True
            for record in self.sums.damaged:
                self._differs(
                    "record of checksums", record, "is damaged, and tells of files that nothing else tells of"
                )

    def _data_files(self, table: Table, snapshot: Snapshot) -> Iterator[DataFile]:
        if not self._is_sound("metadata file", snapshot.manifest_list):
            return
        for manifest in self._read(lambda: snapshot.manifests(table.io), snapshot.manifest_list) or ():
            yield from self._listed(table, manifest)

    def _listed(self, table: Table, manifest: ManifestFile) -> list[DataFile]:
        if not self._is_sound("metadata file", manifest.manifest_path):
            return []
        entries = self._read(lambda: manifest.fetch_manifest_entry(table.io), manifest.manifest_path)
        return [entry.data_file for entry in entries or ()]

    def _is_sound(self, kind: Kind, path: str, size: int | None = None) -> bool:
        """Whether a file may be read. Each is looked at once, since snapshots share most of theirs."""
        path = path_of(path)
        if path in self._seen:
            return True
        self._seen.add(path)
        key = key_within(path, self.lake.settings.lake)
        found = self.lake.store.stat(key)
        if found is None:
            return self._differs(kind, path, MISSING)
        self.told.files += 1
        self.told.bytes += found.size
        if size is not None and found.size != size:
            return self._differs(kind, path, f"has {found.size:,} bytes instead of {size:,}")
        expected = self.sums.by_name.get(name_in(self.location, path))
        if expected is None:
            self.told.unrecorded.append(path)
            return True
        problem = problem_with(self.lake, key, expected, self.on_bytes)
        return problem is None or self._differs(kind, path, problem)

    def _read(self, read: Callable[[], T], path: str) -> T | None:
        try:
            return read()
        except Exception as error:  # whatever a damaged file makes its reader raise
            self._differs("metadata file", path_of(path), f"cannot be read ({type(error).__name__}: {error})")
            return None

    def _differs(self, kind: Kind, path: str, problem: str) -> bool:
        remedy = f"`cryptodudez rebuild {self.name}` makes the table again"
        self.told.differences.append(Difference(kind, self.name, path, problem, remedy, self._is_newest))
        return False


def _snapshots(table: Table, *, newest_only: bool) -> Iterable[Snapshot]:
    newest = table.current_snapshot()
    if newest is None:
        return []
    return [newest] if newest_only else [newest, *(one for one in table.metadata.snapshots if one != newest)]


def problem_with(lake: Lake, key: str, expected: str, on_bytes: OnBytes = nothing) -> str | None:
    """What is wrong with an object of which the SHA-256 is known, or None."""
    try:
        with lake.store.open(key) as content:
            found = digest_of(content, on_bytes)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return None if found == expected else f"is not what was written (expected sha256 {expected}, found {found})"


def verify_raw(lake: Lake, source: str, on_bytes: OnBytes = nothing) -> Verified:
    """Compare a source's raw files with what the catalogue says of their newest version. Archives stand for their members."""
    told = Verified(source)
    try:
        entries = _newest_versions(lake, source)
    except Exception as error:  # whatever a damaged table makes its reader raise
        unreadable = f"cannot be read ({type(error).__name__}), so raw files cannot be compared"
        told.differences.append(Difference("data file", file_entries.FILES.name, "catalog.files", unreadable, RESTORE))
        return told
    for entry in entries:
        key = lake.store.key(entry.uri)
        found = lake.store.stat(key)
        if found is None and entry.status not in SHOULD_BE_THERE:
            continue  # known to be gone, or its bytes are kept under another name
        told.files += 1
        told.bytes += found.size if found else 0
        problem = MISSING if found is None else problem_with(lake, key, known(entry.sha256), on_bytes)
        if problem:
            told.differences.append(_raw(source, entry, found, problem))
    return told


RESTORE = "restore the table from a backup (see docs/operations.md)"


def _raw(source: str, entry: Entry, found: StoredObject | None, problem: str) -> Difference:
    remedy = f"land the file again under that name (or from a backup), or its {entry.rows_read or 0:,} rows cannot be made again"
    if found is not None and found.generation != entry.generation:
        remedy = (
            f"it was changed at {found.modified:%Y-%m-%d %H:%M:%S}; if that was meant, `cryptodudez run` takes it in as a "
            "new version, and if not, put back the file as it was before anything runs"
        )
    return Difference("raw file", source, entry.uri, problem, remedy)


def _newest_versions(lake: Lake, source: str) -> list[Entry]:
    objects = file_entries.files_of(lake.tables, source).filter(
        pl.col("member").is_null(), pl.col("sha256").str.len_chars() == 64, pl.col("status") != Status.UNREADABLE
    )
    return entries_in(objects.sort("discovered_at").collect().unique("uri", keep="last", maintain_order=True))
