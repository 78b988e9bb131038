"""Cut a text stream into chunks of whole records, in bounded memory, counting physical lines on the way."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 8 << 20
# A record may span chunks only up to here; a longer one is set aside with its beginning.
MAX_RECORD_BYTES = 16 << 20
KEPT_OF_LONG_RECORD = 4 << 10


@dataclass(frozen=True)
class Chunk:
    """Whole records. `oversized` marks a single record too long to be read, of which `data` keeps the beginning."""

    first_line: int
    data: bytes
    oversized: bool = False


def chunks(stream: BinaryIO, encoding: str, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """The records behind the header. Lines are counted from 1, the header's."""
    blocks = _utf8_blocks(stream, encoding, chunk_bytes)
    pending, line = _skip_header(blocks)
    for block in blocks:
        pending += block
        cut = _last_record_end(pending)
        if not cut and len(pending) < MAX_RECORD_BYTES:
            continue
        # Where no record ends although much was read, a quote is astray: cut at a line, the record reader finds its feet.
        cut = cut or pending.rfind(b"\n") + 1
        if cut:
            yield Chunk(line, pending[:cut])
            line += pending.count(b"\n", 0, cut)
            pending = pending[cut:]
        else:
            yield Chunk(line, pending[:KEPT_OF_LONG_RECORD], oversized=True)
            line += 1
            pending = _skip_line(blocks)
    if pending:
        yield Chunk(line, pending)


def _utf8_blocks(stream: BinaryIO, encoding: str, size: int) -> Iterator[bytes]:
    first = True
    decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding.startswith("utf-16") else None
    while block := stream.read(size):
        block = bytes(block)
        text = decoder.decode(block).encode() if decoder else block
        yield text.removeprefix(codecs.BOM_UTF8) if first else text
        first = False


def _skip_header(blocks: Iterator[bytes]) -> tuple[bytes, int]:
    pending, line = b"", 1
    for block in blocks:
        pending += block
        while end := pending.find(b"\n") + 1:
            header, pending, line = pending[:end], pending[end:], line + 1
            if header.strip():
                return pending, line
    return b"", line


def _skip_line(blocks: Iterator[bytes]) -> bytes:
    for block in blocks:
        if end := block.find(b"\n") + 1:
            return block[end:]
    return b""


def _last_record_end(data: bytes) -> int:
    """End of the last line that closes as many quotes as were opened, 0 if there is none."""
    end = data.rfind(b"\n") + 1
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end
