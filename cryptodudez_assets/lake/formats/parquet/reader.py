"""From a Parquet file to typed raw columns: each row that fits as it is declared, each other one told with what it breaks."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import pyarrow as pa
import pyarrow.compute as pc

from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.lake.formats.faults import blaming
from cryptodudez_assets.lake.formats.forms import TEXT_SHOWN
from cryptodudez_assets.lake.formats.forms import shown as quoted
from cryptodudez_assets.lake.formats.json.fields import any_within, unknown_in
from cryptodudez_assets.lake.formats.parquet.batches import (
    BATCH_BYTES,
    MAX_ROW_BYTES,
    Batch,
    batches,
    column_of,
    weight,
)
from cryptodudez_assets.lake.formats.parquet.footer import read_footer
from cryptodudez_assets.lake.formats.parquet.values import (
    as_json,
    beginning_as_json,
    fitted,
    record_as_json,
    shown,
)
from cryptodudez_assets.lake.formats.reader import ARROW_TYPES, EXTRA, ROW, ParsedChunk, Reject, kept
from cryptodudez_assets.lake.formats.seekable import seekable
from cryptodudez_assets.sources.declaration import Layout

Broken = Mapping[int, Sequence[str]]


@dataclass(frozen=True)
class ParquetReader:
    """Reads a file that has these columns (those in structures by path)."""

    names: tuple[str, ...]
    layout: Layout
    keeps_extra: bool
    batch_bytes: int = BATCH_BYTES
    tells_empty = True

    @property
    def spelling(self) -> "JsonRecord":
        """How its records are shown."""
        return JsonRecord()

    def chunks(self, text: Text) -> Iterator[ParsedChunk]:
        """All rows, in batches. The file is copied first: what is read, in whatever order, are the bytes that were hashed."""
        with seekable(text) as content:
            footer = read_footer(content)
            first_row = 1
            for batch in batches(content, footer, self.batch_bytes):
                with blaming(f"the rows from {place_of(batch, 0)} on cannot be read"):
                    parsed = self._too_long(batch, first_row) or self._parsed(batch, first_row)
                first_row += parsed.n_records
                yield parsed

    def _too_long(self, batch: Batch, first_row: int) -> ParsedChunk | None:
        """A row that alone weighs more than one may; nothing of it is converted."""
        if batch.rows.num_rows != 1 or (size := weight(batch.rows.columns)) <= MAX_ROW_BYTES:
            return None
        told = Reject(first_row, None, beginning_as_json(batch.rows), ("record:too_long",), place_of(batch, 0))
        columns = {name: pa.nulls(0, ARROW_TYPES[dtype]) for name, dtype in self.layout.columns.items()}
        if self.keeps_extra:
            columns[EXTRA] = pa.nulls(0, pa.string())
        columns[ROW] = pa.nulls(0, pa.int64())
        return ParsedChunk(self, first_row, 1, size, pa.table(columns), [told], lambda _: [])

    def _parsed(self, batch: Batch, first_row: int) -> ParsedChunk:
        n_rows = batch.rows.num_rows
        columns: dict[str, pa.Array] = {}
        broken: dict[int, list[str]] = defaultdict(list)
        for name, dtype in self.layout.columns.items():
            if name not in self.names and not any_within(name, self.names):  # declared as one that may be absent
                columns[name] = pa.nulls(n_rows, ARROW_TYPES[dtype])
                continue
            columns[name], failed = fitted(column_of(batch.rows, name), dtype)
            for index, rule in failed:
                broken[index].append(f"{name}:{rule}")
            for index in _with_nul(columns[name]):
                broken[index].append("record:binary")
        if self.keeps_extra:
            columns[EXTRA] = self._extra(batch.rows)
        columns[ROW] = pa.array(range(first_row, first_row + n_rows), pa.int64())
        table = pa.table(columns)
        if broken:
            table = table.filter(pa.array([index not in broken for index in range(n_rows)], pa.bool_()))
        find = partial(_found, batch, first_row)
        rejects = find({first_row + index: rules for index, rules in sorted(broken.items())})
        return ParsedChunk(self, first_row, n_rows, batch.rows.nbytes, table, rejects, find)

    @cached_property
    def _added(self) -> list[str]:
        return added_in(self.names, self.layout)

    def _extra(self, rows: pa.RecordBatch) -> pa.Array:
        if not self._added:
            return pa.nulls(rows.num_rows, pa.string())
        columns = [list(shown(column_of(rows, name))) for name in self._added]
        return pa.array([as_json(dict(zip(self._added, row, strict=True))) for row in zip(*columns, strict=True)])


@dataclass(frozen=True)
class JsonRecord:
    """A row as it is shown in quarantine."""

    def values(self, raw: str) -> Mapping[str, str]:
        """The text of each column, those in structures by path."""
        try:
            record = json.loads(raw, parse_float=str, parse_int=str)
        except ValueError:  # it was too long to be kept whole
            return {}
        return dict(_texts(record))

    def is_header(self, raw: str) -> bool:
        """A row is never a header."""
        return False

    def why_none(self, fault: str, raw: str) -> str:
        """Why a row is none."""
        if fault == "too_long":
            return f"the row is longer than {MAX_ROW_BYTES:,} bytes, it begins with {quoted(raw, TEXT_SHOWN)}"
        if fault != "binary":
            return f"the row {quoted(raw, TEXT_SHOWN)}: {fault.replace('_', ' ')}"
        column, text = next(((name, text) for name, text in self.values(raw).items() if "\0" in text), ("the row", raw))
        return f"{column} is {quoted(text, TEXT_SHOWN)}, with a NUL character, which no text has: delete it"

    def why_no_value(self, column: str, fault: str) -> str | None:
        """What else than its type is wrong with a value: nothing that is of Parquet alone."""
        return None


def missing_from(names: Sequence[str], layout: Layout) -> list[str]:
    """The columns that a layout needs and a file lacks. A structure may be read whole, as JSON."""
    return [name for name in layout.missing_from(names) if not any_within(name, names)]


def added_in(names: Sequence[str], layout: Layout) -> list[str]:
    """The columns that a layout does not know."""
    return unknown_in(names, [*layout.columns, *layout.ignored])


def place_of(batch: Batch, index: int) -> str:
    """Where a row is, for people. Row groups, and rows in them, are counted from 1."""
    return f"row group {batch.group}, row {batch.first + index}"


def _found(batch: Batch, first_row: int, broken: Broken) -> list[Reject]:
    return [
        Reject(
            row,
            None,
            kept(record_as_json(batch.rows, row - first_row)),
            tuple(dict.fromkeys(rules)),
            place_of(batch, row - first_row),
        )
        for row, rules in broken.items()
    ]


def _with_nul(values: pa.Array) -> list[int]:
    if not pa.types.is_string(values.type):
        return []
    found: list[int] = pc.indices_nonzero(pc.match_substring(values, "\0").fill_null(False)).to_pylist()
    return found


def _texts(record: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(record, dict):
        for name, value in record.items():
            yield from _texts(value, f"{path}.{name}" if path else name)
    elif isinstance(record, bool):
        yield path, str(record).lower()
    elif record is not None:
        yield path, record if isinstance(record, str) else as_json(record)
