"""The one seam to where bytes are kept: a folder, or an object store through obstore.

Objects are named by keys relative to the lake's root (`raw/<source>/…`, `quarantine/<source>/…`), also where the raw zone lies elsewhere
(`raw_elsewhere.py`).
"""

import errno
import io
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import uuid4

from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.folders import Link, Walk, folder_of, open_file, readable, stat_of
from cryptodudez_assets.lake.store.moved import LOOK_SECONDS, Looks, unless_moved
from cryptodudez_assets.lake.store.raw_elsewhere import RawElsewhere
from cryptodudez_assets.lake.store.stored import WRITTEN, ObjectStore, StoredObject
from cryptodudez_assets.settings import Settings

COPY_BYTES = 1 << 20
BEHIND_SLASH = "0"  # the character behind "/": greater than whatever lies below a folder


def open_store(settings: Settings) -> ObjectStore:
    """The store that the settings name, with the raw zone wherever that is. Writing raises `HomeMoved` where the lake went elsewhere."""
    return _opened(settings, looks_of(settings))


def open_store_that_moves(settings: Settings) -> ObjectStore:
    """The same for whoever moves the lake."""
    return _opened(settings, None)


def looks_of(settings: Settings) -> Looks:
    """Whether the lake went elsewhere."""
    # What is handed to another process goes with the store: a method of one can be, a function that was made here could not.
    read = _store(settings.lake, settings, looks=None).read
    return Looks(settings.lake, read, counts_for=0.0 if settings.lake_is_local else LOOK_SECONDS)


def _opened(settings: Settings, looks: Looks | None) -> ObjectStore:
    lake = _store(settings.lake, settings, looks)
    if not settings.raw:
        return lake
    if not settings.raw_is_local:
        return RawElsewhere(lake, _store(settings.raw, settings, looks), "", settings.raw)
    # Links below a store's root are not followed, and to this one people may have one.
    folder = Path(settings.raw).resolve()
    return RawElsewhere(lake, FolderStore(folder.parent, looks), folder.name, settings.raw)


def _store(root: str, settings: Settings, looks: Looks | None) -> ObjectStore:
    return CloudStore(root, settings, looks) if "://" in root else FolderStore(Path(root), looks)


@lru_cache(maxsize=16)
def _once(root: str, options: tuple[tuple[str, str], ...], client: tuple[tuple[str, bool], ...]) -> Any:
    """obstore's store, once a process: opening one takes as long as a look at the catalog, and begins without connections."""
    from obstore.store import from_url

    return from_url(root, config=dict(options), client_options=dict(client))


class FolderStore:
    """A folder of this machine. Symbolic links below it are never followed: they could lead out of the lake."""

    is_remote = False

    def __init__(self, root: Path, looks: Looks | None = None) -> None:
        self.root, self.looks = root, looks

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def key(self, uri: str) -> str:
        return uri.removeprefix(f"{self.root}/")

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        try:
            with folder_of(self.root, prefix.split("/")):
                pass
        except FileNotFoundError:
            return
        except (Link, NotADirectoryError) as error:
            yield self._no_folder(prefix, error)
            return
        with Walk(self.root) as walk:
            yield from (found for found in self._walk(walk, prefix, after) if found.key > after)

    def _no_folder(self, prefix: str, error: OSError) -> StoredObject:
        key = prefix + "/"
        if isinstance(error, Link):
            told = f"symbolic link: {error.strerror}; put the files here, or name the folder in CRYPTODUDEZ_LAKE or CRYPTODUDEZ_RAW"
            return _odd(self.root / prefix, key, told, "link")
        return _odd(self.root / prefix, key, "this should be a folder, but is none")

    def _walk(self, walk: Walk, prefix: str, after: str) -> Iterator[StoredObject]:
        """What lies below `prefix`; folders are left out of which every key comes before `after`."""
        open_folders = [self._entries(walk, prefix, prefix)]  # a stack: folders may lie deeper than Python's calls can
        while open_folders:
            found = next(open_folders[-1], None)
            if found is None:
                open_folders.pop()
            elif isinstance(found, StoredObject):
                yield found
            elif f"{found[1]}{BEHIND_SLASH}" > after:
                open_folders.append(self._entries(walk, *found))

    def _entries(self, walk: Walk, path: str, prefix: str) -> Iterator[StoredObject | tuple[str, str]]:
        """What lies in a folder: objects, and folders, by their path and as they are shown."""
        try:
            entries = _sorted(walk.folder(path))
        except FileNotFoundError:
            return  # gone since its parent was listed
        except PermissionError:
            yield _odd(self.root / path, prefix + "/", "no permission to list this folder")
            return
        except Link:  # since its parent was listed
            yield _odd(self.root / path, prefix, "symbolic link", "link")
            return
        except OSError as error:
            yield _odd(self.root / path, prefix + "/", f"this folder cannot be listed: {error.strerror}")
            return
        if not entries and prefix.count("/") != 1:
            yield _odd(self.root / path, prefix + "/", "empty folder")
        for shown, name in entries:
            if shown.endswith("/"):
                yield f"{path}/{name}", f"{prefix}/{shown[:-1]}"
            elif found := _found(f"{prefix}/{shown}", walk, path, name):
                yield found

    def folders(self, prefix: str) -> Sequence[str]:
        try:
            with Walk(self.root) as walk, os.scandir(walk.folder(prefix)) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError, Link):
            return []

    def stat(self, key: str) -> StoredObject | None:
        found = stat_of(self.root, key)
        return _stored(key, found) if found else None

    def open(self, key: str) -> BinaryIO:
        return open_file(self.root, key)

    def read(self, key: str) -> bytes:
        with self.open(key) as content:
            return content.read()

    @unless_moved
    def write(self, key: str, content: BinaryIO) -> None:
        with self._beside(key, content) as (at, unfinished, name):
            os.replace(unfinished, name, src_dir_fd=at, dst_dir_fd=at)

    @unless_moved
    def create(self, key: str, content: bytes) -> None:
        with self._beside(key, io.BytesIO(content)) as (at, unfinished, name):
            os.link(unfinished, name, src_dir_fd=at, dst_dir_fd=at)

    @contextmanager
    def _beside(self, key: str, content: BinaryIO) -> Iterator[tuple[int, str, str]]:
        """The bytes on the disk under a name that goes: the folder's descriptor, that name, and the one that they are to get."""
        *folders, name = key.split("/")
        self.root.mkdir(parents=True, exist_ok=True)
        with folder_of(self.root, folders, create=True) as at:
            unfinished = f".{uuid4().hex}.part"  # short, whatever the length of the name
            try:
                created = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=at)
                with os.fdopen(created, "wb") as out:
                    shutil.copyfileobj(content, out, COPY_BYTES)
                    out.flush()
                    os.fsync(out.fileno())
                yield at, unfinished, name
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=at)

    @unless_moved
    def replace(self, prefix: str, parts: Iterable[tuple[str, BinaryIO]], last: str) -> None:
        above, _, name = prefix.rpartition("/")
        unfinished, old = (f"{above}/.{name}.{what}" for what in ("part", "old"))
        for left_by_a_kill in (unfinished, old):
            shutil.rmtree(self.root / left_by_a_kill, ignore_errors=True)
        for key, content in parts:
            self.write(f"{unfinished}/{key}", content)
        if (self.root / prefix).exists():
            (self.root / prefix).rename(self.root / old)
        (self.root / unfinished).rename(self.root / prefix)
        shutil.rmtree(self.root / old, ignore_errors=True)

    @unless_moved
    def delete(self, key: str) -> None:
        *folders, name = key.split("/")
        with suppress(FileNotFoundError), folder_of(self.root, folders) as at:
            os.unlink(name, dir_fd=at)


class CloudStore:
    """A bucket of S3, Google Cloud Storage or whatever else obstore opens. Credentials come from the environment."""

    is_remote = True

    def __init__(self, root: str, settings: Settings, looks: Looks | None = None) -> None:
        options, client = endpoints.for_obstore(settings, root)
        self.root, self.looks = root, looks
        self.store = _once(root, tuple(options.items()), tuple(client.items()))

    def uri(self, key: str) -> str:
        return f"{self.root}/{key}"

    def key(self, uri: str) -> str:
        return uri.removeprefix(f"{self.root}/")

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for page in self.store.list(f"{prefix}/" if prefix else None, offset=after or None):
            yield from (_from_cloud(meta) for meta in page)

    def folders(self, prefix: str) -> Sequence[str]:
        found = self.store.list_with_delimiter(f"{prefix}/" if prefix else None)["common_prefixes"]
        return sorted(one.rstrip("/").rpartition("/")[2] for one in found)

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

    def read(self, key: str) -> bytes:
        return bytes(self.store.get(key).bytes())

    @unless_moved
    def create(self, key: str, content: bytes) -> None:
        from obstore.exceptions import AlreadyExistsError

        try:
            self.store.put(key, content, mode="create", use_multipart=False)
        except AlreadyExistsError as error:
            raise FileExistsError(errno.EEXIST, "there is such an object already", self.uri(key)) from error

    @unless_moved
    def write(self, key: str, content: BinaryIO) -> None:
        from obstore import open_writer

        # Not `put(key, content)`: a content that is itself read from a store would deadlock in obstore's one event loop.
        writer = open_writer(self.store, key, buffer_size=8 * COPY_BYTES)
        shutil.copyfileobj(content, writer, COPY_BYTES)
        writer.close()  # only now is there an object; a writer that is dropped leaves none

    @unless_moved
    def replace(self, prefix: str, parts: Iterable[tuple[str, BinaryIO]], last: str) -> None:
        self.delete(f"{prefix}/{last}")
        before, written = {found.key for found in self.list(prefix)}, set[str]()
        for part, content in parts:
            key = f"{prefix}/{part}"
            if part == last:
                for gone in before - written:
                    self.delete(gone)
            self.write(key, content)
            written.add(key)

    @unless_moved
    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self.store.delete(key)


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


def _stored(key: str, found: os.stat_result) -> StoredObject:
    return StoredObject(key, found.st_size, _time(found), f"{found.st_mtime_ns}-{found.st_size}")


def _odd(path: Path, key: str, oddity: str, kind: str = "folder") -> StoredObject:
    try:
        modified = _time(path.lstat())
    except OSError:
        modified = datetime.min.replace(tzinfo=UTC)
    return StoredObject(key, 0, modified, kind, oddity)


def _sorted(folder: int) -> list[tuple[str, str]]:
    """The names in a folder, as they are shown and as the system has them. Folders end in a slash, and sort so: the walk is in
    key order, as in object stores."""
    with os.scandir(folder) as found:
        return sorted((readable(e.name) + "/" * e.is_dir(follow_symlinks=False), e.name) for e in found)


def _found(key: str, walk: Walk, folder: str, name: str) -> StoredObject | None:
    try:
        found = os.stat(name, dir_fd=walk.folder(folder), follow_symlinks=False)
    except (FileNotFoundError, Link, NotADirectoryError):
        return None  # gone since its folder was listed
    if stat.S_ISLNK(found.st_mode):
        return StoredObject(key, 0, _time(found), "link", "symbolic link")
    if not stat.S_ISREG(found.st_mode):
        return StoredObject(key, 0, _time(found), "special", "not a regular file (a pipe, socket or device)")
    return _stored(key, found)


def _time(found: os.stat_result) -> datetime:
    try:
        return datetime.fromtimestamp(found.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):  # somebody set a year that no calendar has
        return datetime.max.replace(tzinfo=UTC)
