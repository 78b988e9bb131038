"""Which data files a snapshot has, as its manifests tell. In a pass each is read once: snapshots of a table share most of them.

What needs but a little of each of very many files asks `manifests.py`.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import chain, islice
from typing import Any, NamedTuple

from pyiceberg.expressions import BooleanExpression
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntry, ManifestFile
from pyiceberg.table import FileScanTask, ManifestGroupPlanner, Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import Record

from cryptodudez_assets.lake.iceberg.manifests import entries_of, files_in, manifests_of, n_files_in, told
from cryptodudez_assets.lake.store.places import path_of

AT_ONCE = 8
"""So many manifests are read at a time, by pyiceberg's threads: of what is in them, only what may match is held longer."""


def all_files(table: Table, snapshot_id: int | None = None) -> list[DataFile]:
    """All data files of a snapshot, by default of the newest; none of one that is not kept any more."""
    return list(_files(table, data_manifests(table, snapshot_id)))


def all_paths(table: Table, snapshot_id: int | None = None) -> list[str]:
    """The paths of all data files of a snapshot, by default of the newest."""
    return [path for one in data_manifests(table, snapshot_id) for path in files_in(table.io, one)["path"]]


def n_files(table: Table) -> int:
    """How many data files a table has. Reads no more than its list of manifests."""
    return sum(map(n_files_in, data_manifests(table)))


def files_at(table: Table, paths: Collection[str]) -> Iterator[DataFile]:
    """The data files of the newest snapshot that lie there. Only manifests that name one of them are read as a whole."""
    left = {path_of(path) for path in paths}
    for manifest in data_manifests(table):
        if not left:
            return
        if left.isdisjoint(map(path_of, files_in(table.io, manifest)["path"])):
            continue
        for entry in entries_of(table.io, manifest):
            if path_of(entry.data_file.file_path) in left:
                left.discard(path_of(entry.data_file.file_path))
                yield entry.data_file


def files_that_differ(table: Table, since: int, until: int | None) -> tuple[list[DataFile], list[DataFile]]:
    """Data files that a later snapshot has and an earlier one had not, and those that are gone. Manifests of both are not read."""
    before, after = ({one.manifest_path: one for one in data_manifests(table, snapshot)} for snapshot in (since, until))
    there, here = (
        {file.file_path: file for file in _files(table, [one for path, one in these.items() if path not in others])}
        for these, others in ((before, after), (after, before))
    )
    came = [file for path, file in here.items() if path not in there]
    return came, [file for path, file in there.items() if path not in here]


def planned(table: Table, where: BooleanExpression, snapshot_id: int | None = None) -> Iterator[FileScanTask]:
    """What of a snapshot may match, as pyiceberg's tasks. Manifests whose partitions cannot are not read."""
    planner = ManifestGroupPlanner(table.metadata, table.io, where)
    manifests = iter([_Kept(one) for one in data_manifests(table, snapshot_id)])
    while some := list(islice(manifests, AT_ONCE)):
        yield from planner.plan_files(some)


class _Described(NamedTuple):
    """What of a data file tells whether it may match: fewer fields than pyiceberg's object of it, by the same names."""

    file_path: str
    partition: Record
    record_count: int
    value_counts: Mapping[int, int]
    null_value_counts: Mapping[int, int]
    nan_value_counts: Mapping[int, int]
    lower_bounds: Mapping[int, bytes]
    upper_bounds: Mapping[int, bytes]


def planned_sizes(table: Table, where: BooleanExpression, snapshot_id: int | None = None) -> Iterator[tuple[str, int]]:
    """Path and number of rows of the files that `planned` tells, for a third of the time and no object of each."""
    planner = ManifestGroupPlanner(table.metadata, table.io, where)
    may_hold = cache(planner._build_manifest_evaluator)
    of_partition, of_bounds = cache(planner._build_partition_evaluator), planner._build_metrics_evaluator()
    for manifest in data_manifests(table, snapshot_id):
        if may_hold(manifest.partition_spec_id)(manifest):
            in_partition = of_partition(manifest.partition_spec_id)
            for file in map(_Described._make, told(table.io, manifest, *_Described._fields)):
                if in_partition(file) and of_bounds(file):
                    yield file.file_path, file.record_count


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


def data_manifests(table: Table, snapshot_id: int | None = None) -> list[ManifestFile]:
    """The manifests of a snapshot, by default of the newest. Raises ValueError where another engine has left deletes beside the data."""
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
