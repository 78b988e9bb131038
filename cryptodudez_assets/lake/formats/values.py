"""From text to typed values, the same in every format whose values are written as text."""

import re
from decimal import Decimal, InvalidOperation, localcontext

import pyarrow as pa
import pyarrow.compute as pc

# How a number that is not zero is known: there is another digit before the exponent.
NOT_ZERO = "^[^eE]*[1-9]"
DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
MORE_DIGITS = 2000  # than any number has that is kept


def convert(text: pa.Array, dtype: pa.DataType) -> tuple[pa.Array, list[tuple[int, str]]]:
    """The values, null where the type cannot hold what is written, and the positions of those, each with the rule it breaks."""
    if pa.types.is_string(dtype):
        return text, []
    trimmed = pc.utf8_trim(text, " \t")
    if pa.types.is_decimal(dtype):
        made, at = exact(trimmed, dtype)
        return made, [(index, "type") for index in at]
    pieces: list[pa.Array] = []
    failed: list[tuple[int, str]] = []
    pending = [(0, len(trimmed))]
    while pending:  # halve whatever does not convert until the single culprits are found
        start, end = pending.pop()
        piece = trimmed.slice(start, end - start)
        try:
            if pa.types.is_integer(dtype) and is_hexadecimal(piece):
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


def exact(text: pa.Array, dtype: pa.Decimal128Type) -> tuple[pa.Array, list[int]]:
    """Decimals, digit by digit as they are written, null where one is none or has digits that cannot be kept; and where these are."""
    plain = pc.match_substring_regex(text, _plain(dtype)).fill_null(True)
    if pc.all(plain).as_py():
        return text.cast(dtype), []
    at = pc.indices_nonzero(pc.invert(plain)).to_pylist()
    read = [_exact(text[index].as_py(), dtype) for index in at]
    others = pc.if_else(plain, text, pa.scalar(None, pa.string())).cast(dtype)
    made = pc.replace_with_mask(others, pc.invert(plain), pa.array(read, dtype))
    return made, [index for index, value in zip(at, read, strict=True) if value is None]


def _plain(dtype: pa.Decimal128Type) -> str:
    """Matches what Arrow reads well. What has more digits, or an exponent, it takes for another number without a word."""
    return f"^-?[0-9]{{1,{dtype.precision - dtype.scale}}}(?:\\.[0-9]{{1,{dtype.scale}}})?$"


def _exact(text: str, dtype: pa.Decimal128Type) -> Decimal | None:
    if not DECIMAL.fullmatch(text):
        return None
    with localcontext() as context:
        context.prec = MORE_DIGITS
        try:
            value = Decimal(text)
            kept = value.quantize(Decimal(1).scaleb(-dtype.scale))
        except InvalidOperation:
            return None
    is_kept = kept == value and abs(value) < Decimal(10) ** (dtype.precision - dtype.scale)
    return kept if is_kept else None


def is_hexadecimal(text: pa.Array | pa.ChunkedArray) -> bool:
    """Whether any is a number to the base of 16, which Arrow reads as a whole one though nobody means it."""
    return bool(pc.any(pc.match_substring(text, "0x", ignore_case=True)).as_py())
