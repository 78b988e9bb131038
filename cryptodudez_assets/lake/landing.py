"""Bring files into the raw zone. What lies there is never overwritten: other bytes under a known name get a folder of their own."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from cryptodudez_assets.lake.lake import Lake, now, raw_prefix

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Landed:
    """A file of the user's and where it is now. `already_there`: the same bytes were landed under that name before."""

    path: Path
    uri: str
    already_there: bool


def files_below(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file, and each file in the folders among `paths`, with the name that it lands under."""
    for path in paths:
        if path.is_dir():
            yield from ((found, str(found.relative_to(path.parent))) for found in sorted(path.rglob("*")) if found.is_file())
        else:
            yield path, path.name


def land(
    lake: Lake, source: str, paths: Iterable[Path], on_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[Landed]:
    """Copy files into `raw/<source>/<date>/…`, so that keys sort by time of landing. `on_bytes` hears of the progress."""
    for path, name in files_below(paths):
        at = now()
        key = f"{raw_prefix(source)}/{at:%Y-%m-%d}/{name}"
        there = lake.store.stat(key) is not None
        if there and _same_bytes(lake, key, path):
            on_bytes(path.stat().st_size)
            yield Landed(path, lake.store.uri(key), already_there=True)
            continue
        if there:
            key = f"{raw_prefix(source)}/{at:%Y-%m-%dT%H%M%S.%f}/{name}"
        with path.open("rb") as content:
            lake.store.write(key, cast(BinaryIO, _Counted(content, on_bytes)))
        yield Landed(path, lake.store.uri(key), already_there=False)


def _same_bytes(lake: Lake, key: str, path: Path) -> bool:
    with lake.store.open(key) as there, path.open("rb") as here:
        return _digest(there) == _digest(here)


def _digest(content: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while block := content.read(READ_BYTES):
        digest.update(block)
    return digest.digest()


class _Counted:
    """A reader that tells how many bytes were read."""

    def __init__(self, content: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        self.content, self.on_bytes = content, on_bytes

    def read(self, size: int = -1) -> bytes:
        data = self.content.read(size)
        self.on_bytes(len(data))
        return data
