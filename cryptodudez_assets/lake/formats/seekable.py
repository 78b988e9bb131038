"""A content that is read from its beginning to its end, made into a file that can be sought in.

What is small is kept in memory; what is not goes to a file that has no name, and is gone when it is closed, or when the process
dies. How large it may be is bounded by who unpacks it (`archives.py`), and by the disk.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, Protocol, cast

IN_MEMORY_BYTES = 8 << 20
BLOCK_BYTES = 4 << 20
# So much of the disk is left to others.
LEFT_FREE_BYTES = 256 << 20


class Readable(Protocol):
    """Something that is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many."""


@contextmanager
def seekable(content: Readable, before: bytes = b"", in_memory_bytes: int = IN_MEMORY_BYTES) -> Iterator[BinaryIO]:
    """What was read `before` and all that is left of `content`, in a file at its beginning.

    Raises OSError where the disk has no room for it.
    """
    head = BytesIO()
    head.write(before)
    while head.tell() <= in_memory_bytes:
        block = content.read(BLOCK_BYTES)
        if not block:
            head.seek(0)
            yield head
            return
        head.write(block)
    with tempfile.TemporaryFile(prefix="cryptodudez-") as file:
        block = head.getvalue()
        head.close()
        while block:
            _insist_on_room(len(block))
            file.write(block)
            block = content.read(BLOCK_BYTES)
        file.seek(0)
        yield cast(BinaryIO, file)


def _insist_on_room(size: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free - size < LEFT_FREE_BYTES:
        told = f"only {free:,} bytes are free in {folder} to unpack a file: make room, or name another folder in TMPDIR"
        raise OSError(errno.ENOSPC, told)
