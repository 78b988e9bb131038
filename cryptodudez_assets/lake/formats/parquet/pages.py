"""How large the pages of a row group are, which its footer does not tell: a page is unpacked whole, so they bound what memory it takes.

Before each page stands a header, in Thrift's compact protocol. Two numbers of it are read, the rest is skipped.
"""

from collections.abc import Iterator
from typing import BinaryIO

HEADER_BYTES, LONG_HEADER_BYTES = 512, 1 << 20
UNPACKED, PACKED = 2, 3  # the fields of a page's header that tell its sizes
MAX_DEPTH = 8


def page_sizes(content: BinaryIO, start: int, size: int) -> Iterator[int]:
    """What each page between two places takes in memory, packed and unpacked, in bytes.

    Ends where no header is: what reads the pages ends there, too, or says that they are damaged.
    """
    at, end = start, start + size
    while at < end:
        header = _header(content, at)
        if header is None:
            return
        length, unpacked, packed = header
        if unpacked < 0 or packed < 0:
            return
        yield unpacked + packed
        at += length + packed


def _header(content: BinaryIO, at: int) -> tuple[int, int, int] | None:
    """How long the header is, and what it says of the page: its size unpacked and packed."""
    for length in (HEADER_BYTES, LONG_HEADER_BYTES):
        content.seek(at)
        data = content.read(length)
        compact = _Compact(data)
        try:
            told = compact.numbers()
        except (IndexError, ValueError):  # cut off here, or no header
            if len(data) < length:
                return None
            continue
        return (compact.at, told[UNPACKED], told[PACKED]) if UNPACKED in told and PACKED in told else None
    return None


class _Compact:
    """Reads a struct. Raises IndexError where the data end, ValueError for what is no struct."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def numbers(self, depth: int = 0) -> dict[int, int]:
        """The whole numbers among the fields, by the field's number."""
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
        found: dict[int, int] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if kind in (4, 5, 6):
                found[field] = self._signed()
            else:
                self._skip(kind, depth)
        return found

    def _skip(self, kind: int, depth: int) -> None:
        if kind in (1, 2):  # a truth is told by its kind
            return
        if kind in (3, 7):
            self._pass(1 if kind == 3 else 8)
        elif kind in (4, 5, 6):
            self._signed()
        elif kind == 8:
            self._pass(self._unsigned())
        elif kind in (9, 10):
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._unsigned()):
                self._skip(head & 15 if head & 15 > 2 else 3, depth)
        elif kind == 12:
            self.numbers(depth + 1)
        else:
            raise ValueError(f"no kind {kind}")

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("no number is so long")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
