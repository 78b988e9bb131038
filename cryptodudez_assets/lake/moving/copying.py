"""Copy the objects of a lake to another store: as streams, several at once, each compared by its bytes. Of what was copied a journal is
kept, so that whoever goes on copies the rest.

Which objects belong to a lake is said in `inventory.py`. No table is known here.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from cryptodudez_assets.lake.iceberg.checksums import digest_of
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.store.private import make_private, private_file
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject

AT_ONCE = 8
"""So many objects are on their way: each holds a few blocks of some megabytes."""


@dataclass(frozen=True)
class Copied:
    """An object that is in the other store: as which version of it there it was read, and as which it lies there."""

    key: str
    size: int
    sha256: str
    generation: str
    arrived_as: str


class Journal:
    """What was copied, a line of JSON each. The last line may be half of one, if its writer died."""

    def __init__(self, path: Path) -> None:
        make_private(path.parent)
        self._path = private_file(path)
        self.by_key: dict[str, Copied] = {}
        lines = path.read_bytes().splitlines(keepends=True)
        for line in lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]:
            one = Copied(**json.loads(line))
            self.by_key[one.key] = one
        whole = sum(map(len, lines)) if not lines or lines[-1].endswith(b"\n") else sum(map(len, lines[:-1]))
        self._out = path.open("r+b", buffering=0)
        self._out.truncate(whole)
        self._out.seek(whole)

    def note(self, one: Copied) -> None:
        """Write down that it was copied."""
        self._out.write(json.dumps(asdict(one)).encode() + b"\n")
        self.by_key[one.key] = one

    def close(self) -> None:
        """Let go of the file."""
        self._out.close()

    def remove(self) -> None:
        """Nothing is left to go on with."""
        self.close()
        self._path.unlink(missing_ok=True)


class Copier:
    """Brings objects from one store to another. `expected`: the SHA-256 that was recorded of an object, by its key.

    `on_bytes` hears how many bytes have arrived, from any thread.
    """

    def __init__(
        self,
        stores: tuple[ObjectStore, ObjectStore],
        journal: Journal,
        expected: Callable[[str], str | None],
        on_bytes: Callable[[int], None],
    ) -> None:
        self._source, self._target = stores
        self._journal, self._expected, self._on_bytes = journal, expected, on_bytes

    def left(self, objects: Iterable[StoredObject], there: Mapping[str, StoredObject]) -> Iterator[StoredObject]:
        """Which of these objects are still to be copied, given what lies in the other store."""
        for one in objects:
            known, found = self._journal.by_key.get(one.key), there.get(one.key)
            if known is None or found is None or (known.generation, known.arrived_as) != _versions(one, found):
                yield one

    def bring(self, objects: Iterable[StoredObject]) -> Iterator[str]:
        """Copy objects; yields the key of each that has arrived. What changes or goes meanwhile is left for another look.

        Raises `HomeRefused` where bytes are not what was recorded of them, or did not arrive as they were.
        """
        waiting = iter(objects)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            under_way = {threads.submit(self._copied, one) for one in islice(waiting, 2 * AT_ONCE)}
            try:
                while under_way:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    under_way |= {threads.submit(self._copied, one) for one in islice(waiting, len(done))}
                    yield from self._noted(done)
            finally:
                for one in under_way:
                    one.cancel()

    def _noted(self, done: Iterable["Future[Copied | None]"]) -> Iterator[str]:
        for one in done:
            if (copied := one.result()) is not None:
                self._journal.note(copied)
                yield copied.key

    def _copied(self, one: StoredObject) -> Copied | None:
        try:
            with self._source.open(one.key) as content:
                read = _Hashed(content, self._on_bytes)
                self._target.write(one.key, cast(BinaryIO, read))
        except FileNotFoundError:
            return None
        after = self._source.stat(one.key)
        if after is None or after.generation != one.generation:
            return None
        digest = read.digest.hexdigest()
        if digest != (self._expected(one.key) or digest):
            raise HomeRefused(
                f"{self._source.uri(one.key)} is not what was written: `cryptodudez verify` says what to do about it, then migrate again"
            )
        with self._target.open(one.key) as content:
            arrived = digest_of(content)
        there = self._target.stat(one.key)
        if arrived != digest or there is None or there.size != read.size:
            raise HomeRefused(
                f"{self._target.uri(one.key)} did not arrive as it was: sha256 {digest} was sent, {arrived} is there"
            )
        return Copied(one.key, read.size, digest, one.generation, there.generation)


def _versions(one: StoredObject, found: StoredObject) -> tuple[str, str]:
    return one.generation, found.generation


class _Hashed:
    """A reader that hashes and counts what is read."""

    def __init__(self, content: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        self._content, self._on_bytes = content, on_bytes
        self.digest, self.size = hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        self.digest.update(data)
        self.size += len(data)
        self._on_bytes(len(data))
        return data
