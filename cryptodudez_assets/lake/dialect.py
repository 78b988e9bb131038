"""How a text file is written: encoding, delimiter, line ends, header, and the types that its columns seem to have."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import polars as pl

from cryptodudez_assets.lake.archives import Refused
from cryptodudez_assets.lake.records import TOO_LONG, Record, records
from cryptodudez_assets.sources.declaration import Layout

HEAD_BYTES = 256 << 10
DELIMITERS = ",;\t|"
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
SAMPLE_ROWS = 100
RETYPED_SHARE = 0.5
RETYPED_FLOOR = 3

FAULTS = {
    "unclosed_quote": "a quote is not closed",
    "stray_quote": "a quote stands in the middle of a name",
    "stray_carriage_return": "lines end in carriage returns alone, expected line feeds",
    TOO_LONG: "its line is too long",
}


@dataclass(frozen=True)
class Dialect:
    """What must be known to read a file's records."""

    encoding: str
    delimiter: str
    line_end: str
    header: tuple[str, ...]
    quote: str = '"'


@dataclass(frozen=True)
class Recognised:
    """A file's dialect, a sample of its records as text, and the layout that it follows; or `problem` says what is wrong."""

    dialect: Dialect
    sample: pl.DataFrame
    layout: Layout | None
    added: tuple[str, ...] = ()
    problem: str | None = None

    @cached_property
    def types(self) -> dict[str, str]:
        """The types that the columns seem to have. Worth its time only for a schema that is new."""
        return {name: str(dtype) for name, dtype in _inferred(self.sample).items()}


def recognise(head: bytes, layouts: Sequence[Layout]) -> Recognised:
    """Recognise a file by the first bytes of its text. Raises Refused where there is no text with a header."""
    encoding, text = _decode(head)
    is_all = len(head) < HEAD_BYTES
    first = {delimiter: _first_record(text, delimiter, is_all) for delimiter in DELIMITERS}
    headers = {delimiter: _names(record, text) for delimiter, record in first.items()}
    matching = [(d, layout) for d, header in headers.items() for layout in layouts if not layout.missing_from(header)]
    if matching:
        # Where several layouts fit, the one that reads most of the file is meant.
        delimiter, layout = max(matching, key=lambda match: len(match[1].columns))
    else:
        delimiter, layout = max(headers, key=lambda d: len(headers[d])), None
    if layout is None and b"\0" in text:
        raise Refused("binary data, not text (or UTF-16 without a byte order mark)")
    if first[delimiter].fault:
        raise Refused(f"the header cannot be read: {FAULTS[first[delimiter].fault or '']}")
    line_end = "\r\n" if text.endswith(b"\r\n", 0, first[delimiter].end) else "\n"
    dialect = Dialect(encoding, delimiter, line_end, headers[delimiter])
    if len(set(dialect.header)) < len(dialect.header):
        return Recognised(
            dialect, pl.DataFrame(), None, problem=f"a column name repeats in the header {_shown(dialect.header)}"
        )
    rows = records(text[first[delimiter].end :], 2, delimiter, final=is_all)
    sample = _sample(rows, dialect.header)
    if layout is None:
        return Recognised(dialect, sample, None, problem=_why_unknown(dialect.header, layouts))
    added = tuple(layout.added_in(dialect.header))
    return Recognised(dialect, sample, layout, added, _why_retyped(sample, layout))


def follows(head: bytes, layouts: Sequence[Layout]) -> bool:
    """Whether a file that begins so has the columns of one of these layouts."""
    try:
        _, text = _decode(head)
        headers = [_names(_first_record(text, delimiter, len(head) < HEAD_BYTES), text) for delimiter in DELIMITERS]
    except Refused:
        return False
    return any(not layout.missing_from(header) for header in headers for layout in layouts)


def _decode(head: bytes) -> tuple[str, bytes]:
    """The encoding, and the text in UTF-8."""
    for bom, encoding in BOMS.items():
        if head.startswith(bom):
            text = head[len(bom) :]
            return encoding, text if bom == codecs.BOM_UTF8 else text.decode(encoding, "replace").encode()
    return "utf-8", head


def _first_record(text: bytes, delimiter: str, is_all: bool) -> Record:
    record = next(records(text, 1, delimiter, final=is_all), None)
    if record is None:
        raise Refused("empty file" if is_all else f"no header within the first {HEAD_BYTES:,} bytes")
    return record


def _names(record: Record, text: bytes) -> tuple[str, ...]:
    fields = [text[record.start : record.end].decode("utf-8", "replace")] if record.fault else record.fields
    return tuple(_clean(name).strip() for name in fields)


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _sample(rows: Iterator[Record], header: Sequence[str]) -> pl.DataFrame:
    """The first whole records as text, null where there is none."""
    whole = (record.fields for record in rows if not record.fault and len(record.fields) == len(header))
    values = [[_clean(field) or None for field in fields] for fields in islice(whole, SAMPLE_ROWS)]
    return pl.DataFrame(values, schema=dict.fromkeys(header, pl.String), orient="row")


def _inferred(sample: pl.DataFrame) -> dict[str, pl.DataType]:
    text = sample.write_csv(include_header=False).encode()
    if not text.strip():
        return dict(sample.schema)
    inferred = pl.read_csv(
        text, has_header=False, new_columns=sample.columns, infer_schema_length=None, try_parse_dates=True
    )
    return dict(inferred.schema)


def _why_unknown(header: Sequence[str], layouts: Sequence[Layout]) -> str:
    nearest = min(layouts, key=lambda layout: len(layout.missing_from(header)))
    missing, added = nearest.missing_from(header), nearest.added_in(header)
    if len(missing) == len(nearest.columns):
        return f"no known layout: expected a header such as {list(nearest.columns)}, found {_shown(header)}"
    renamed = f"; unknown in their place: {added} (renamed?)" if added else ""
    return f"required columns missing for layout {nearest.name}: {missing}{renamed}"


def _why_retyped(sample: pl.DataFrame, layout: Layout) -> str | None:
    typed = {name: dtype for name, dtype in layout.columns.items() if dtype is not pl.String and name in sample.columns}
    if not typed:
        return None
    # One query for all columns: an archive may have thousands of small files.
    text = {name: pl.col(name).str.strip_chars() for name in typed}
    wrong = {name: (text[name] != "") & text[name].cast(dtype, strict=False).is_null() for name, dtype in typed.items()}
    told = sample.select(
        pl.struct(
            there=(text[name] != "").sum(), wrong=wrong[name].sum(), example=text[name].filter(wrong[name]).first()
        ).alias(name)
        for name in typed
    )
    for name, found in told.row(0, named=True).items():
        if found["wrong"] >= RETYPED_FLOOR and found["wrong"] > RETYPED_SHARE * found["there"]:
            expected = typed[name].__name__
            return f"column {name} changed its type: expected {expected}, found text such as {found['example']!r}"
    return None


def _shown(header: Sequence[str]) -> list[str]:
    return [name if len(name) <= 40 else f"{name[:40]}…" for name in header[:20]]
