"""A lake whose raw zone lies elsewhere (`CRYPTODUDEZ_RAW`): two stores that are named and asked as one.

A bucket keeps old versions of all its objects or of none, so that raw files, which are worth it, may have a bucket of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject

RAW = "raw"


class RawElsewhere:
    """Keys `raw/…` are objects of `raw` below `base`, and lie in `place` as people see it; all others are the lake's."""

    def __init__(self, lake: ObjectStore, raw: ObjectStore, base: str, place: str) -> None:
        self.lake, self.raw, self.base, self.place = lake, raw, base, place
        self.is_remote = raw.is_remote

    def uri(self, key: str) -> str:
        return f"{self.place}/{key.removeprefix(f'{RAW}/')}" if _is_raw(key) else self.lake.uri(key)

    def key(self, uri: str) -> str:
        if uri.startswith(f"{self.place}/"):
            return f"{RAW}/{uri.removeprefix(f'{self.place}/')}"
        return self.lake.key(uri)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        store, inner = self._of(prefix)
        if store is self.lake:
            yield from store.list(prefix, after)
            return
        for found in store.list(inner, self._of(after)[1] if after else ""):
            yield replace(found, key=self._outer(found.key))

    def folders(self, prefix: str) -> Sequence[str]:
        store, inner = self._of(prefix)
        found = store.folders(inner)
        return found if prefix else sorted({*found, RAW})

    def stat(self, key: str) -> StoredObject | None:
        store, inner = self._of(key)
        found = store.stat(inner)
        return replace(found, key=key) if found else None

    def open(self, key: str) -> BinaryIO:
        store, inner = self._of(key)
        return store.open(inner)

    def read(self, key: str) -> bytes:
        store, inner = self._of(key)
        return store.read(inner)

    def write(self, key: str, content: BinaryIO) -> None:
        store, inner = self._of(key)
        store.write(inner, content)

    def create(self, key: str, content: bytes) -> None:
        store, inner = self._of(key)
        store.create(inner, content)

    def replace(self, prefix: str, parts: Iterable[tuple[str, BinaryIO]], last: str) -> None:
        store, inner = self._of(prefix)
        store.replace(inner, parts, last)

    def delete(self, key: str) -> None:
        store, inner = self._of(key)
        store.delete(inner)

    def _of(self, key: str) -> tuple[ObjectStore, str]:
        if not _is_raw(key):
            return self.lake, key
        rest = key.removeprefix(RAW)
        return self.raw, f"{self.base}{rest}" if self.base else rest.lstrip("/")

    def _outer(self, key: str) -> str:
        return f"{RAW}/{key.removeprefix(f'{self.base}/') if self.base else key}"


def _is_raw(key: str) -> bool:
    return key == RAW or key.startswith(f"{RAW}/")
