"""How times and numbers are written: an example of a format, and what may have happened to a text that is in none.

For words only: what can be read is decided in `values.py` and by the expressions of a declaration. Times that there are not are in
`impossible.py`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import polars as pl

from cryptodudez_assets.lake.formats.impossible import impossible_part

ISO_DAY = "%Y-%m-%d"
EXAMPLE = datetime(2021, 12, 31, 23, 59, 59, tzinfo=UTC)
ZONE = re.compile(r"\s*(Z|UTC|GMT|[A-Z]{2,5}|[+-][0-9]{1,2}(?::?[0-9]{2})?|[A-Z][A-Za-z]+/[A-Za-z_/]+)$")
ZONE_IN_FORMAT = re.compile(r"\s*%[:#]*[zZ]$")
SLASHES = re.compile(r"[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4}(?: [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[AaPp][Mm])?)?")
SHOWN, TEXT_SHOWN = 40, 80  # characters of a name, and of a value
NOTHING = {"null", "none", "nan", "na", "n/a", "#n/a", "nil", "-", "--", ".", "?"}


@cache
def example_of(format_: str) -> str:
    """A time in this format (chrono's); the format itself where it cannot be written."""
    try:
        written = pl.Series([EXAMPLE]).dt.to_string(ZONE_IN_FORMAT.sub(" %:z" if " %" in format_ else "%:z", format_))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return format_
    return str(written[0]) if "%" in format_ else format_


def time_hint(text: str, formats: Sequence[str]) -> str:
    """What may be the matter with a text that is a time in none of these formats; nothing where that is not seen."""
    if missing := next(filter(None, (impossible_part(text, one) for one in formats)), None):
        return f" (there is no such {missing})"
    examples = [example_of(one) for one in formats]
    bare = {_shape(ZONE.sub("", one)) for one in examples}
    if _shape(text) in {_shape(one) for one in examples}:
        return " (there is no such day or time)"
    if (zone := ZONE.search(text)) and _shape(text[: zone.start()]) in bare:
        has_zone = any(ZONE_IN_FORMAT.search(one) for one in formats)
        expected = "expected an offset such as +00:00" if has_zone else "expected none"
        return f" (its time zone {zone[1]!r} cannot be read: {expected})"
    if any(_shape(one).startswith(_shape(text)) for one in examples):
        return " (its end is missing)"
    if SLASHES.fullmatch(text):
        return " (did a spreadsheet save it? Take the file as it was before)"
    if re.fullmatch(r"[0-9]{10}|[0-9]{13}", text):
        return " (seconds or milliseconds since 1970?)"
    return " (the day number of a spreadsheet?)" if re.fullmatch(r"[0-9]{5}(?:\.[0-9]+)?", text) else ""


def number_hint(text: str) -> str:
    """What may be the matter with a text that is no number; nothing where that is not seen."""
    if text.lower() in NOTHING:
        return " (leave it empty where there is no value)"
    if re.fullmatch(r"[-+]?[0-9][0-9.,'’  ]*", text) and re.search(r"[,'’  ]", text):
        return " (without thousands separators, and with a point before decimals)"
    if re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", text):
        return " (without decimals)"
    if re.fullmatch(r"\W*[0-9][0-9.,]*\W*[A-Za-z]*\W*|[A-Z]{3} ?[0-9.,]+", text):
        return " (without a unit or sign)"
    return ""


def is_number(text: str) -> bool:
    """Whether a text is a number as it is written anywhere."""
    return re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", text) is not None


def digits_hint(kept: pl.Decimal) -> str:
    """Why a number cannot be kept as such a decimal."""
    return f" (it has more than {kept.precision - kept.scale} digits before the point or {kept.scale} behind it)"


def shown(text: str, limit: int = SHOWN) -> str:
    """A text in quotes, in short; what nobody sees is escaped."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return "'" + "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in cut) + "'"


def _shape(text: str) -> str:
    return re.sub(r"[0-9]", "9", text)
