"""Read a sample with the reader of ingest: its text, its columns, its records as text.

What its columns mean is found out elsewhere.
"""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

import polars as pl

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.spelling import looks_like_data
from cryptodudez_assets.lake.formats.archives import Container, FileRefused, format_of, members
from cryptodudez_assets.lake.formats.csv.chunks import Chunk, chunks
from cryptodudez_assets.lake.formats.csv.dialect import HEAD_BYTES, Dialect, decode, recognise
from cryptodudez_assets.lake.formats.csv.headers import DELIMITERS, clean
from cryptodudez_assets.lake.formats.csv.parse import ROW, ChunkReader
from cryptodudez_assets.lake.formats.csv.records import first_record, records
from cryptodudez_assets.lake.formats.faults import Fault
from cryptodudez_assets.sources.declaration import Layout

# So much of a file is read, and tried: enough for half a million short records, and for a trial of seconds.
SAMPLE_BYTES, CHUNK_BYTES = 16 << 20, 1 << 20
FOR_EXCEL = re.compile(rb'("?sep=."?)\r?\n', re.I)
MISSING = " a column that no file has"
# So many records tell by which delimiter they are divided.
COMPARED_RECORDS = 200
OTHER_KINDS = {"Parquet": re.compile(rb"PAR1"), "JSON": re.compile(rb'\s*(?:\[\s*)?[\[{]\s*["\[\]{}]')}


class Readable(Protocol):
    """Something that is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many."""
        ...


@dataclass(frozen=True)
class Sample:
    """A file's first records. `text` is what was read, as it would be landed; `rows` the records of it that are whole."""

    text: bytes
    dialect: Dialect
    rows: pl.DataFrame
    """One text column for each name in the header, null where nothing is written."""
    member: str | None = None
    """The member of the archive that it is."""
    is_all: bool = True
    """Whether the file holds no more."""


def read_sample(path: Path, choices: Choices) -> Sample:
    """Read the beginning of a file, packed or not. Raises Unusable where there is no text with a header in it."""
    try:
        with _opened(path) as (text, member):
            return _read(text, member, choices)
    except (FileRefused, Fault, OSError) as error:
        raise Unusable(f"{path}: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Readable, str | None]]:
    """The text, and the name of the archive's first member where it is one."""
    with path.open("rb") as content:
        size = path.stat().st_size
        format_ = format_of(content.read(HEAD_BYTES))
        if format_ != "zip":
            with Container(content).text(format_, None, size) as text:
                yield text, None
            return
        read = [one for one in members(content, size) if not one.ignored and not one.refused]
        if not read:
            raise FileRefused("there is no member in it that can be read")
        with Container(content).text("zip", read[0].name, read[0].size) as text:
            yield text, read[0].name


def _read(text: Readable, member: str | None, choices: Choices) -> Sample:
    head = text.read(HEAD_BYTES)
    _insist_on_csv(head)
    dialect = _dialect(head)
    content = head + text.read(SAMPLE_BYTES - len(head))
    is_all = not text.read(1)
    found = list(_whole(chunks(io.BytesIO(content), dialect, CHUNK_BYTES), is_all))
    if not is_all:
        content = _header(dialect) + b"".join(chunk.data for chunk in found)
    rows, n_records = _rows(found, dialect)
    if not choices.header:
        _insist_on_header(dialect.header, rows)
    if not n_records:
        raise Unusable("there is no record behind the header: give a sample that has some")
    if len(rows) <= n_records / 2:
        shown = ",".join(dialect.header)[:80]
        raise Unusable(
            f"{n_records - len(rows):,} of {n_records:,} records have other fields than the {len(dialect.header)} of the header "
            f"({shown}): is there a line above the header? Remove it"
        )
    return Sample(content, dialect, rows, member, is_all)


def _insist_on_csv(head: bytes) -> None:
    if excel := FOR_EXCEL.match(decode(head)[1]):
        raise Unusable(f"a line above the header: line 1 is {excel[1].decode()!r}; delete it")
    for kind, beginning in OTHER_KINDS.items():
        if beginning.match(head):
            raise Unusable(f"this is {kind}, and sources are drafted from CSV: export it as CSV with a header")


def _dialect(head: bytes) -> Dialect:
    """The dialect: of the delimiters that which divides most records as it divides the header."""
    _, text = decode(head)
    is_all = len(head) < HEAD_BYTES
    headers = {one: first_record(text, one, final=is_all) for one in DELIMITERS}
    names = {one: [clean(field).strip() for field in record.fields] for one, record in headers.items() if record}
    scores = {one: _divides(text, one, len(names[one]), is_all) for one in names}
    best = max(scores, key=lambda one: scores[one], default="")
    columns = names.get(best, [])
    if b"\0" in text or scores.get(best, 0) <= 0:
        _insist_on_table(head, columns)
    seen = recognise(head, [_columns(columns)])
    if seen.layout is None:
        raise Unusable(f"{seen.problem}: name each column, and each differently")
    return seen.dialect


def _insist_on_table(head: bytes, columns: list[str]) -> None:
    """What nothing divides may be no table: then ingest refuses it, for what it is."""
    try:
        recognise(head, [_columns([*columns, MISSING])])
    except FileRefused as error:  # it may tell which names it expects: there are none
        raise FileRefused(str(error).partition(", so that the file begins")[0]) from None


def _columns(names: list[str]) -> Layout:
    return Layout("sample", dict.fromkeys(names, pl.String), {})


def _divides(text: bytes, delimiter: str, width: int, is_all: bool) -> float:
    """How many delimiters the records have that have as many as the header."""
    found = list(islice(records(text, 1, delimiter, final=is_all), 1, COMPARED_RECORDS))
    alike = sum(len(record.fields) == width for record in found)
    return (width - 1) * (alike / len(found) if found else 1)


def _whole(found: Iterator[Chunk], is_all: bool) -> Iterator[Chunk]:
    """The chunks; without the last one, which may end anywhere, where there is more."""
    before = None
    for chunk in found:
        if before:
            yield before
        before = chunk
    if before and is_all:
        yield before


def _header(dialect: Dialect) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=dialect.delimiter, lineterminator="\n").writerow(dialect.header)
    return text.getvalue().encode()


def _rows(found: list[Chunk], dialect: Dialect) -> tuple[pl.DataFrame, int]:
    """The records that are whole, and how many there are in all."""
    reader = ChunkReader(dialect, _columns(list(dialect.header)))
    parsed = [reader.read(chunk, 1) for chunk in found]
    tables = [
        one.table.drop_columns(ROW).rename_columns([*map(str, range(len(dialect.header)))])
        for one in parsed
        if one.table is not None
    ]
    rows = pl.concat(
        [
            pl.DataFrame(schema=dict.fromkeys(map(str, range(len(dialect.header))), pl.String)),
            *(cast(pl.DataFrame, pl.from_arrow(table)) for table in tables),
        ]
    )
    rows.columns = list(dialect.header)
    return rows, sum(one.n_records for one in parsed)


def _insist_on_header(header: tuple[str, ...], rows: pl.DataFrame) -> None:
    """A first record that holds data would be taken for names, and be lost."""
    told = [name for name in header if looks_like_data(name)] or _that_recur(header, rows)
    if told:
        shown = ",".join(header)
        raise Undecided(
            f"the first record ({shown[:80]}) looks like data, not like names ({told[0]!r}): put a line with the columns' "
            "names above it, or say --header if these are the names"
        )


def _that_recur(header: tuple[str, ...], rows: pl.DataFrame) -> list[str]:
    """Names that stand below themselves, where all columns are of text alike. A header may be repeated as a whole."""
    named = [name for name in header if name]
    examples = rows.select(pl.col(named).drop_nulls().first().str.strip_chars()).row(0) if named else ()
    if any(looks_like_data(example) for example in examples if example is not None):
        return []
    again = [name for name in named if (rows[name] == name).any()]
    whole = rows.filter(pl.all_horizontal(pl.col(name) == name for name in named)) if again else rows
    return again if whole.is_empty() else []
