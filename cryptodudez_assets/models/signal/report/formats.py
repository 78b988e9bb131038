"""How numbers are printed in the report: true minus signs, nothing torn apart, a dash where there is none."""

from datetime import date
from math import isfinite

from cryptodudez_assets.models.findings import Interval

NONE = "–"
SPACE = "\u00a0"


def number(value: float | None, digits: int = 3) -> str:
    """`−0.025`."""
    if value is None or not isfinite(value):
        return NONE
    return f"{value:,.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """`51.7 %`."""
    return NONE if value is None or not isfinite(value) else f"{number(100 * value, digits)}{SPACE}%"


def gain(value: float | None, digits: int = 1) -> str:
    """`+51.7 %`: a percentage that says its sign."""
    sign = "+" if value is not None and isfinite(value) and value > 0 else ""
    return sign + percent(value, digits)


def between(one: Interval | None, digits: int = 3) -> str:
    """`[0.281, 0.351]`; nothing where no interval was made."""
    return f"[{number(one.low, digits)},{SPACE}{number(one.high, digits)}]" if one else ""


def estimate(value: float, one: Interval | None, digits: int = 3, apart: str = " ") -> str:
    """A number with its interval."""
    return f"{number(value, digits)}{apart}{between(one, digits)}".rstrip()


def spoken(name: str) -> str:
    """`buy and hold` for `buy_and_hold`."""
    return name.replace("_", " ")


def day(one: date) -> str:
    """`5 July 2021`."""
    return f"{one.day} {one:%B %Y}"


def span(days: int) -> str:
    """`1 day`, `5 days`."""
    return f"{days:,}{SPACE}day{'' if days == 1 else 's'}"
