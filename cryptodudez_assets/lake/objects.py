"""The one seam to where bytes are kept: a folder, or an object store through obstore.

Objects are named by keys relative to the lake's root (`raw/<source>/…`, `quarantine/<source>/…`).
"""

import errno
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from uuid import uuid4

from cryptodudez_assets.lake import endpoints
from cryptodudez_assets.settings import Settings

COPY_BYTES = 1 << 20
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

    lists_after_key: bool

    def uri(self, key: str) -> str:
        """The object's full location, as people see it."""

    def key(self, uri: str) -> str:
        """The key of an object's full location."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Objects below `prefix` in key order, beginning behind the key `after`."""

    def stat(self, key: str) -> StoredObject | None:
        """The object as it is now, or None."""

    def open(self, key: str) -> BinaryIO:
        """A seekable reader of the object's bytes."""

    def write(self, key: str, content: BinaryIO) -> None:
        """Store the bytes under the key, whole or not at all."""


def open_store(settings: Settings) -> ObjectStore:
    """The store that the settings name."""
    return FolderStore(Path(settings.lake)) if settings.lake_is_local else CloudStore(settings)


class FolderStore:
    """A folder of this machine. Symbolic links are never followed: they could lead out of the lake."""

    lists_after_key = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def key(self, uri: str) -> str:
        return uri.removeprefix(f"{self.root}/")

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        folder = self.root / prefix
        if folder.is_dir():
            yield from (found for found in self._walk(folder, prefix) if found.key > after)
        elif os.path.lexists(folder):
            yield _odd(folder, prefix + "/", "this should be a folder, but is none")

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        open_folders = [self._entries(folder, prefix)]  # a stack: folders may lie deeper than Python's calls can
        while open_folders:
            found = next(open_folders[-1], None)
            if found is None:
                open_folders.pop()
            elif isinstance(found, StoredObject):
                yield found
            else:
                open_folders.append(self._entries(*found))

    def _entries(self, folder: Path, prefix: str) -> Iterator[StoredObject | tuple[Path, str]]:
        """What lies in a folder: objects, and folders with their prefix."""
        try:
            # A folder sorts as its name with a slash, so that the walk is in key order, as in object stores.
            named = ((readable(e.name) + "/" * e.is_dir(follow_symlinks=False), e) for e in os.scandir(folder))
            entries = sorted(named, key=itemgetter(0))
            if not entries and prefix.count("/") != 1:
                yield _odd(folder, prefix + "/", "empty folder")
        except FileNotFoundError:
            return  # gone since its parent was listed
        except PermissionError:
            yield _odd(folder, prefix + "/", "no permission to list this folder")
            return
        except OSError as error:
            yield _odd(folder, prefix + "/", f"this folder cannot be listed: {error.strerror}")
            return
        for name, entry in entries:
            if name.endswith("/"):
                yield Path(entry.path), f"{prefix}/{name[:-1]}"
            elif found := _found(f"{prefix}/{name}", entry):
                yield found

    def stat(self, key: str) -> StoredObject | None:
        path = self._path(key)
        return _stored(key, path.stat()) if path.is_file() and not path.is_symlink() else None

    def open(self, key: str) -> BinaryIO:
        return self._path(key).open("rb")

    def _path(self, key: str) -> Path:
        """Where the object lies: at its key, except where a name is no UTF-8 and the key shows it as readable text."""
        path = self.root / key
        if "\\x" in key and not path.exists():
            path = self.root
            for part in key.split("/"):
                path /= (
                    next((one.name for one in path.iterdir() if readable(one.name) == part), part)
                    if path.is_dir()
                    else part
                )
        return path

    def write(self, key: str, content: BinaryIO) -> None:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{uuid4().hex}.part")  # short, whatever the length of the name
        try:
            with unfinished.open("wb") as out:
                shutil.copyfileobj(content, out, COPY_BYTES)
                out.flush()
                os.fsync(out.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)


class CloudStore:
    """A bucket of S3, Google Cloud Storage or whatever else obstore opens. Credentials come from the environment."""

    lists_after_key = True

    def __init__(self, settings: Settings) -> None:
        from obstore.store import from_url

        options, client = endpoints.for_obstore(settings)
        self.root = settings.lake
        self.store = from_url(settings.lake, config=options, client_options=client)

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def key(self, uri: str) -> str:
        return uri.removeprefix(f"{self.root}/")

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for page in self.store.list(prefix + "/", offset=after or None):
            yield from (_from_cloud(meta) for meta in page)

    def stat(self, key: str) -> StoredObject | None:
        try:
            return _from_cloud(self.store.head(key))
        except FileNotFoundError:
            return None

    def open(self, key: str) -> BinaryIO:
        from obstore import open_reader

        return cast(
            BinaryIO,
            io.BufferedReader(_CloudFile(open_reader(self.store, key, buffer_size=8 * COPY_BYTES)), COPY_BYTES),
        )

    def write(self, key: str, content: BinaryIO) -> None:
        from obstore import open_writer

        # Not `put(key, content)`: a content that is itself read from a store would deadlock in obstore's one event loop.
        writer = open_writer(self.store, key, buffer_size=8 * COPY_BYTES)
        shutil.copyfileobj(content, writer, COPY_BYTES)
        writer.close()  # only now is there an object; a writer that is dropped leaves none


class _CloudFile(io.RawIOBase):
    """A reader of obstore's as a file of Python's. Its errors get a number, which tells them from a damaged archive's."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._reader.size}[whence]
        if position < 0:
            raise OSError(errno.EINVAL, "negative position")
        return int(self._reader.seek(position))

    def tell(self) -> int:
        return int(self._reader.tell())

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = memoryview(self._reader.read(len(buffer)))
        except OSError as error:
            raise OSError(error.errno or errno.EIO, str(error)) from error
        buffer[: len(data)] = data
        return len(data)


def _from_cloud(meta: dict) -> StoredObject:  # type: ignore[type-arg]
    """What a list and a head tell alike: not the version, which lists leave out, nor fractions of a second.

    The ETag changes with the bytes. The time tells bytes that come back after others from those that were there before.
    """
    e_tag = (meta["e_tag"] or "").removeprefix("W/").strip('"')
    seconds = int(meta["last_modified"].timestamp())
    generation = f"{e_tag}{WRITTEN}{seconds}" if e_tag else f"{seconds}-{meta['size']}"
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], generation)


def _stored(key: str, stat: os.stat_result) -> StoredObject:
    return StoredObject(key, stat.st_size, _time(stat), f"{stat.st_mtime_ns}-{stat.st_size}")


def _odd(folder: Path, key: str, oddity: str) -> StoredObject:
    try:
        modified = _time(folder.stat())
    except OSError:
        modified = datetime.min.replace(tzinfo=UTC)
    return StoredObject(key, 0, modified, "folder", oddity)


def _found(key: str, entry: os.DirEntry[str]) -> StoredObject | None:
    try:
        stat = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # gone since its folder was listed
    if entry.is_symlink():
        return StoredObject(key, 0, _time(stat), "link", "symbolic link")
    if not entry.is_file(follow_symlinks=False):
        return StoredObject(key, 0, _time(stat), "special", "not a regular file (a pipe, socket or device)")
    return _stored(key, stat)


def readable(name: str) -> str:
    """A name as text: bytes that are no UTF-8 become \\xNN."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _time(stat: os.stat_result) -> datetime:
    try:
        return datetime.fromtimestamp(stat.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):  # somebody set a year that no calendar has
        return datetime.max.replace(tzinfo=UTC)
