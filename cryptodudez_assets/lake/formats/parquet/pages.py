"""How large the pages of a row group are, which its footer does not tell: a page is unpacked whole, so they bound what memory it takes."""

from collections.abc import Iterator
from typing import BinaryIO

from cryptodudez_assets.lake.formats.parquet.thrift import Compact

HEADER_BYTES, LONG_HEADER_BYTES = 512, 1 << 20
UNPACKED, PACKED = 2, 3  # the fields of a page's header that tell its sizes


def page_sizes(content: BinaryIO, start: int, size: int) -> Iterator[int]:
    """What each page between two places takes in memory, packed and unpacked, in bytes.

    Ends where no header is: what reads the pages ends there, too, or says that they are damaged.
    """
    at, end = start, start + size
    while at < end:
        header = _header(content, at)
        if header is None or header[1] < 0 or header[2] < 0:
            return
        length, unpacked, packed = header
        yield unpacked + packed
        at += length + packed


def _header(content: BinaryIO, at: int) -> tuple[int, int, int] | None:
    """How long the header is, and what it says of the page: its size unpacked and packed."""
    for length in (HEADER_BYTES, LONG_HEADER_BYTES):
        content.seek(at)
        data = content.read(length)
        compact = Compact(data)
        try:
            told = compact.struct()
        except (IndexError, ValueError):  # cut off here, or no header
            if len(data) < length:
                return None
            continue
        sizes = told.get(UNPACKED), told.get(PACKED)
        return (compact.at, *sizes) if all(isinstance(one, int) for one in sizes) else None  # type: ignore[return-value]
    return None
