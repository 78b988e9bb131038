"""What a table's files should be: the SHA-256 of each, recorded with the commit that wrote it, and compared here.

Every commit leaves a small record beside its metadata (`metadata/….sums.json`): of the data files, manifests and metadata
that it wrote. Names in it are relative to the table's folder, so that a table can be moved. A record tells of its own files
only: commits stay as cheap as they are, however large a table is. Who writes them is in `recording.py`.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from pyiceberg.io import FileIO

from cryptodudez_assets.lake.store.places import key_within, path_of
from cryptodudez_assets.lake.store.stored import ObjectStore

RECORD = ".sums.json"
READ_BYTES = 1 << 20
ASIDE = "rebuilding"
"""The folder, in a table's own, of the metadata of a table that is to take its place."""


class Damaged(Exception):
    """A file of a table is not what was written; the message says which, and what to do."""


@dataclass(frozen=True)
class Sums:
    """What was recorded about a table's files, by their name in the table's folder, and the records that are themselves damaged."""

    by_name: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


class Records:
    """The records of tables, each read once: what is written never changes."""

    def __init__(self, store: ObjectStore, root: str) -> None:
        self._store, self._root = store, root
        self._read: dict[str, Mapping[str, str] | None] = {}

    def of(self, location: str, folder: str = "metadata") -> Sums:
        """All that is recorded about the table that lies there, in that folder of it."""
        location = path_of(location)
        sums = Sums()
        for key in self._keys(location, folder):
            told = self.told(key)
            if told is None:
                sums.damaged.append(self._store.uri(key))
            else:
                sums.by_name.update(told)
        return sums

    def in_use(self, location: str, used: Set[int]) -> set[str]:
        """Records (keys) that tell of files that are used. Damaged ones as long as nothing else tells of one of these.

        `used`: the `hash` of the name of each file in the table's folder, which takes less room than a name.
        """
        known: set[int] = set()
        telling, damaged = set(), set()
        for key in self._keys(path_of(location), "metadata"):
            one = self.told(key)
            if one is None:
                damaged.add(key)
                continue
            theirs = {number for number in map(hash, one) if number in used}
            known |= theirs
            if theirs:
                telling.add(key)
        return telling | (damaged if len(known) < len(used) else set())

    def expected(self, location: str, names: Collection[str]) -> dict[str, str]:
        """What is recorded of some files, by their names in the table's folder."""
        found: dict[str, str] = {}
        for key in self._keys(path_of(location), "metadata"):
            one = self.told(key) or {}
            found |= {name: one[name] for name in names if name in one}
        return found

    def _keys(self, location: str, folder: str) -> list[str]:
        within = f"{key_within(location, self._root)}/{folder}"
        return [found.key for found in self._store.list(within) if found.key.endswith(RECORD)]

    def told(self, key: str) -> Mapping[str, str] | None:
        """What one record says; None where it is damaged."""
        if key not in self._read:
            with self._store.open(key) as content:
                self._read[key] = parse(content.read())
        return self._read[key]


def record(location: str, sums: Mapping[str, str]) -> bytes:
    """The text of a record about files of the table at `location`, by their full paths."""
    location = path_of(location)
    names = {name_in(location, path): digest for path, digest in sorted(sums.items())}
    return json.dumps({"location": location, "sums": names, "sum": _of_record(location, names)}, indent=1).encode()


def parse(content: bytes) -> Mapping[str, str] | None:
    """What a record says about a table, wherever that lies now; None where it is damaged.

    A table that was moved has the same files, and others beside them under new names: what holds paths is written anew.
    """
    try:
        told = json.loads(content)
        where, names, own = told["location"], told["sums"], told["sum"]
    except (ValueError, KeyError, TypeError):
        return None
    if own != _of_record(where, names):
        return None
    return dict(names)


def name_in(location: str, path: str) -> str:
    """A file's name within the folder of the table that lies at `location`."""
    return path_of(path).removeprefix(location).lstrip("/")


def _of_record(location: str, names: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([location, names], sort_keys=True).encode()).hexdigest()


def digest_of(content: BinaryIO, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of what is read, a block at a time."""
    digest = hashlib.sha256()
    while block := content.read(READ_BYTES):
        digest.update(block)
        on_bytes(len(block))
    return digest.hexdigest()


def insist_on_intact(table: str, io: FileIO, sums: Mapping[str, str | None]) -> None:
    """Raise `Damaged` where a file of a table (by path) is not what was recorded. What is not recorded (None) is taken as it is."""
    for path, expected in sums.items():
        if expected is None:
            continue
        with io.new_input(path).open(seekable=False) as content:
            found = digest_of(cast(BinaryIO, content))
        if found != expected:
            raise Damaged(
                f"{path} of {table} is not what was written: expected sha256 {expected}, found {found}. "
                f"`cryptodudez rebuild {table}` makes the table again."
            )
