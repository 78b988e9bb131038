"""From a chunk of text to typed raw columns.

Clean chunks take the fast path: one strict, typed parse. Where anything in a chunk does not fit, its records are read one by
one, and the same converters decide about each value; so a row's fate never depends on its neighbours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from cryptodudez_assets.lake.formats.csv.chunks import Chunk
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.records import TOO_LONG, CsvRecord, places, records
from cryptodudez_assets.sources.declaration import Layout

KEPT_OF_RAW = 64 << 10
# Where something does not fit, so much around it is read with care.
CAREFUL_BYTES = 32 << 10
ROW = " row"  # the record's number, beside the raw columns: no name of theirs begins with a blank
EXTRA = " extra {}"  # an added column, by number: its own name may be anything
# A number that is not zero, but of which a float would hold 0, is written with so long an exponent, or so many zeros.
MANY_ZEROS = b"0" * 200
LONG_EXPONENTS = {letter: re.compile(rb"%b-[0-9]{3}" % letter) for letter in (b"e", b"E")}
# How it is known: there is another digit before the exponent.
NOT_ZERO = "^[^eE]*[1-9]"
# What Arrow takes for a whole number; a text may hold it, too, but for longer ones such as hashes.
HEXADECIMAL = re.compile(rb"0[xX][0-9a-fA-F]{1,16}(?![0-9a-fA-F])")
ARROW_TYPES = {pl.String: pa.string(), pl.Int64: pa.int64(), pl.Float64: pa.float64(), pl.Date: pa.date32()}


@dataclass(frozen=True)
class Reject:
    """A record that does not become a row: where it is, what it says, which rules it breaks."""

    file_row: int
    line: int
    raw: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class ChunkReader:
    """Reads chunks of one file: its dialect, its layout, and the added columns whose values are kept."""

    dialect: Dialect
    layout: Layout
    extra: Sequence[str] = ()
    careful_bytes: int = CAREFUL_BYTES

    def read(self, chunk: Chunk, first_row: int) -> "ParsedChunk":
        """Parse a chunk whose first record is the file's record number `first_row` (1 is the first)."""
        if chunk.long_line:
            return ParsedChunk(self, chunk, first_row, None, 1, (_reject_long_line(chunk, first_row),))
        parts = list(self._parts(chunk, first_row))
        table = pa.concat_tables([part.table for part in parts])
        added = [EXTRA.format(number) for number in range(len(self.extra))]
        table = table.rename_columns([*self.layout.columns, *added, ROW])
        rejects = tuple(reject for part in parts for reject in part.rejects)
        return ParsedChunk(self, chunk, first_row, table, sum(part.n_records for part in parts), rejects)

    def _parts(self, chunk: Chunk, first_row: int) -> Iterator["_Part"]:
        """Halve what does not pass the fast path, until little is left to be read with care."""
        table = self._fast(chunk)
        if table is not None:
            yield _Part(_with_rows(table, np.arange(first_row, first_row + len(table))), len(table), [])
        elif (halves := chunk.halves()) and len(chunk.data) > self.careful_bytes:
            for half in halves:
                for part in self._parts(half, first_row):
                    first_row += part.n_records
                    yield part
        else:
            yield self._careful(chunk, first_row)

    @cached_property
    def _types(self) -> dict[str, pa.DataType]:
        return {name: ARROW_TYPES[dtype] for name, dtype in self.layout.columns.items()} | dict.fromkeys(
            self.extra, pa.string()
        )

    def _fast(self, chunk: Chunk) -> pa.Table | None:
        data = chunk.data
        if not chunk.is_unambiguous or b"\0" in data:
            return None  # Arrow is laxer with these
        try:
            table = self._arrow(data, self._types)
        except pa.ArrowInvalid:
            return None
        if HEXADECIMAL.search(data) and any(map(_is_hexadecimal, self._whole_numbers(data).columns)):
            return None
        # Which of its zeros are none, only their text tells.
        return None if _may_underflow(data) and any(map(_has_zero, table.columns)) else table

    def _whole_numbers(self, data: bytes) -> pa.Table:
        """The columns of whole numbers, as text."""
        names = [name for name, dtype in self._types.items() if pa.types.is_integer(dtype)]
        return self._arrow(data, dict.fromkeys(names, pa.string())) if names else pa.table({})

    def _arrow(self, data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
        return pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(use_threads=False, block_size=max(len(data), 1) + 1, column_names=self.dialect.header),
            pacsv.ParseOptions(delimiter=self.dialect.delimiter, newlines_in_values=True),
            pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _careful(self, chunk: Chunk, first_row: int) -> "_Part":
        found = list(records(chunk.data, chunk.first_line, self.dialect.delimiter))
        width = len(self.dialect.header)
        position = {name: self.dialect.header.index(name) for name in self._types}
        binary = b"\0" in chunk.data
        rejects, good, rows = [], [], []
        for row, record in enumerate(found, first_row):
            if rules := _shape_rules(
                record, width, position, binary and b"\0" in chunk.data[record.start : record.end]
            ):
                rejects.append(_reject(row, record, chunk, rules))
            else:
                good.append(record)
                rows.append(row)
        columns, broken = {}, [[] for _ in good]  # type: ignore[var-annotated]
        for name, dtype in self._types.items():
            text = pa.array([record.fields[position[name]] or None for record in good], pa.string())
            columns[name], failed = _convert(text, dtype)
            for index, rule in failed:
                broken[index].append(f"{name}:{rule}")
        rejects += [
            _reject(row, record, chunk, rules) for row, record, rules in zip(rows, good, broken, strict=True) if rules
        ]
        keep = pa.array([not rules for rules in broken], pa.bool_())
        table = _with_rows(pa.table(columns), rows).filter(keep)
        return _Part(table, len(found), rejects)


@dataclass(frozen=True)
class ParsedChunk:
    """What became of one chunk: the typed rows (raw columns and `ROW`), and the records that are none."""

    reader: ChunkReader
    chunk: Chunk
    first_row: int
    table: pa.Table | None
    n_records: int
    rejects: tuple[Reject, ...]

    def has(self, row: int) -> bool:
        """Whether the record with this number lies in the chunk."""
        return self.first_row <= row < self.first_row + self.n_records

    def reject(self, broken: Mapping[int, Sequence[str]]) -> list[Reject]:
        """Look up the text of rows (by `file_row`) that turned out to break rules."""
        if not broken:
            return []
        found = places(self.chunk.data, self.chunk.first_line, self.reader.dialect.delimiter, self.n_records)
        return [_reject(row, found[row - self.first_row], self.chunk, rules) for row, rules in broken.items()]


class _Part(NamedTuple):
    table: pa.Table
    n_records: int
    rejects: list[Reject]


def _with_rows(table: pa.Table, rows: "Sequence[int] | np.ndarray[Any, Any]") -> pa.Table:
    return table.append_column(ROW, pa.array(rows, pa.int64()))


def _shape_rules(record: CsvRecord, width: int, position: dict[str, int], binary: bool) -> list[str]:
    if record.fault:
        return [f"record:{record.fault}"]
    if binary:
        return ["record:binary"]
    if len(record.fields) != width:
        return ["record:too_many_fields" if len(record.fields) > width else "record:too_few_fields"]
    return [f"{name}:encoding" for name, index in position.items() if not _is_unicode(record.fields[index])]


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _reject(row: int, record: CsvRecord, chunk: Chunk, rules: Sequence[str]) -> Reject:
    # Bytes that are no UTF-8 stay visible as \xNN.
    raw = (
        chunk.data[record.start : record.end]
        .removesuffix(b"\n")
        .removesuffix(b"\r")
        .decode("utf-8", "backslashreplace")
    )
    kept = raw if len(raw) <= KEPT_OF_RAW else f"{raw[:KEPT_OF_RAW]}… ({len(raw):,} characters)"
    return Reject(row, record.line, kept, tuple(rules))


def _reject_long_line(chunk: Chunk, row: int) -> Reject:
    beginning = chunk.data.decode("utf-8", "backslashreplace")
    return Reject(row, chunk.first_line, f"{beginning}… ({chunk.long_line:,} bytes)", (f"record:{TOO_LONG}",))


def _may_underflow(data: bytes) -> bool:
    # One pattern for all would take a hundred times as long: those that begin with a letter are looked for by that.
    long_exponent = any(letter in data and pattern.search(data) for letter, pattern in LONG_EXPONENTS.items())
    return long_exponent or MANY_ZEROS in data


def _is_hexadecimal(text: pa.Array | pa.ChunkedArray) -> bool:
    """Whether any is a number to the base of 16, which Arrow reads as a whole one though nobody means it."""
    return bool(pc.any(pc.match_substring(text, "0x", ignore_case=True)).as_py())


def _has_zero(column: pa.ChunkedArray) -> bool:
    return pa.types.is_floating(column.type) and bool(pc.any(pc.equal(column, 0.0)).as_py())


def _convert(text: pa.Array, dtype: pa.DataType) -> tuple[pa.Array, list[tuple[int, str]]]:
    """The values, null where the type cannot hold what is written, and the positions of those, each with the rule it breaks."""
    if pa.types.is_string(dtype):
        return text, []
    trimmed = pc.utf8_trim(text, " \t")
    pieces: list[pa.Array] = []
    failed: list[tuple[int, str]] = []
    pending = [(0, len(trimmed))]
    while pending:  # halve whatever does not convert until the single culprits are found
        start, end = pending.pop()
        piece = trimmed.slice(start, end - start)
        try:
            if pa.types.is_integer(dtype) and _is_hexadecimal(piece):
                raise pa.ArrowInvalid("to the base of 16")
            pieces.append(piece.cast(dtype))
        except pa.ArrowInvalid:
            if end - start == 1:
                failed.append((start, "type"))
                pieces.append(pa.nulls(1, dtype))
            else:
                middle = (start + end) // 2
                pending += [(middle, end), (start, middle)]
    values = pa.concat_arrays(pieces) if pieces else pa.array([], dtype)
    if pa.types.is_floating(dtype):
        zero = pc.and_(pc.equal(values, 0.0), pc.match_substring_regex(trimmed, NOT_ZERO))
        failed += [(index, "underflow") for index in pc.indices_nonzero(zero.fill_null(False)).to_pylist()]
    return values, failed
