"""JSON lines: a record on each line, read in chunks of whole lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import BinaryIO, ClassVar, NamedTuple

from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.lake.formats.faults import blaming
from cryptodudez_assets.lake.formats.json.records import Found, RecordReader, reject
from cryptodudez_assets.lake.formats.json.spelling import MAX_LINE_BYTES, JsonSpelling
from cryptodudez_assets.lake.formats.reader import ParsedChunk, Reject
from cryptodudez_assets.lake.formats.text import utf8_blocks
from cryptodudez_assets.sources.declaration import Layout

CHUNK_BYTES = 4 << 20
KEPT_OF_LONG_LINE = 4 << 10
BLANK = b" \t\r"


class Lines(NamedTuple):
    """Whole lines. A line too long to be held is alone: `data` is its beginning, `long_line` its size in bytes."""

    first_line: int
    data: bytes
    long_line: int = 0


@dataclass(frozen=True)
class LineReader:
    """Reads a file of which each line is a record; blank lines are none."""

    layout: Layout
    keeps_extra: bool
    encoding: str
    chunk_bytes: int = CHUNK_BYTES
    tells_empty: ClassVar[bool] = True

    @cached_property
    def records(self) -> RecordReader:
        """Reads the records themselves."""
        return RecordReader(self.layout, self.keeps_extra, {})

    @property
    def spelling(self) -> JsonSpelling:
        """How its records are written."""
        return self.records.spelling

    def chunks(self, text: BinaryIO | Text) -> Iterator[ParsedChunk]:
        """All records of the file."""
        row = 1
        for lines in whole_lines(utf8_blocks(text, self.encoding, self.chunk_bytes)):
            with blaming(f"the records from line {lines.first_line} on cannot be read"):
                parsed = self._parsed(lines, row)
            row += parsed.n_records
            yield parsed

    def _parsed(self, lines: Lines, first_row: int) -> ParsedChunk:
        found = list(records_of(lines))
        typed = self.records.read(found, first_row)

        def find(broken: Mapping[int, Sequence[str]]) -> list[Reject]:
            again = list(records_of(lines))
            return [reject(again[row - first_row], row, rules) for row, rules in broken.items()]

        return ParsedChunk(self, first_row, len(found), len(lines.data), typed.table, typed.rejects, find)


def whole_lines(blocks: Iterator[bytes]) -> Iterator[Lines]:
    """The lines, in portions of about a block. They are counted from 1."""
    line, parts, size = 1, list[bytes](), 0
    for block in chain(blocks, [b""]):
        end = block.rfind(b"\n") + 1 if block else 0
        if block and not end:
            parts, size = _held([*parts, block], size + len(block))
            continue
        data = b"".join([*parts, block[:end]])
        begun = size + block.find(b"\n") if end else size
        if begun > MAX_LINE_BYTES:
            yield Lines(line, data[:KEPT_OF_LONG_LINE], begun)
            line += 1
            data = block[block.find(b"\n") + 1 : end] if end else b""
        if data:
            yield Lines(line, data)
            line += data.count(b"\n")
        parts, size = [block[end:]], len(block) - end


def _held(parts: list[bytes], size: int) -> tuple[list[bytes], int]:
    """Of a line that grows too long only the beginning is kept."""
    return ([b"".join(parts)[:KEPT_OF_LONG_LINE]] if size > MAX_LINE_BYTES else parts), size


def records_of(lines: Lines) -> Iterator[Found]:
    """Each line that is not blank."""
    if lines.long_line:
        yield _too_long(lines.data, lines.long_line, lines.first_line)
        return
    for number, line in enumerate(lines.data.split(b"\n"), lines.first_line):
        if not (record := line.strip(BLANK)):
            continue
        if len(line) > MAX_LINE_BYTES:
            yield _too_long(line[:KEPT_OF_LONG_LINE], len(line), number)
            continue
        try:
            yield Found(record.decode(), number)
        except UnicodeDecodeError:
            # Bytes that are no UTF-8 stay visible as \xNN.
            yield Found(record.decode("utf-8", "backslashreplace"), number, fault="encoding")


def _too_long(beginning: bytes, size: int, line: int) -> Found:
    return Found(f"{beginning.decode('utf-8', 'backslashreplace')}… ({size:,} bytes)", line, fault="too_long")
