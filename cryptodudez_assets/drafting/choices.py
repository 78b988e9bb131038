"""What a user can decide about a draft, and how it is said that something must be decided, or that no source can be made."""

from collections.abc import Sequence
from dataclasses import dataclass

ORDERS = ("day-first", "month-first", "year-first")
NO_TIME = "none"
"""What is named instead of a column where none tells a time."""


@dataclass(frozen=True)
class Choices:
    """What the user says; what is not said is found out, or asked for.

    `dates`: in which order dates are written (one of `ORDERS`). `key`: the columns that tell a fact, as in the file or in the
    table. `time`: the column that tells when, or two that tell day and time of day; `NO_TIME` for the time of landing.
    `header`: the first record holds names, whatever it looks like. `names`: those of all columns, of a file without a header, or
    of records that are lists. `rows`: where in a JSON document the rows are.
    """

    dates: str | None = None
    key: Sequence[str] = ()
    time: Sequence[str] = ()
    header: bool = False
    names: Sequence[str] = ()
    rows: str = ""


class Unusable(Exception):
    """The sample or the name cannot become a source; the message says why, and what to do."""


class Undecided(Unusable):
    """Only the user can decide; the message says what, and which option decides it."""


def listed(told: str | None) -> list[str]:
    """The columns of an option such as `exchange,pair`."""
    return [name.strip() for name in (told or "").split(",") if name.strip()]
