"""What an object is, and what the lake needs of a place that keeps objects. The places themselves are in `objects.py`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

WRITTEN = "@"  # between an ETag and the time of writing


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it. `generation` changes whenever the bytes may have changed; a list and a look at the
    object itself tell the same one.

    `oddity` says why it is not a file to be read: a symbolic link, an empty folder, a folder that may not be listed.
    """

    key: str
    size: int
    modified: datetime
    generation: str
    oddity: str | None = None

    @property
    def generations(self) -> tuple[str, ...]:
        """The names that the catalogue may know this version by: a bucket's were once without the time."""
        return (self.generation, self.generation.partition(WRITTEN)[0])


class ObjectStore(Protocol):
    """What the lake needs of a place that keeps bytes."""

    is_remote: bool
    """Whether answers come over a network: then it pays to wait for several at a time."""

    def uri(self, key: str) -> str:
        """The object's full location, as people see it."""

    def key(self, uri: str) -> str:
        """The key of an object's full location."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Objects below `prefix` in key order, beginning behind the key `after`."""

    def folders(self, prefix: str) -> Sequence[str]:
        """Names of what lies directly below `prefix` and has something below it, in order."""

    def stat(self, key: str) -> StoredObject | None:
        """The object as it is now, or None."""

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object's bytes."""

    def read(self, key: str) -> bytes:
        """All bytes of a small object. Raises FileNotFoundError."""

    def write(self, key: str, content: BinaryIO) -> None:
        """Store the bytes under the key, whole or not at all."""

    def create(self, key: str, content: bytes) -> None:
        """The same where there is no such object yet; raises FileExistsError where there is one, which stays as it is."""

    def replace(self, prefix: str, parts: Iterable[tuple[str, BinaryIO]], last: str) -> None:
        """Have these objects, by their keys below `prefix`, and no others there; the part `last` comes last, and says that all are there.

        In a folder all at once. In a bucket one after the other, while there is no `last`.
        """

    def delete(self, key: str) -> None:
        """Remove the object, if it is there."""
