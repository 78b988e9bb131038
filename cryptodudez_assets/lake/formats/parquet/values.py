"""Columns of a Parquet file as the types that a layout declares: exactly, or not at all.

What is written as another type is taken where nothing of it is lost (a whole float as a whole number, a timestamp as its ISO
text), and told as one that does not fit where something would be. Where records are is in `batches.py`.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from cryptodudez_assets.lake.formats.reader import ARROW_TYPES
from cryptodudez_assets.lake.formats.values import NOT_ZERO, exact

# What Arrow raises for a value that a type cannot hold.
UNFIT = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
# So many digits of a decimal are those of a float.
EXACT_DIGITS = 15
SHOWN_OF_LONG = 4 << 10
DECIMAL = ARROW_TYPES[pl.Decimal]
HEXADECIMAL = "^[-+]?0[xX]"

Failed = list[tuple[int, str]]
"""Positions of values that do not fit, each with the rule that it breaks."""


class NeverFits(Exception):
    """No value of the one type is one of the other."""


def fitted(values: pa.Array, dtype: type[pl.DataType]) -> tuple[pa.Array, Failed]:
    """The values as the declared type, null where it cannot hold what is written; and which these are."""
    cast = TO[dtype]
    pieces: list[pa.Array] = []
    failed: Failed = []
    pending = [(0, len(values))]
    while pending:  # halve whatever does not fit until the single culprits are found
        start, end = pending.pop()
        piece = values.slice(start, end - start)
        try:
            pieces.append(cast(piece))
        except (*UNFIT, NeverFits) as error:
            if end - start == 1 or isinstance(error, NeverFits):
                there = pc.indices_nonzero(piece.is_valid()).to_pylist()
                failed += [(start + index, _rule(piece)) for index in there]
                pieces.append(pa.nulls(len(piece), ARROW_TYPES[dtype]))
            else:
                middle = (start + end) // 2
                pending += [(middle, end), (start, middle)]
    made = pa.concat_arrays(pieces) if pieces else pa.array([], ARROW_TYPES[dtype])
    if dtype is pl.Float64 and is_text(values.type):
        zero = pc.and_(pc.equal(made, 0.0), pc.match_substring_regex(values, NOT_ZERO))
        failed += [(index, "underflow") for index in pc.indices_nonzero(zero.fill_null(False)).to_pylist()]
    return made, failed


def _rule(piece: pa.Array) -> str:
    """Text that is none is told as such, whatever it was to become."""
    try:
        _text(piece) if is_text(piece.type) else None
    except UNFIT:
        return "encoding"
    return "type"


def _text(values: pa.Array) -> pa.Array:
    """Every digit that is there, as ISO 8601 and as JSON write it."""
    dtype = values.type
    if is_text(dtype):
        return values.cast(pa.binary()).cast(pa.string())  # which looks whether it is UTF-8
    if pa.types.is_timestamp(dtype):
        # As Arrow writes it: UTC with a Z where the column is in any time zone, without one where it is in none.
        in_utc = values.cast(pa.timestamp(dtype.unit, "UTC")) if dtype.tz else values
        return pc.replace_substring(in_utc.cast(pa.string()), " ", "T", max_replacements=1)
    if pa.types.is_date64(dtype):
        return values.cast(pa.date32()).cast(pa.string())
    if pa.types.is_nested(dtype):
        return pa.array([None if one is None else as_json(one) for one in shown(values)], pa.string())
    if pa.types.is_duration(dtype):
        raise NeverFits
    return values.cast(pa.string())


def _whole(values: pa.Array) -> pa.Array:
    dtype = values.type
    if is_text(dtype):
        return _not_hexadecimal(_written(values)).cast(pa.int64())
    return _number(values).cast(pa.int64())


def _float(values: pa.Array) -> pa.Array:
    dtype = values.type
    if is_text(dtype):
        return _written(values).cast(pa.float64())
    numbers = _number(values)
    # By way of text, since Arrow's own way from a decimal misses the nearest float by a little.
    made = (numbers.cast(pa.string()) if pa.types.is_decimal(dtype) else numbers).cast(pa.float64())
    if pa.types.is_decimal(dtype) and dtype.precision > EXACT_DIGITS:
        written = made.cast(pa.string()).cast(dtype)  # the shortest text that is this float
        if not pc.all(pc.equal(written, values).fill_null(True)).as_py():
            raise pa.ArrowInvalid("digits would be lost")
    return made


def _decimal(values: pa.Array) -> pa.Array:
    dtype = values.type
    text = _written(values) if is_text(dtype) else None
    if text is None:
        numbers = _number(values)
        is_narrow = pa.types.is_decimal128(dtype) and dtype.precision - dtype.scale <= DECIMAL.precision - DECIMAL.scale
        if is_narrow or not (pa.types.is_floating(dtype) or pa.types.is_decimal(dtype)):
            return numbers.cast(DECIMAL)
        # A float is the shortest number that is told by it, which is what was written.
        text = numbers.cast(pa.string())
    made, failed = exact(text, DECIMAL)
    if failed:
        raise pa.ArrowInvalid("digits would be lost")
    return made


def _day(values: pa.Array) -> pa.Array:
    dtype = values.type
    if is_text(dtype):
        return _written(values).cast(pa.date32())
    if not (pa.types.is_date(dtype) or pa.types.is_timestamp(dtype) or pa.types.is_null(dtype)):
        raise NeverFits
    if pa.types.is_timestamp(dtype):
        naive = values.cast(pa.timestamp(dtype.unit, "UTC")).cast(pa.timestamp(dtype.unit)) if dtype.tz else values
        days = naive.cast(pa.date32())
        if not pc.all(pc.equal(days.cast(naive.type), naive).fill_null(True)).as_py():
            raise pa.ArrowInvalid("a time of day would be lost")
        return days
    return values.cast(pa.date32())


def _written(values: pa.Array) -> pa.Array:
    """Text of which a number or a day is to be read, null where there is nothing."""
    text = pc.utf8_trim(_text(values), " \t")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _number(values: pa.Array) -> pa.Array:
    """As they are, if they are numbers: Arrow would count days and truths, too."""
    dtype = values.type
    if not (
        pa.types.is_integer(dtype)
        or pa.types.is_floating(dtype)
        or pa.types.is_decimal(dtype)
        or pa.types.is_null(dtype)
    ):
        raise NeverFits
    return values


def _not_hexadecimal(text: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, HEXADECIMAL)).as_py():
        raise pa.ArrowInvalid("to the base of 16")
    return text


def is_text(dtype: pa.DataType) -> bool:
    """Whether it holds text, or bytes that may be text."""
    return (
        pa.types.is_string(dtype)
        or pa.types.is_large_string(dtype)
        or pa.types.is_string_view(dtype)
        or pa.types.is_binary(dtype)
        or pa.types.is_large_binary(dtype)
        or pa.types.is_binary_view(dtype)
        or (pa.types.is_fixed_size_binary(dtype) and not pa.types.is_decimal(dtype))
    )


def record_as_json(rows: pa.RecordBatch, index: int) -> str:
    """A record as JSON: what a person sees of it in quarantine."""
    cells = (next(shown(column.slice(index, 1))) for column in rows.columns)
    return as_json(dict(zip(rows.schema.names, cells, strict=True)))


def beginning_as_json(rows: pa.RecordBatch) -> str:
    """The one record in these rows as JSON, of long values the beginning or how long they are."""
    cells: dict[str, object] = {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if values.nbytes <= SHOWN_OF_LONG:
            cells[name] = next(shown(values))
        elif is_text(values.type):
            cells[name] = bytes(values[0].as_buffer()[:SHOWN_OF_LONG]).decode("utf-8", "backslashreplace") + "…"
        else:
            cells[name] = f"… ({values.nbytes:,} bytes)"
    return as_json(cells)


def shown(values: pa.Array) -> Iterator[object]:
    """Values for JSON."""
    return map(_value, values)


def _value(one: pa.Scalar) -> object:
    """What Python has no value for is text: bytes that are no text, a time with nanoseconds, the year 20000."""
    try:
        return one.as_py()
    except (ValueError, OverflowError, LookupError, pa.ArrowException):
        if isinstance(one, pa.StructScalar):
            return {name: _value(one[index]) for index, name in enumerate(one.type.names)}
        if pa.types.is_nested(one.type):
            return [_value(inner) for inner in one.values]
        if pa.types.is_timestamp(one.type) and one.type.tz:  # of a zone that nobody knows, perhaps
            one = one.cast(pa.timestamp(one.type.unit, "UTC"))
        return bytes(one.as_buffer()) if is_text(one.type) else one.cast(pa.string()).as_py()


def as_json(value: object) -> str:
    """A value as JSON. Decimals, times and bytes are text."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


TO: dict[type[pl.DataType], Callable[[pa.Array], pa.Array]] = {
    pl.String: _text,
    pl.Int64: _whole,
    pl.Float64: _float,
    pl.Decimal: _decimal,
    pl.Date: _day,
}
