"""Cut a text stream into chunks of whole records, in bounded memory, counting physical lines on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.headers import names_of
from cryptodudez_assets.lake.formats.csv.records import (
    MAX_RECORD_BYTES,
    TOO_LONG,
    first_record,
    is_unambiguous,
    records,
)
from cryptodudez_assets.lake.formats.text import utf8_blocks

CHUNK_BYTES = 8 << 20
KEPT_OF_LONG_LINE = 4 << 10


@dataclass(frozen=True)
class Chunk:
    """Whole records. `is_unambiguous`: their quotes leave no doubt about where fields end, so that any CSV reader may read them.

    A line too long to be read is a chunk of its own: `data` keeps its beginning, and `long_line` is its size in bytes.
    """

    first_line: int
    data: bytes
    is_unambiguous: bool = False
    long_line: int = 0

    def halves(self) -> "list[Chunk]":
        """Two unambiguous chunks that together are this one; none where it is ambiguous, or a single record."""
        end = _even_end(self.data, 0, len(self.data) // 2) if self.is_unambiguous else 0
        if not end:
            return []
        line = self.first_line + self.data.count(b"\n", 0, end)
        return [
            Chunk(self.first_line, self.data[:end], is_unambiguous=True),
            Chunk(line, self.data[end:], is_unambiguous=True),
        ]


def chunks(stream: BinaryIO | Text, dialect: Dialect, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """The records behind the header. Lines are counted from 1."""
    blocks = utf8_blocks(stream, dialect.encoding, chunk_bytes)
    pending, line = _behind_header(blocks, dialect)
    before = b""  # what was handed out: its lines are counted when more comes, and most files are one chunk
    for block in chain(blocks, [b""]):
        pending += block
        while pending:
            line, before = line + before.count(b"\n"), b""
            if _starts_with_long_line(pending):
                beginning = pending[:KEPT_OF_LONG_LINE]
                size, pending = _skip_line(pending, blocks)
                yield Chunk(line, beginning, long_line=size)
                line += 1
                continue
            end, plain = _whole_records(pending, dialect.delimiter, final=not block)
            if not end:
                break
            before = pending[:end]
            yield Chunk(line, before, plain)
            pending = pending[end:]


def _behind_header(blocks: Iterator[bytes], dialect: Dialect) -> tuple[bytes, int]:
    pending = b""
    for block in chain(blocks, [b""]):
        pending += block
        if header := first_record(pending, dialect.delimiter, final=not block):
            if dialect.may_lack_header and names_of(header, pending) != dialect.header:
                return pending, 1
            return pending[header.end :], 1 + pending.count(b"\n", 0, header.end)
    return b"", 1


def _whole_records(data: bytes, delimiter: str, final: bool) -> tuple[int, bool]:
    """Where the last record ends that more data cannot change, and whether all up to there is unambiguous."""
    end = _even_end(data, 0, len(data), final)
    if end and is_unambiguous(data[:end], delimiter) and _all_short(data, end):
        return end, True
    end = 0
    for record in records(data, 1, delimiter, final=final):
        if record.fault == TOO_LONG:
            return record.start, False  # a chunk of its own
        end = record.end
    return end, False


def _even_end(data: bytes, start: int, stop: int, final: bool = False) -> int:
    """End of the last line in `data[start:stop]` that closes as many quotes as were opened, `start` if there is none."""
    end = stop if final else data.rfind(b"\n", start, stop) + 1 or start
    first = data.find(b'"', start, end)
    quotes = data.count(b'"', first, end) if first >= 0 else 0
    while end > start and quotes % 2:
        before = data.rfind(b"\n", start, end - 1) + 1 or start
        quotes -= data.count(b'"', before, end)
        end = before
    return end


def _all_short(data: bytes, end: int) -> bool:
    """Whether no record of this unambiguous text is too long."""
    at = 0
    while end - at > MAX_RECORD_BYTES:
        step = _even_end(data, at, at + MAX_RECORD_BYTES)
        if step == at:
            return False
        at = step
    return True


def _starts_with_long_line(data: bytes) -> bool:
    return len(data) > MAX_RECORD_BYTES and data.find(b"\n", 0, MAX_RECORD_BYTES + 1) < 0


def _skip_line(data: bytes, blocks: Iterator[bytes]) -> tuple[int, bytes]:
    """Size of the line that `data` begins with, and what was read behind it."""
    size = 0
    while data:
        if end := data.find(b"\n") + 1:
            return size + end, data[end:]
        size += len(data)
        data = next(blocks, b"")
    return size, b""
