"""Characters that nobody sees: what an identifier may not begin or end with, since it would look like another and be none.

The inside of a text is never changed, and lookalikes of other alphabets are left as they are.
"""

import polars as pl

# Unicode's controls, formats without a shape, blanks and breaks of every kind, and what is to be ignored where it cannot be shown.
RANGES = (
    *((0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x1680, 0x1680)),
    *((0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800)),
    *((0x3000, 0x3000), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
_INVISIBLE = "".join(f"\\x{{{first:X}}}-\\x{{{last:X}}}" for first, last in RANGES)
# What begins or ends with anything but a visible character of ASCII is looked at.
MAYBE_INVISIBLE = "^[^!-~]|[^!-~]$"
AROUND = f"^[{_INVISIBLE}]+|[{_INVISIBLE}]+$"


def identifier(text: pl.Expr) -> pl.Expr:
    """The text without invisible characters around it; null where nothing is left."""
    stripped = text.str.replace_all(AROUND, "")
    return pl.when(stripped != "").then(stripped)
