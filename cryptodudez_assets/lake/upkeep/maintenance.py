"""Upkeep of tables in quiet hours: all small files joined, files that nothing refers to removed, missing checksums recorded.

None of it changes what a table says. What is cheap enough to follow each ingest is in `lake/compaction.py`.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

from pyiceberg.table import Table

from cryptodudez_assets.lake.compaction import Compacted, Expired, compact, expire
from cryptodudez_assets.lake.iceberg.checksums import RECORD, digest_of, name_in, record
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.manifests import files_in
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.store.locks import WRITING, sign_of_life
from cryptodudez_assets.lake.store.places import TruePaths, inside, key_within, path_of, same, table_folder
from cryptodudez_assets.lake.upkeep.verify import Verified

GRACE = timedelta(days=1)
# What tables consist of. Anything else in their folders is not ours to remove, such as the markers of empty folders in buckets.
TABLE_FILES = (".parquet", ".avro", ".json", ".puffin", ".stats")


@dataclass(frozen=True)
class Removed:
    """What was removed because no snapshot refers to it. `is_written`: nothing, since somebody is writing files of the table."""

    files: int
    bytes: int
    is_written: bool = False

    def __str__(self) -> str:
        if self.is_written:
            return "orphans left for the next time, since somebody is writing files of it"
        return f"{self.files} orphaned files ({self.bytes:,} bytes) removed"


@dataclass(frozen=True)
class Maintained:
    """What was done to one table."""

    table: str
    compacted: Compacted
    expired: Expired
    removed: Removed

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.compacted.files} small files became {self.compacted.into}, {self.expired.snapshots} snapshots expired, "
            f"{self.removed}"
        )


def maintain(lake: Lake, names: Sequence[str] | None = None, grace: timedelta = GRACE) -> Iterator[Maintained]:
    """Do all upkeep of these tables, or of every table, one after the other."""
    for name in lake.tables.names() if names is None else names:
        yield Maintained(name, compact(lake, name, max_small=2), expire(lake, name), remove_orphans(lake, name, grace))


def record_unrecorded(lake: Lake, told: Verified) -> int:
    """Record the checksums of files that have none, as they are now; returns how many.

    They were written before there were checksums, or by another engine. What was damaged before this passes for good.
    """
    if not told.unrecorded:
        return 0
    location = lake.tables.location(told.of)
    sums = {}
    for path in told.unrecorded:
        with lake.store.open(key_within(path, lake.settings.lake)) as content:
            sums[path] = digest_of(content)
    key = f"{key_within(location, lake.settings.lake)}/metadata/later-{uuid4()}{RECORD}"
    lake.store.write(key, io.BytesIO(record(location, sums)))
    return len(sums)


def remove_orphans(lake: Lake, name: str, grace: timedelta = GRACE) -> Removed:
    """Delete files below the table's folder that no snapshot refers to, in this lake only.

    What was written since the oldest batch was claimed that is not finished may belong to it, and stays. While somebody holds the lock
    of who writes files of the table, all of them do. `grace`: how old an orphan is at the least, for what other engines write.
    """
    with sign_of_life(lake.settings, f"{WRITING}{name}") as is_free:
        return _remove_orphans(lake, name, grace) if is_free else Removed(0, 0, is_written=True)


def _remove_orphans(lake: Lake, name: str, grace: timedelta) -> Removed:
    with lake.tables.alone(name):
        table = lake.tables.load(name)  # refuses a table outside of the lake
        places, location = TruePaths(), path_of(table.location())
        # Hashes, for there may be millions. Where two agree by chance, an orphan stays; nothing else can come of it.
        used, names = set[int](), set[int]()
        for path in _referred_to(table):
            used.add(hash(places.of(path)))
            names.add(hash(name_in(location, path)))
        used |= {hash(places.of(lake.store.uri(key))) for key in lake.tables.records.in_use(location, names)}
        claimed = file_entries.oldest_claim(lake.tables)
        before = min(now() - grace, claimed) if claimed else now() - grace
        orphans = [
            found
            for found in lake.store.list(_own_folder(lake, name, location))
            if found.key.endswith(TABLE_FILES)
            and found.modified < before
            and hash(places.of(lake.store.uri(found.key))) not in used
        ]
        for orphan in orphans:
            table.io.delete(lake.store.uri(orphan.key))
    return Removed(len(orphans), sum(orphan.size for orphan in orphans))


def _own_folder(lake: Lake, name: str, location: str) -> str:
    """Key of the folder that is this table's alone; whatever the table says of itself, others' files are not cleared up."""
    named = lake.tables.pointers()
    shared = [
        other.name
        for other in named
        if other.name != name
        and any(
            inside(*pair) or same(*pair) for pair in permutations((location, table_folder(other.metadata_location)))
        )
    ]
    if shared:
        raise HomeRefused(f"{name} says that it lies in {location}, where {shared[0]} lies, too: it is not cleared up")
    return key_within(location, lake.settings.lake)


def _referred_to(table: Table) -> Iterator[str]:
    yield table.metadata_location
    yield from (entry.metadata_file for entry in table.metadata.metadata_log)
    yield from (statistics.statistics_path for statistics in table.metadata.statistics)
    yield from (statistics.statistics_path for statistics in table.metadata.partition_statistics)
    seen: set[str] = set()
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in seen:
                seen.add(manifest.manifest_path)
                yield manifest.manifest_path
                yield from files_in(table.io, manifest)["path"]
