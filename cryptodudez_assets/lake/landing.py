"""Bring files into the raw zone: what lies there is never overwritten, what is there already not landed again."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake import catalogue
from cryptodudez_assets.lake.lake import Lake, now, raw_prefix
from cryptodudez_assets.lake.objects import readable
from cryptodudez_assets.sources import all_sources

READ_BYTES = 1 << 20


class NotAFile(ValueError):
    """What is to land is a pipe or a device."""


@dataclass(frozen=True)
class Landed:
    """A file of the user's and where it is now. `already_there`: the same bytes were landed before."""

    path: Path
    uri: str
    already_there: bool


def files_below(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file, and each file in the folders among `paths`, with the name that it lands under."""
    for path in paths:
        if path.is_dir():
            below = path.resolve()  # "." has no name of its own
            found = (file for file in sorted(below.rglob("*")) if file.is_file())
            yield from ((file, file.relative_to(below.parent).as_posix()) for file in found)
        else:
            yield path, path.name


def left_below(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """What `files_below` leaves out of the folders among `paths`, with the reason."""
    for path in paths:
        if path.is_dir():
            refused: list[OSError] = []
            n_files = 0
            for folder, folders, names in os.walk(path, onerror=refused.append):
                links = [name for name in folders if Path(folder, name).is_symlink()]
                odd = [Path(folder, name) for name in sorted([*links, *names])]
                n_files += len(odd)
                yield from ((one, _oddity(one)) for one in odd if not one.is_file())
            yield from ((Path(str(error.filename)), str(error.strerror)) for error in refused)
            if not n_files and not refused:
                yield path, "no file in this folder"


def _oddity(path: Path) -> str:
    if path.is_symlink():
        return "a link to a folder" if path.is_dir() else "a link that leads nowhere"
    return "no regular file (a pipe, socket or device)"


def land(
    lake: Lake, source: str, paths: Iterable[Path], on_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[Landed]:
    """Copy files into `raw/<source>/<date>/…`, so that keys sort by time. `on_bytes` hears of the progress.

    Where the source reads the path of its files, a file keeps the folder that tells what it is.
    """
    tail_of = all_sources()[source].tail_of if source in all_sources() else lambda _: ""
    known = _catalogued(lake, source, tail_of)
    for path, name in files_below(paths):
        if not path.is_file():
            raise NotAFile(f"{path} is no regular file; it would have to be read twice: write it to a file first")
        name = readable(name)
        name = name if tail_of(name) else tail_of(path.resolve().as_posix()) or name
        digest = _digest(path)
        same = digest, tail_of(name)
        key, generation = known.get(same, ("", ""))
        here = lake.store.stat(key) if key else None
        there = here is not None and generation in here.generations
        if not there:
            key, there = _place(lake, source, name, digest)
        if there:
            on_bytes(path.stat().st_size)
        else:
            with path.open("rb") as content:
                lake.store.write(key, cast(BinaryIO, _Counted(content, on_bytes)))
        yield Landed(path, lake.store.uri(key), there)


def _catalogued(lake: Lake, source: str, tail_of: Callable[[str], str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Key and generation of the raw objects that the catalogue knows, by the hash of their bytes and what their path tells."""
    readable = pl.col("sha256").is_not_null() & ~pl.col("status").is_in([Status.UNREADABLE, Status.IGNORED])
    sharing = {source, *(name for name in all_sources() if raw_prefix(name) == raw_prefix(source))}
    known = pl.concat(catalogue.files_of(lake.tables, name) for name in sorted(sharing))
    objects = known.filter(pl.col("member").is_null(), readable)
    first_wins = objects.sort("discovered_at", descending=True).select("sha256", "uri", "generation").collect()
    return {
        (digest, tail_of(uri)): (lake.store.key(uri), generation) for digest, uri, generation in first_wins.iter_rows()
    }


def _place(lake: Lake, source: str, name: str, digest: str) -> tuple[str, bool]:
    """The key to land under, and whether the bytes are there. Where the name is taken it is told apart by the hash."""
    folder = f"{raw_prefix(source)}/{now():%Y-%m-%d}"
    for key in (f"{folder}/{name}", f"{folder}/{digest[:16]}/{name}"):
        if lake.store.stat(key) is None:
            return key, False
        with lake.store.open(key) as there:
            if _sha256(there) == digest:
                return key, True
    raise FileExistsError(f"{lake.store.uri(key)} should hold the bytes of {name}, but holds others")


def _digest(path: Path) -> str:
    with path.open("rb") as here:
        return _sha256(here)


def _sha256(content: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := content.read(READ_BYTES):
        digest.update(block)
    return digest.hexdigest()


class _Counted:
    """A reader that tells how many bytes were read."""

    def __init__(self, content: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        self.content, self.on_bytes = content, on_bytes

    def read(self, size: int = -1) -> bytes:
        data = self.content.read(size)
        self.on_bytes(len(data))
        return data
