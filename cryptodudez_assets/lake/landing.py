"""Bring files into the raw zone: what lies there is never overwritten, what is there already not landed again.

Unless its name has held other bytes since: then they land again, under a key of their own, since they are the newest version.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.standing import landed_name
from cryptodudez_assets.lake.store.folders import readable
from cryptodudez_assets.lake.store.stored import StoredObject

READ_BYTES = 1 << 20
# How finely stores tell the time at which an object was written.
LOCAL_TICK_SECONDS, CLOUD_TICK_SECONDS = 0.02, 1.1
LATER = datetime.max.replace(tzinfo=UTC)  # than all that was discovered


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
    tail_of = lake.sources[source].tail_of if source in lake.sources else lambda _: ""
    known = _catalogued(lake, source, tail_of)
    for path, name in files_below(paths):
        if not path.is_file():
            raise NotAFile(f"{path} is no regular file; it would have to be read twice: write it to a file first")
        name = readable(name)
        name = name if tail_of(name) else tail_of(path.resolve().as_posix()) or name
        digest = _digest(path)
        key, generation = known.get((digest, tail_of(name)), ("", ""))
        here = lake.store.stat(key) if key else None
        there = here is not None and generation in here.generations
        if not there:
            key, there = _place(lake, source, name, digest)
        if there and (newer := _newer_version(lake, source, name, digest)):
            key, there = _free_place(lake, source, name, digest), False
            _let_time_pass(lake, newer)
        if there:
            on_bytes(path.stat().st_size)
        else:
            with path.open("rb") as content:
                lake.store.write(key, cast(BinaryIO, _Counted(content, on_bytes)))
        yield Landed(path, lake.store.uri(key), there)


def _catalogued(lake: Lake, source: str, tail_of: Callable[[str], str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Key and generation of the raw objects that the catalogue knows, by the hash of their bytes and what their path tells."""
    readable = pl.col("sha256").is_not_null() & ~pl.col("status").is_in([Status.UNREADABLE, Status.IGNORED])
    sharing = {source, *(name for name in lake.sources if lake.raw_folder(name) == lake.raw_folder(source))}
    known = pl.concat(file_entries.files_of(lake.tables, name) for name in sorted(sharing))
    objects = known.filter(pl.col("member").is_null(), readable)
    first_wins = objects.sort("discovered_at", descending=True).select("sha256", "uri", "generation").collect()
    return {
        (digest, tail_of(uri)): (lake.store.key(uri), generation) for digest, uri, generation in first_wins.iter_rows()
    }


def _place(lake: Lake, source: str, name: str, digest: str) -> tuple[str, bool]:
    """The key to land under, and whether the bytes are there. Where the name is taken it is told apart by the hash."""
    folder = f"{lake.raw_folder(source)}/{now():%Y-%m-%d}"
    version: StoredObject | None = None
    for key in (f"{folder}/{name}", f"{folder}/{digest[:16]}/{name}"):
        found = lake.store.stat(key)
        if found is None:
            if version:
                _let_time_pass(lake, version)
            return key, False
        version = found
        if _has_bytes(lake, key, digest):
            return key, True
    raise FileExistsError(f"{lake.store.uri(key)} should hold the bytes of {name}, but holds others")


def _free_place(lake: Lake, source: str, name: str, digest: str) -> str:
    """A key for bytes that lie under the usual ones already."""
    folder = f"{lake.raw_folder(source)}/{now():%Y-%m-%d}/{digest[:16]}"
    folders = chain([folder], (f"{folder}-{number}" for number in count(2)))
    return next(key for key in (f"{one}/{name}" for one in folders) if lake.store.stat(key) is None)


def _newer_version(lake: Lake, source: str, name: str, digest: str) -> StoredObject | None:
    """The newest of the versions that lie under this name, if it has other bytes than these."""
    versions = [
        found for found in lake.store.list(lake.raw_folder(source)) if landed_name(lake, found.key, source) == name
    ]
    landed = _when_discovered(lake, source, versions)
    times = [(_landed(landed, lake.store.uri(one.key), one), one.modified) for one in versions]
    newest = [one for one, at in zip(versions, times, strict=True) if at == max(times)]
    return None if any(_has_bytes(lake, one.key, digest) for one in newest) else next(iter(newest), None)


def _let_time_pass(lake: Lake, version: StoredObject) -> None:
    """So that the store's times tell that what lands now is later."""
    until = version.modified + timedelta(
        seconds=LOCAL_TICK_SECONDS if lake.settings.raw_is_local else CLOUD_TICK_SECONDS
    )
    time.sleep(min(CLOUD_TICK_SECONDS, max(0.0, (until - now()).total_seconds())))


def _landed(discovered: Mapping[tuple[str, str], datetime], uri: str, version: StoredObject) -> datetime:
    return min((discovered.get((uri, generation), LATER) for generation in version.generations), default=LATER)


def _when_discovered(lake: Lake, source: str, versions: list[StoredObject]) -> dict[tuple[str, str], datetime]:
    uris = [lake.store.uri(one.key) for one in versions]
    found = file_entries.files_of(lake.tables, source).filter(pl.col("uri").is_in(uris), pl.col("member").is_null())
    rows = found.select("uri", "generation", "discovered_at").collect()
    return {(uri, generation): at for uri, generation, at in rows.iter_rows()}


def _has_bytes(lake: Lake, key: str, digest: str) -> bool:
    with lake.store.open(key) as there:
        return _sha256(there) == digest


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
