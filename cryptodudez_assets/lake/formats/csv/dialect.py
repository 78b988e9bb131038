"""How a text file is written: encoding, delimiter, line ends, header, and the types that its columns seem to have."""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import polars as pl

from cryptodudez_assets.lake.formats import signatures
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.headers import VALUE, clean, headers, no_header, repeated, why_unknown
from cryptodudez_assets.lake.formats.csv.records import TOO_LONG, CsvRecord, records
from cryptodudez_assets.lake.formats.forms import ISO_DAY, number_hint, shown, time_hint
from cryptodudez_assets.lake.formats.text import HEAD_BYTES, decode
from cryptodudez_assets.sources.declaration import Layout

SAMPLE_ROWS = 100
RETYPED_SHARE = 0.5
RETYPED_FLOOR = 3

# How fields look that surely hold what is declared: text, perhaps quoted, between delimiters (%b); numbers; days.
TEXT = rb'(?:"(?:[^"]++|"")*+"|[^"\r\n%b]*+)'
DAY = rb"(?:0[1-9]|1[012])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[012])-(?:29|30)|(?:0[13578]|1[02])-31"
PLAIN: dict[type[pl.DataType], bytes] = {
    pl.Int64: rb"(?:-?[0-9]{1,18}+)?+",
    pl.Float64: rb"(?:-?[0-9]{1,18}+(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]{1,2}+)?+)?+",
    pl.Decimal: rb"(?:-?[0-9]{1,20}+(?:\.[0-9]{1,18}+)?+)?+",
    pl.Date: rb"(?:[12][0-9]{3}-(?:%b))?+" % DAY,
}

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
    may_lack_header: bool = False
    """Whether the first record holds data, unless it is `header`."""


@dataclass(frozen=True)
class Recognised:
    """A file's dialect, its first whole records, and the layout that it follows; or `problem` says what is wrong."""

    dialect: Dialect
    beginning: bytes
    layout: Layout | None
    added: tuple[str, ...] = ()
    problem: str | None = None

    @cached_property
    def types(self) -> dict[str, str]:
        """The types that the columns seem to have. Worth its time only for a schema that is new."""
        return {name: str(dtype) for name, dtype in _inferred(_sample(self.beginning, self.dialect)).items()}


class NoText(FileRefused):
    """It is binary data."""


def recognise(head: bytes, layouts: Sequence[Layout]) -> Recognised:
    """Recognise a file by the first bytes of its text. Raises Refused where there is no text with a header."""
    encoding, text = decode(head)
    is_all = len(head) < HEAD_BYTES
    first = _headers(head, text, is_all)
    names = {delimiter: header for delimiter, (_, header) in first.items()}
    matching = _by_header(names, layouts) or _by_first_record(names, layouts)
    if matching:
        # Where several layouts fit, the one that reads most of the file is meant.
        delimiter, layout = max(matching, key=lambda match: len(match[1].columns))
        # An archive may hold its text as it is, behind bytes of its own: then these are part of the first name.
        if signatures.without_text(names[delimiter]) and (instead := another_kind(head, text)):
            raise instead
    else:
        delimiter, layout = max(names, key=lambda d: len(names[d])), None
        if instead := another_kind(head, text):
            raise instead
        if told := no_header(text, names[delimiter], layouts):
            raise FileRefused(told)
    record, header = first[delimiter]
    if record.fault:
        raise FileRefused(f"the header cannot be read: {FAULTS[record.fault]}")
    if "\0" in (odd := signatures.without_text(header) or ""):
        raise FileRefused(f"the column name {shown(odd)} has a NUL character in it, which no text has: delete it")
    line_end = "\r\n" if text.endswith(b"\r\n", 0, record.end) else "\n"
    header, start = _header_of(record, header, layout)
    dialect = Dialect(
        encoding, delimiter, line_end, header, may_lack_header=layout is not None and layout.is_headerless
    )
    if problem := repeated(header):
        return Recognised(dialect, b"", None, problem=problem)
    if layout is None:
        beginning = _beginning(text[start:], dialect, is_all)
        return Recognised(dialect, beginning, None, problem=why_unknown(header, layouts))
    added = tuple(layout.added_in(dialect.header))
    if plain := _plain(dialect, layout).match(text, start, len(text) if is_all else text.rfind(b"\n") + 1):
        return Recognised(dialect, plain.group(), layout, added)
    beginning = _beginning(text[start:], dialect, is_all)
    return Recognised(dialect, beginning, layout, added, _why_retyped(_sample(beginning, dialect), layout))


def _header_of(record: CsvRecord, header: tuple[str, ...], layout: Layout | None) -> tuple[tuple[str, ...], int]:
    """The names of the columns, and where the records begin."""
    if layout is not None and layout.is_headerless and layout.missing_from(header):
        return tuple(layout.names), record.start
    return header, record.end


def _headers(head: bytes, text: bytes, is_all: bool) -> dict[str, tuple[CsvRecord, tuple[str, ...]]]:
    try:
        return headers(text, is_all)
    except FileRefused as error:
        raise another_kind(head, text) or error from None


def another_kind(head: bytes, text: bytes) -> FileRefused | None:
    """What a file is instead, of whose first line no layout knows anything; None where it may be a table."""
    marked = codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE
    if told := signatures.no_text(head if head.startswith(marked) else text):
        return NoText(told)
    told = signatures.no_table(text)
    return FileRefused(told) if told else None


def follows(head: bytes, layouts: Sequence[Layout]) -> bool:
    """Whether a file that begins so has the columns of one of these layouts."""
    try:
        _, text = decode(head)
        found = headers(text, is_all=len(head) < HEAD_BYTES)
    except FileRefused:
        return False
    names = {delimiter: header for delimiter, (_, header) in found.items()}
    return bool(_by_header(names, layouts) or _by_first_record(names, layouts))


def _by_header(names: Mapping[str, Sequence[str]], layouts: Sequence[Layout]) -> list[tuple[str, Layout]]:
    """Delimiters, and layouts that the header follows where it is divided so."""
    return [(d, layout) for d, header in names.items() for layout in layouts if not layout.missing_from(header)]


def _by_first_record(names: Mapping[str, Sequence[str]], layouts: Sequence[Layout]) -> list[tuple[str, Layout]]:
    """Delimiters, and layouts of files without a header, of which this may be the first record."""
    return [
        (d, layout)
        for d, fields in names.items()
        for layout in layouts
        if layout.is_headerless and len(fields) == len(layout.names) and _holds_data(fields, layout)
    ]


def _holds_data(fields: Sequence[str], layout: Layout) -> bool:
    """Whether these are what the layout's columns hold. Texts alone might as well be the names of other columns."""
    told = [(field, layout.columns.get(name, pl.String)) for field, name in zip(fields, layout.names, strict=True)]
    typed = [(field, dtype) for field, dtype in told if field and dtype is not pl.String]
    fits = all(pl.select(_converted(pl.lit(field), dtype).is_not_null()).item() for field, dtype in typed)
    return fits and any(VALUE.fullmatch(field) for field in fields)


def _plain(dialect: Dialect, layout: Layout) -> re.Pattern[bytes]:
    """Matches the first records, or all where they are fewer, if each has the header's fields and holds what is declared."""
    delimiter = re.escape(dialect.delimiter.encode())
    text = TEXT % delimiter
    fields = delimiter.join(PLAIN.get(layout.columns.get(name, pl.String), text) for name in dialect.header)
    record = rb"(?![\r\n]|\Z)%b(?:\r?\n|\Z)" % fields
    return re.compile(rb"(?:%b){%d}+|(?:%b)*+\Z" % (record, SAMPLE_ROWS, record))


def _beginning(text: bytes, dialect: Dialect, is_all: bool) -> bytes:
    """The first records that are whole."""
    found = records(text, 2, dialect.delimiter, final=is_all)
    whole = (text[one.start : one.end] for one in found if not one.fault and len(one.fields) == len(dialect.header))
    return b"".join(islice(whole, SAMPLE_ROWS))


def _sample(beginning: bytes, dialect: Dialect) -> pl.DataFrame:
    """Records as text, null where there is none."""
    found = records(beginning, 2, dialect.delimiter)
    values = [[clean(field) or None for field in record.fields] for record in found]
    return pl.DataFrame(values, schema=dict.fromkeys(dialect.header, pl.String), orient="row")


def _inferred(sample: pl.DataFrame) -> dict[str, pl.DataType]:
    text = sample.write_csv(include_header=False).encode()
    if not text.strip():
        return dict(sample.schema)
    try:
        inferred = pl.read_csv(
            text,
            has_header=False,
            new_columns=sample.columns,
            infer_schema_length=None,
            try_parse_dates=True,
            ignore_errors=True,  # a type may be inferred that some values do not have
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return dict(sample.schema)
    return dict(inferred.schema)


def _why_retyped(sample: pl.DataFrame, layout: Layout) -> str | None:
    typed = {name: dtype for name, dtype in layout.columns.items() if dtype is not pl.String and name in sample.columns}
    if not typed:
        return None
    # One query for all columns: an archive may have thousands of small files.
    text = {name: pl.col(name).str.strip_chars() for name in typed}
    wrong = {name: (text[name] != "") & _converted(text[name], dtype).is_null() for name, dtype in typed.items()}
    told = sample.select(
        pl.struct(
            there=(text[name] != "").sum(), wrong=wrong[name].sum(), example=text[name].filter(wrong[name]).first()
        ).alias(name)
        for name in typed
    )
    for name, found in told.row(0, named=True).items():
        if found["wrong"] >= RETYPED_FLOOR and found["wrong"] > RETYPED_SHARE * found["there"]:
            expected = typed[name].__name__
            hint = time_hint(found["example"], [ISO_DAY]) if typed[name] is pl.Date else number_hint(found["example"])
            return f"column {name} changed its type: expected {expected}, found text such as {found['example']!r}{hint}"
    return None


def _converted(text: pl.Expr, dtype: type[pl.DataType]) -> pl.Expr:
    if dtype is pl.Date:
        return text.str.to_date(ISO_DAY, strict=False)
    # Whether it is a number at all: how many digits of it are kept is not asked here.
    return text.cast(pl.Float64 if dtype is pl.Decimal else dtype, strict=False)
