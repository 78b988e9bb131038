"""Folders below a root, opened name by name: no symbolic link on the way is followed, also none that takes a folder's place
between two looks. What objects are, and how they are listed, is in `objects.py`.

The root itself may be a link: who runs the lake chose it.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

HELD_OPEN = 32
# Linux passes through folders that may be entered and not listed.
PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Whatever took the file's place: a pipe does not block.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Link(OSError):
    """A symbolic link is where a folder or file should be; `strerror` names it."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ELOOP, f"{path} is a symbolic link, and links are not followed")


def readable(name: str) -> str:
    """A name as text: bytes that are no UTF-8 become \\xNN."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


@contextmanager
def folder_of(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder `parts` below the root, for `dir_fd`. Raises `Link`, FileNotFoundError, NotADirectoryError."""
    at = os.open(root, PASS)
    try:
        for number, part in enumerate(parts, 1):
            if create:
                _make(at, part)
            inner = _entered(at, _named(at, part), PASS, "/".join(parts[:number]))
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def stat_of(root: Path, key: str) -> os.stat_result | None:
    """Of a regular file that is reached without any link; None where there is none."""
    *folders, name = key.split("/")
    try:
        with folder_of(root, folders) as at:
            found = os.stat(_named(at, name), dir_fd=at, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError, Link):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def open_file(root: Path, key: str) -> BinaryIO:
    """The file's bytes. Raises `Link` where it, or a folder on its way, is one."""
    *folders, name = key.split("/")
    with folder_of(root, folders) as at:
        actual = _named(at, name)
        try:
            file = os.open(actual, READ, dir_fd=at)
        except OSError as error:
            raise _named_link(error, at, actual, key) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(errno.ENOENT, "no regular file any more", key)
    return os.fdopen(file, "rb")


class Walk:
    """Keeps the folders open that were looked at last: each is then opened from the one above it, not from the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def folder(self, path: str) -> int:
        """A descriptor of this folder (named as the system does), open until others were asked for."""
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        above, _, name = path.rpartition("/")
        if not path:
            opened = os.open(self.root, LIST)
        elif above in self._open:
            opened = _entered(self._open[above], name, LIST, path)
        else:
            with folder_of(self.root, above.split("/") if above else ()) as at:
                opened = _entered(at, name, LIST, path)
        self._open[path] = opened
        if len(self._open) > HELD_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return opened


def _entered(at: int, name: str, flags: int, path: str) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=at)
    except OSError as error:
        raise _named_link(error, at, name, path) from None


def _named_link(error: OSError, at: int, name: str, path: str) -> OSError:
    """The same error, or which link it is about: systems say so in different ways."""
    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return error
    try:
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError:
        return error
    return Link(readable(path)) if stat.S_ISLNK(found.st_mode) else error


def _make(at: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=at)
    except FileExistsError:
        return


def _named(at: int, part: str) -> str:
    """The name in the folder that is shown as `part`: itself, except where a name is no UTF-8 and is shown as readable text."""
    if "\\x" not in part:
        return part
    try:
        os.stat(part, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        listed = os.open(".", LIST, dir_fd=at)
        try:
            with os.scandir(listed) as found:
                return next((entry.name for entry in found if readable(entry.name) == part), part)
        finally:
            os.close(listed)
    return part
