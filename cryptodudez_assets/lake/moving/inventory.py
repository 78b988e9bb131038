"""What there is of a lake to be copied as it is: raw files, data files of tables, and whatever else lies in its folders.

Metadata of tables are not among it: they name places, and are written anew (`tables.py`). Nor are notes beside tables, which are made
again.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptodudez_assets.lake.iceberg.catalog_database import Pointer
from cryptodudez_assets.lake.iceberg.checksums import ASIDE
from cryptodudez_assets.lake.store.moved import KEY
from cryptodudez_assets.lake.store.places import is_local, key_within, table_folder
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject

TABLES = "tables"
UNFINISHED = re.compile(r"(^|/)\.[^/]*\.(part|old)(/|$)")
"""What somebody left who died over a file, or is about to write."""


@dataclass(frozen=True)
class Inventory:
    """Objects to be copied, tables by their metadata, and what stays behind, by its place, with the reason."""

    objects: list[StoredObject]
    tables: Sequence[Pointer]
    odd: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(one.size for one in self.objects)

    def rooms(self) -> Iterator[tuple[str, int, int]]:
        """Folders of the lake, each with the number of its objects and their bytes."""
        files, sizes = Counter[str](), Counter[str]()
        for one in self.objects:
            room = one.key.partition("/")[0]
            files[room] += 1
            sizes[room] += one.size
        return ((room, files[room], sizes[room]) for room in sorted(files))


def inventory_of(store: ObjectStore, lake: str, tables: Sequence[Pointer]) -> Inventory:
    """All that lies in a lake with these tables."""
    found = Inventory([], tables, dict(_at_root(lake)))
    for one in (*_beside_tables(store), *_of_tables(store, lake, tables)):
        if UNFINISHED.search(one.key):
            continue
        if one.oddity:
            if "empty folder" not in one.oddity:
                found.odd[store.uri(one.key)] = one.oddity
        else:
            found.objects.append(one)
    return found


def _at_root(lake: str) -> Iterator[tuple[str, str]]:
    """What lies in the folder of a lake itself, and is neither a folder nor the lake's own: links are not followed."""
    if not is_local(lake) or not Path(lake).is_dir():
        return
    with os.scandir(lake) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.is_symlink():
                yield entry.path, "symbolic link"
            elif not entry.is_dir() and entry.name != KEY and not UNFINISHED.search(entry.name):
                yield entry.path, "it lies in none of the lake's folders"


def _beside_tables(store: ObjectStore) -> Iterator[StoredObject]:
    for room in store.folders(""):
        if room != TABLES:
            yield from store.list(room)


def _of_tables(store: ObjectStore, lake: str, tables: Sequence[Pointer]) -> Iterator[StoredObject]:
    for table in tables:
        folder = key_within(table_folder(table.metadata_location), lake)
        for room in store.folders(folder):
            if room not in ("metadata", ASIDE):
                yield from store.list(f"{folder}/{room}")
