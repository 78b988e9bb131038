"""Which process opened which file, as the system tells it: whatever language and library it was done by."""

import ctypes
import errno
import os
import struct
from collections import defaultdict
from pathlib import Path

import pytest

EVENT = struct.Struct("=IBBHQii")
"""Its length, version, a reserved byte, the length of this, what happened, a descriptor of the file, the process."""
AT_ONCE_BYTES = 200 * EVENT.size  # an event holds a descriptor
# The system's constants (`linux/fanotify.h`).
CLOSE_ON_EXEC, DO_NOT_WAIT, HOWEVER_MANY = 0x1, 0x2, 0x10
ADD, WHOLE_FILE_SYSTEM, OPENED, HERE = 0x1, 0x100, 0x20, -100
DELETED = " (deleted)"


class OpenedFiles:
    """What is opened below a folder from now on, by this process and any other. Skips the test where the system does not tell."""

    def __init__(self, folder: Path) -> None:
        self._folder, system = str(folder), ctypes.CDLL(None, use_errno=True)
        self._events = system.fanotify_init(CLOSE_ON_EXEC | DO_NOT_WAIT | HOWEVER_MANY, os.O_RDONLY | os.O_CLOEXEC)
        at = os.fsencode(folder)
        if self._events < 0 or system.fanotify_mark(
            self._events, ADD | WHOLE_FILE_SYSTEM, ctypes.c_uint64(OPENED), HERE, at
        ):
            said = errno.errorcode.get(ctypes.get_errno(), "?")
            pytest.skip(f"the system does not tell which process opens a file: fanotify needs Linux and root ({said})")

    def take(self) -> dict[int, set[str]]:
        """Files that were opened since the last time, by process, relative to the folder."""
        found: dict[int, set[str]] = defaultdict(set)
        while events := self._read():
            for _, _, _, _, _, file, process in EVENT.iter_unpack(events):
                path = str(Path(f"/proc/self/fd/{file}").readlink()).removesuffix(DELETED)
                os.close(file)
                if path.startswith(f"{self._folder}/"):
                    found[process].add(path.removeprefix(f"{self._folder}/"))
        return found

    def close(self) -> None:
        """Be told no more."""
        os.close(self._events)

    def _read(self) -> bytes:
        try:
            return os.read(self._events, AT_ONCE_BYTES)
        except BlockingIOError:
            return b""
