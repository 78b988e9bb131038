"""Records of a CSV sample, read with the reader of ingest: its dialect, its header, its fields as text."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import cast

import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.shape import Read, Shape
from cryptodudez_assets.drafting.spelling import looks_like_data
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.chunks import Chunk, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect, another_kind, recognise
from cryptodudez_assets.lake.formats.csv.headers import DELIMITERS, clean, names_of
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.formats.csv.records import first_record, records
from cryptodudez_assets.lake.formats.csv.spelling import CsvSpelling
from cryptodudez_assets.lake.formats.forms import shown
from cryptodudez_assets.lake.formats.reader import ROW, ParsedChunk
from cryptodudez_assets.lake.formats.seekable import Readable
from cryptodudez_assets.lake.formats.text import HEAD_BYTES, decode
from cryptodudez_assets.lake.ingest.reasons import Wording
from cryptodudez_assets.sources.declaration import Layout, Source

# So much of a file is read, and tried: enough for half a million short records, and for a trial of seconds.
SAMPLE_BYTES, CHUNK_BYTES = 16 << 20, 1 << 20
MISSING = " a column that no file has"
# So many records tell by which delimiter they are divided.
COMPARED_RECORDS = 200
OTHER_DELIMITERS = {
    " ": "blanks",
    ":": "colons",
    "^": "carets",
    "~": "tildes",
    "\x01": "characters 0x01",
    "/": "slashes",
}
HEADER_SHOWN = 80


def csv_sample(head: bytes, text: Readable, choices: Choices) -> Read:
    """The records of a text that is a CSV. Raises Unusable, Undecided or FileRefused where it is not surely one."""
    _insist_on_csv(head)
    dialect = _without_header(head, choices.names) if choices.names else _dialect(head, choices)
    content = head + text.read(SAMPLE_BYTES - len(head))
    is_all = not text.read(1)
    found = list(_whole(chunks(io.BytesIO(content), dialect, CHUNK_BYTES), is_all))
    if not is_all:
        content = (b"" if choices.names else _header(dialect)) + b"".join(chunk.data for chunk in found)
    rows, parsed = _rows(found, dialect)
    if not choices.header and not choices.names:
        _insist_on_header(dialect, rows)
    _insist_on_records(dialect, len(rows), parsed)
    return content, rows, Shape("csv", names=dialect.header if choices.names else ()), is_all


def _insist_on_csv(head: bytes) -> None:
    text = decode(head)[1]
    if instead := another_kind(head, text):
        raise instead
    line = text[:HEADER_SHOWN].splitlines()[:1]
    if line and line[0].lower().startswith((b"sep=", b'"sep=')):
        raise Unusable(
            f"a line above the header: line 1 is {clean(line[0].decode('utf-8', 'surrogateescape'))!r}; delete it"
        )


def _insist_on_records(dialect: Dialect, n_good: int, parsed: list[ParsedChunk]) -> None:
    """Most records must be of the header's shape."""
    n_records = sum(one.n_records for one in parsed)
    if not n_records:
        raise Unusable("there is no record behind the header: give a sample that has some")
    if n_good > n_records / 2:
        return
    reject = next(reject for one in parsed for reject in one.rejects)
    layout = _columns(list(dialect.header))
    source = Source("sample", "", "", "market.sample", TableContract, [], ["event_ts"])
    why = Wording(source, layout, CsvSpelling(dialect)).reason(reject.raw, reject.rules)
    above = (
        f" (or is line 1, {shown(','.join(dialect.header), HEADER_SHOWN)}, not the header, but a line above it? Delete it)"
        if {"record:too_few_fields", "record:too_many_fields"} & {*reject.rules}
        else ""
    )
    raise Unusable(
        f"{n_records - n_good:,} of {n_records:,} records cannot be read, such as line {reject.line}: {why}{above}"
    )


def _dialect(head: bytes, choices: Choices) -> Dialect:
    """The dialect: of the delimiters that which divides most records as it divides the header."""
    text, is_all = decode(head)[1], len(head) < HEAD_BYTES
    headers = {one: first_record(text, one, final=is_all) for one in DELIMITERS}
    names = {one: [*names_of(record, text)] for one, record in headers.items() if record}
    scores = {one: _divides(text, one, len(names[one]), is_all) for one in names}
    best = max(scores, key=lambda one: scores[one], default="")
    columns = names.get(best, [])
    if scores.get(best, 0) <= 0:
        _insist_on_table(head, columns)
    seen = recognise(head, [_columns(columns)])
    if seen.layout is None:
        if data := [name for name in columns if looks_like_data(name)]:
            raise Undecided(_no_header(columns, data[0]))
        raise Unusable(f"{seen.problem}: name each column, and each differently")
    if len(columns) == 1 and not choices.header:
        _insist_on_one_column(text, columns[0], is_all)
    return seen.dialect


def _without_header(head: bytes, names: Sequence[str]) -> Dialect:
    """The dialect of a file in which the columns have these names, and no header tells them."""
    if len(set(names)) < len(names):
        raise Unusable(f"--columns {','.join(names)}: a name is there twice")
    text, is_all = decode(head)[1], len(head) < HEAD_BYTES
    found = {len(record.fields) for one in DELIMITERS if (record := first_record(text, one, final=is_all))}
    if len(names) not in found:
        raise Unusable(
            f"--columns has {len(names)} names, and the first record has {max(found, default=0)} fields: name each of them"
        )
    layout = replace(_columns([*names]), names=names)
    try:
        seen = recognise(head, [layout])
    except FileRefused:
        seen = None
    if seen is None or seen.layout is None:
        raise Unusable(
            f"the first record holds no number and no date, so it might as well be a header: put one above it ({','.join(names)})"
        )
    return seen.dialect


def _insist_on_one_column(text: bytes, name: str, is_all: bool) -> None:
    """What divides each record as it divides the header may be a delimiter that ingest does not know."""
    lines = [
        clean(line.decode("utf-8", "surrogateescape")) for line in text.splitlines()[1 : COMPARED_RECORDS + 1] if line
    ]
    for mark, called in OTHER_DELIMITERS.items():
        n = name.count(mark)
        if n and len(lines) > 1 and all(line.count(mark) == n for line in (lines if is_all else lines[:-1])):
            raise Undecided(
                f"one column was found, {shown(name, HEADER_SHOWN)}, and {called} divide each line of it alike: what is read is divided by "
                "commas, semicolons, tabs or bars: write one of these in their place, or say --header if it is one column"
            )


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


def _rows(found: list[Chunk], dialect: Dialect) -> tuple[pl.DataFrame, list[ParsedChunk]]:
    """The records that are whole, and how all were read."""
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
    return rows, parsed


def _insist_on_header(dialect: Dialect, rows: pl.DataFrame) -> None:
    """A first record that holds data would be taken for names, and be lost."""
    header = dialect.header
    if told := [name for name in header if looks_like_data(name)] or _that_recur(header, rows):
        raise Undecided(_no_header(header, told[0]))


def _no_header(header: Sequence[str], told: str) -> str:
    line = ",".join(header)
    return (
        f"the first record ({line[:HEADER_SHOWN]}) looks like data, not like names ({told!r}): say --columns with the names of the "
        f"{len(header)} columns, or put a line with them above it; or say --header if these are the names"
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
