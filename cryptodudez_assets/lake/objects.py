"""The one seam to where bytes are kept: a folder, or an object store through obstore.

Objects are named by keys relative to the lake's root (`raw/<source>/…`, `quarantine/<source>/…`).
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from cryptodudez_assets.settings import Settings

COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it. `generation` changes whenever the bytes may have changed.

    `oddity` says why it is not a file to be read: a symbolic link, an empty folder, a folder that may not be listed.
    """

    key: str
    size: int
    modified: datetime
    generation: str
    oddity: str | None = None


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

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        try:
            # A folder sorts as its name with a slash, so that the walk is in key order, as in object stores.
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name + "/" * entry.is_dir(follow_symlinks=False))
        except PermissionError:
            yield self._odd(folder, prefix + "/", "no permission to list this folder")
            return
        if not entries and prefix.count("/") != 1:
            yield self._odd(folder, prefix + "/", "empty folder")
        for entry in entries:
            key = f"{prefix}/{entry.name}"
            if entry.is_symlink():
                yield StoredObject(key, 0, _time(entry.stat(follow_symlinks=False)), "link", "symbolic link")
            elif entry.is_dir():
                yield from self._walk(Path(entry.path), key)
            else:
                yield _stored(key, entry.stat())

    def _odd(self, folder: Path, key: str, oddity: str) -> StoredObject:
        return StoredObject(key, 0, _time(folder.stat()), "folder", oddity)

    def stat(self, key: str) -> StoredObject | None:
        path = self.root / key
        return _stored(key, path.stat()) if path.is_file() and not path.is_symlink() else None

    def open(self, key: str) -> BinaryIO:
        return (self.root / key).open("rb")

    def write(self, key: str, content: BinaryIO) -> None:
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
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

        options = {}
        if settings.lake.startswith("s3://"):
            options = {"region": settings.s3_region}
            if settings.s3_endpoint:
                options |= {"endpoint": settings.s3_endpoint, "virtual_hosted_style_request": "false"}
        client = {"allow_http": settings.s3_endpoint.startswith("http://")}
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

        return cast(BinaryIO, open_reader(self.store, key, buffer_size=8 * COPY_BYTES))

    def write(self, key: str, content: BinaryIO) -> None:
        self.store.put(key, content)


def _from_cloud(meta: dict) -> StoredObject:  # type: ignore[type-arg]
    generation = meta["version"] or (meta["e_tag"] or "").strip('"') or f"{meta['last_modified']:%s}-{meta['size']}"
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], generation)


def _stored(key: str, stat: os.stat_result) -> StoredObject:
    return StoredObject(key, stat.st_size, _time(stat), f"{stat.st_mtime_ns}-{stat.st_size}")


def _time(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime, UTC)
