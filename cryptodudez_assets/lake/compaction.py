"""Join small files of tables and forget old snapshots, when it is worth a commit. What a table says stays.

Cheap enough to be done after each ingest. What only quiet hours allow is in `upkeep/maintenance.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from pyiceberg.typedef import Record

from cryptodudez_assets.lake.iceberg.manifests import entries_of, told
from cryptodudez_assets.lake.iceberg.planning import data_manifests, n_files
from cryptodudez_assets.lake.iceberg.provenance import BATCH
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries

SMALL_BYTES = 8 << 20
# So few that reading a table costs at most twice what it would in one piece, whatever the size of its landings.
MAX_SMALL_FILES = 4
MAX_JOINED = 20_000
"""So many files are joined in one commit; what is known of each takes some seven kilobytes."""
KEPT_SNAPSHOTS = 100
# Expiring is a commit itself, so it waits until it is worth one.
SPARE_SNAPSHOTS = 25


@dataclass(frozen=True)
class Compacted:
    """How many small files became how many larger ones."""

    files: int
    into: int


@dataclass(frozen=True)
class Expired:
    """How many snapshots were forgotten, how many are kept."""

    snapshots: int
    kept: int


def compact_if_due(lake: Lake, names: Iterable[str]) -> None:
    """Compact and expire where it is due. Looks at no more than the tables' metadata where it is not."""
    for name in names:
        table = lake.tables.table(name)
        if table is None:
            continue
        if len(table.metadata.snapshots) > KEPT_SNAPSHOTS + SPARE_SNAPSHOTS:
            expire(lake, name, KEPT_SNAPSHOTS)
        if _data_files_in(table) >= MAX_SMALL_FILES and _groups(table, MAX_SMALL_FILES):
            compact(lake, name, MAX_SMALL_FILES)


def compact(lake: Lake, name: str, max_small: int = MAX_SMALL_FILES) -> Compacted:
    """In partitions that hold `max_small` small files or more, join these into files of a useful size; in one commit.

    The lake's engine reads and writes them.
    """
    with lake.tables.rearranging(name) as change:
        groups = _groups(change.table, max_small)
        small = [file for group in groups for file in group]
        before = n_files(change.table)
        if small:
            change.join(groups, lake.engine, lambda _: None)
    return Compacted(len(small), len(small) + n_files(change.table) - before)


def expire(lake: Lake, name: str, keep: int = KEPT_SNAPSHOTS) -> Expired:
    """Forget all but the newest snapshots, those with a tag or branch, and those that tell the outcome of an unfinished batch."""
    with lake.tables.rearranging(name) as change:
        snapshots = sorted(change.table.metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
        named = {ref.snapshot_id for ref in change.table.metadata.refs.values()}
        unfinished = file_entries.claimed_batches(lake.tables)
        old = [
            snapshot.snapshot_id
            for snapshot in snapshots[:-keep]
            if snapshot.snapshot_id not in named
            and not (snapshot.summary and snapshot.summary.additional_properties.get(BATCH) in unfinished)
        ]
        change.expire(old)
    return Expired(len(old), len(snapshots) - len(old))


def _groups(table: Table, max_small: int) -> list[list[DataFile]]:
    """Small files that are to be joined, at most MAX_JOINED in one commit; the others are found again by the next."""
    manifests = data_manifests(table)
    n_small = Counter(partition for one in manifests for partition in _small_in(table, one))
    crowded, n_joined = set(), 0
    for partition, number in n_small.items():
        if number >= max_small and n_joined < MAX_JOINED:
            crowded.add(partition)
            n_joined += number
    partitions: dict[str, list[DataFile]] = defaultdict(list)
    for manifest in manifests if crowded else ():
        if crowded.isdisjoint(_small_in(table, manifest)):
            continue
        for file in (entry.data_file for entry in entries_of(table.io, manifest)):
            if (
                file.file_size_in_bytes < SMALL_BYTES
                and (partition := _partition(file.spec_id, file.partition)) in crowded
            ):
                partitions[partition].append(file)
    return [part for small in partitions.values() for part in _portions(small[:MAX_JOINED])]


def _small_in(table: Table, manifest: ManifestFile) -> list[str]:
    """The partition of each small file in a manifest."""
    told_of_each = told(table.io, manifest, "partition", "file_size_in_bytes")
    return [_partition(manifest.partition_spec_id, partition) for partition, size in told_of_each if size < SMALL_BYTES]


def _partition(spec_id: int, partition: Record) -> str:
    return f"{spec_id} {partition}"


def _portions(small: list[DataFile]) -> Iterator[list[DataFile]]:
    """Parts that are joined to one file each: what fits into memory at a time, however many there are."""
    portion: list[DataFile] = []
    for file in small:
        portion.append(file)
        if sum(one.file_size_in_bytes for one in portion) >= 2 * SMALL_BYTES:
            yield portion
            portion = []
    if len(portion) > 1:
        yield portion


def _data_files_in(table: Table) -> int:
    snapshot = table.current_snapshot()
    told = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    return int(told.get("total-data-files", 0))
