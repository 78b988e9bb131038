"""How a text file is written: encoding, delimiter, line ends, header, and the types that its columns seem to have."""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.lake.archives import Refused
from cryptodudez_assets.sources.declaration import Layout

HEAD_BYTES = 256 << 10
DELIMITERS = ",;\t|"
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
SAMPLE_ROWS = 500
RETYPED_SHARE = 0.5
RETYPED_FLOOR = 3


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
    """A file's dialect, its inferred types, and the layout that it follows; without one `problem` says what is wrong."""

    dialect: Dialect
    types: dict[str, str]
    layout: Layout | None
    added: tuple[str, ...] = ()
    problem: str | None = None


def recognise(head: bytes, layouts: Sequence[Layout]) -> Recognised:
    """Recognise a file by the first bytes of its text. Raises Refused where there is no text with a header."""
    encoding, text = _decode(head)
    first_line = next((line for line in text.splitlines(keepends=True) if line.strip()), "")
    if not first_line:
        raise Refused("empty file")
    if len(text) == HEAD_BYTES and not first_line.endswith(("\n", "\r")):
        raise Refused(f"no line end within the first {HEAD_BYTES:,} bytes")
    headers = {delimiter: _header(first_line, delimiter) for delimiter in DELIMITERS}
    matching = [(d, layout) for d, header in headers.items() for layout in layouts if not layout.missing_from(header)]
    if matching:
        # Where several layouts fit, the one that reads most of the file is meant.
        delimiter, layout = max(matching, key=lambda match: len(match[1].columns))
    else:
        delimiter, layout = max(headers, key=lambda d: len(headers[d])), None
    line_end = "\r\n" if first_line.endswith("\r\n") else "\n"
    dialect = Dialect(encoding, delimiter, line_end, headers[delimiter])
    sample = _sample(text, dialect)
    types = {name: str(dtype) for name, dtype in _inferred(sample).items()}
    if layout is None:
        return Recognised(dialect, types, None, problem=_why_unknown(dialect.header, layouts))
    if len(set(dialect.header)) < len(dialect.header):
        return Recognised(dialect, types, None, problem=f"a column name repeats in the header {list(dialect.header)}")
    added = tuple(layout.added_in(dialect.header))
    return Recognised(dialect, types, layout, added, _why_retyped(sample, layout))


def _decode(head: bytes) -> tuple[str, str]:
    for bom, encoding in BOMS.items():
        if head.startswith(bom):
            return encoding, head[len(bom) :].decode(encoding.removesuffix("-sig"), "replace")
    if b"\0" in head:
        raise Refused("binary data, not text")
    return "utf-8", head.decode("utf-8", "replace")


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration):
        return (line.strip(),)


def _sample(text: str, dialect: Dialect) -> pl.DataFrame:
    whole_lines = text[: text.rfind("\n") + 1] or text
    try:
        return pl.read_csv(
            whole_lines.encode(),
            separator=dialect.delimiter,
            n_rows=SAMPLE_ROWS,
            has_header=True,
            infer_schema=False,
            truncate_ragged_lines=True,
            ignore_errors=True,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        return pl.DataFrame(schema=dict.fromkeys(dict.fromkeys(dialect.header), pl.String))


def _inferred(sample: pl.DataFrame) -> dict[str, pl.DataType]:
    if sample.is_empty():
        return dict(sample.schema)
    return dict(pl.read_csv(sample.write_csv().encode(), infer_schema_length=None, try_parse_dates=True).schema)


def _why_unknown(header: Sequence[str], layouts: Sequence[Layout]) -> str:
    nearest = min(layouts, key=lambda layout: len(layout.missing_from(header)))
    missing, added = nearest.missing_from(header), nearest.added_in(header)
    if len(missing) == len(nearest.columns):
        return f"no known layout: expected a header such as {list(nearest.columns)}, found {list(header)[:20]}"
    renamed = f"; unknown in their place: {added} (renamed?)" if added else ""
    return f"required columns missing for layout {nearest.name}: {missing}{renamed}"


def _why_retyped(sample: pl.DataFrame, layout: Layout) -> str | None:
    for name, dtype in layout.columns.items():
        if dtype is pl.String or name not in sample.columns:
            continue
        values = sample[name].drop_nulls().str.strip_chars()
        values = values.filter(values != "")
        wrong = values.filter(values.cast(dtype, strict=False).is_null())
        if len(wrong) >= RETYPED_FLOOR and len(wrong) > RETYPED_SHARE * len(values):
            return f"column {name} changed its type: expected {dtype.__name__}, found text such as {wrong[0]!r}"
    return None
