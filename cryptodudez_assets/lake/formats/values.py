"""From text to typed values, the same in every format whose values are written as text."""

import pyarrow as pa
import pyarrow.compute as pc

# How a number that is not zero is known: there is another digit before the exponent.
NOT_ZERO = "^[^eE]*[1-9]"


def convert(text: pa.Array, dtype: pa.DataType) -> tuple[pa.Array, list[tuple[int, str]]]:
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


def is_hexadecimal(text: pa.Array | pa.ChunkedArray) -> bool:
    """Whether any is a number to the base of 16, which Arrow reads as a whole one though nobody means it."""
    return bool(pc.any(pc.match_substring(text, "0x", ignore_case=True)).as_py())
