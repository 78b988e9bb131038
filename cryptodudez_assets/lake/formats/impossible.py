"""Days and times of day that there are not, though they are written as a format asks: the 30th of February, the hour 24.

For words only: what can be read is decided by the expressions of a declaration. Other mistakes in times are in `forms.py`.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from functools import cache

# Formats (chrono's) that stand for several others.
WHOLE = {"%+": "%Y-%m-%dT%H:%M:%S%.f%z", "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M"}
SPECIFIER = re.compile(r"%[-_0]?(?:\.?[0-9]?f|[:#]*z|.)")
NAMES = {"Y": "year", "m": "month", "d": "day", "e": "day", "H": "hour", "k": "hour", "M": "minute", "S": "second"}
OTHERS = {"f": r"(?:\.?[0-9]+)?", "z": r"\s*(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"}
LIMITS = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
MIDNIGHT = "; midnight is 00:00:00 of the next day"
LONGEST_MONTH, A_LEAP_YEAR = 31, 2000


def impossible_part(text: str, format_: str) -> str | None:
    """What there is not of a text that is written in this format, such as `hour: 24`; None where it is not, or nothing is missing."""
    found = _form(format_).fullmatch(text)
    parts = {name: int(digits) for name, digits in found.groupdict().items()} if found else {}
    return next(_impossible(parts), None)


def _impossible(parts: Mapping[str, int]) -> Iterator[str]:
    for name, (low, high) in LIMITS.items():
        if name in parts and not low <= parts[name] <= high:
            yield f"{name}: {parts[name]:02}{MIDNIGHT if (name, parts[name]) == ('hour', 24) else ''}"
    if "day" in parts and not 1 <= parts["day"] <= _days_of_month(parts):
        yield f"day: {'-'.join(f'{parts[name]:02}' for name in ('year', 'month', 'day') if name in parts)}"


def _days_of_month(parts: Mapping[str, int]) -> int:
    return monthrange(parts.get("year", A_LEAP_YEAR), parts["month"])[1] if "month" in parts else LONGEST_MONTH


@cache
def _form(format_: str) -> re.Pattern[str]:
    """Matches what is written so, whether or not there is such a time."""
    for short, long in WHOLE.items():
        format_ = format_.replace(short, long)
    told, end, named = "", 0, set[str]()
    for found in SPECIFIER.finditer(format_):
        told += _literal(format_[end : found.start()])
        kind, end = found[0][-1], found.end()
        name = NAMES.get(kind)
        digits = "[0-9]{4}" if name == "year" else "[0-9]{1,2}"
        if name is None or name in named:
            told += OTHERS.get(kind, ".+?") if name is None else digits
        else:
            named.add(name)
            told += f"(?P<{name}>{digits})"
    return re.compile(told + _literal(format_[end:]))


def _literal(text: str) -> str:
    """A time of day may begin with a blank or a T: what is wrong with the rest is the same."""
    return "".join("[ T]" if one in " T" else re.escape(one) for one in text)
