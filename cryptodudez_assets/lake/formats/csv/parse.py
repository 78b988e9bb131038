"""From a chunk of text to typed raw columns.

Clean chunks take the fast path: one strict, typed parse. Where anything in a chunk does not fit, its records are read one by
one, and the same converters decide about each value; so a row's fate never depends on its neighbours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, ClassVar, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.lake.formats.csv.chunks import Chunk, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.records import TOO_LONG, CsvRecord, places, records
from cryptodudez_assets.lake.formats.csv.spelling import CsvSpelling
from cryptodudez_assets.lake.formats.faults import blaming
from cryptodudez_assets.lake.formats.reader import ARROW_TYPES, EXTRA, ROW, ParsedChunk, Reject, kept
from cryptodudez_assets.lake.formats.values import convert, is_hexadecimal
from cryptodudez_assets.sources.declaration import Layout

# Where something does not fit, so much around it is read with care.
CAREFUL_BYTES = 32 << 10
# A number that is not zero, but of which a float would hold 0, is written with so long an exponent, or so many zeros.
MANY_ZEROS = b"0" * 200
LONG_EXPONENTS = {letter: re.compile(rb"%b-[0-9]{3}" % letter) for letter in (b"e", b"E")}
# What Arrow takes for a whole number; a text may hold it, too, but for longer ones such as hashes.
HEXADECIMAL = re.compile(rb"0[xX][0-9a-fA-F]{1,16}(?![0-9a-fA-F])")


@dataclass(frozen=True)
class ChunkReader:
    """Reads chunks of one file: its dialect, its layout, and whether the values of added columns are kept."""

    dialect: Dialect
    layout: Layout
    keeps_extra: bool = False
    careful_bytes: int = CAREFUL_BYTES
    tells_empty: ClassVar[bool] = False

    @cached_property
    def spelling(self) -> CsvSpelling:
        """How its records are written."""
        return CsvSpelling(self.dialect)

    def chunks(self, text: BinaryIO | Text) -> Iterator[ParsedChunk]:
        """All records of the file."""
        row = 1
        for chunk in chunks(text, self.dialect):
            with blaming(f"the records from line {chunk.first_line} on cannot be read"):
                parsed = self.read(chunk, row)
            row += parsed.n_records
            yield parsed

    def read(self, chunk: Chunk, first_row: int) -> "ParsedChunk":
        """Parse a chunk whose first record is the file's record number `first_row` (1 is the first)."""
        if chunk.long_line:
            return self._parsed(chunk, first_row, 1, None, [_reject_long_line(chunk, first_row)])
        parts = list(self._parts(chunk, first_row))
        table = self._as_laid_out(pa.concat_tables([part.table for part in parts]))
        rejects = [reject for part in parts for reject in part.rejects]
        return self._parsed(chunk, first_row, sum(part.n_records for part in parts), table, rejects)

    def _parsed(
        self, chunk: Chunk, first_row: int, n_records: int, table: pa.Table | None, rejects: Sequence[Reject]
    ) -> ParsedChunk:
        def find(broken: Mapping[int, Sequence[str]]) -> list[Reject]:
            found = places(chunk.data, chunk.first_line, self.dialect.delimiter, n_records)
            return [_reject(row, found[row - first_row], chunk, rules) for row, rules in broken.items()]

        return ParsedChunk(self, first_row, n_records, len(chunk.data), table, rejects, find)

    def _as_laid_out(self, table: pa.Table) -> pa.Table:
        """The columns in the order of the layout, null where the file lacks an optional one; what was added in one column."""
        rows = table.column(table.num_columns - 1)
        columns = {
            name: table[name] if name in self._types else pa.nulls(len(table), ARROW_TYPES[dtype])
            for name, dtype in self.layout.columns.items()
        }
        if self.keeps_extra:
            columns[EXTRA] = _as_json(table.select(self._added)) if self._added else pa.nulls(len(table), pa.string())
        return pa.table({**columns, ROW: rows})

    @cached_property
    def _added(self) -> list[str]:
        return self.layout.added_in(self.dialect.header) if self.keeps_extra else []

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
        present = {
            name: ARROW_TYPES[dtype] for name, dtype in self.layout.columns.items() if name in self.dialect.header
        }
        return present | dict.fromkeys(self._added, pa.string())

    def _fast(self, chunk: Chunk) -> pa.Table | None:
        data = chunk.data
        if not chunk.is_unambiguous or b"\0" in data:
            return None  # Arrow is laxer with these
        try:
            table = self._arrow(data, self._fast_types)
        except pa.ArrowInvalid:
            return None
        if HEXADECIMAL.search(data) and any(map(is_hexadecimal, self._whole_numbers(data).columns)):
            return None
        # Which of its zeros are none, only their text tells.
        return None if _may_underflow(data) and any(map(_has_zero, table.columns)) else self._with_decimals(table)

    @cached_property
    def _decimals(self) -> dict[str, pa.DataType]:
        return {name: dtype for name, dtype in self._types.items() if pa.types.is_decimal(dtype)}

    @cached_property
    def _fast_types(self) -> dict[str, pa.DataType]:
        """The types in which Arrow reads columns. Of decimals with more digits than it can hold it makes other numbers."""
        return self._types | dict.fromkeys(self._decimals, pa.string())

    def _with_decimals(self, table: pa.Table) -> pa.Table | None:
        for name, dtype in self._decimals.items():
            made, failed = convert(table[name].combine_chunks(), dtype)
            if failed:
                return None
            table = table.set_column(table.schema.get_field_index(name), name, made)
        return table

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
            columns[name], failed = convert(text, dtype)
            for index, rule in failed:
                broken[index].append(f"{name}:{rule}")
        rejects += [
            _reject(row, record, chunk, rules) for row, record, rules in zip(rows, good, broken, strict=True) if rules
        ]
        keep = pa.array([not rules for rules in broken], pa.bool_())
        table = _with_rows(pa.table(columns), rows).filter(keep)
        return _Part(table, len(found), rejects)


class _Part(NamedTuple):
    table: pa.Table
    n_records: int
    rejects: list[Reject]


def _as_json(table: pa.Table) -> pa.Array:
    names = [str(number) for number in range(table.num_columns)]  # Polars gives a column without a name one
    rows = pl.DataFrame(pl.from_arrow(table.rename_columns(names)))
    fields = [pl.col(number).alias(name) for number, name in zip(names, table.column_names, strict=True)]
    return rows.select(pl.struct(fields).struct.json_encode()).to_series().to_arrow().cast(pa.string())


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
    return Reject(row, record.line, kept(raw), tuple(rules))


def _reject_long_line(chunk: Chunk, row: int) -> Reject:
    beginning = chunk.data.decode("utf-8", "backslashreplace")
    return Reject(row, chunk.first_line, f"{beginning}… ({chunk.long_line:,} bytes)", (f"record:{TOO_LONG}",))


def _may_underflow(data: bytes) -> bool:
    # One pattern for all would take a hundred times as long: those that begin with a letter are looked for by that.
    long_exponent = any(letter in data and pattern.search(data) for letter, pattern in LONG_EXPONENTS.items())
    return long_exponent or MANY_ZEROS in data


def _has_zero(column: pa.ChunkedArray) -> bool:
    return pa.types.is_floating(column.type) and bool(pc.any(pc.equal(column, 0.0)).as_py())
