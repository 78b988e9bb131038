"""What a rule of notification declares: its name, what it is about, and how much it matters.

Data only. Who looks whether it is the case is said with each condition; how people are told is in `notifications/`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from cryptodudez_assets.venues.bitso.protocol import BOOK

NAME = re.compile(r"[a-z][a-z0-9_]*")
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True)
class Threshold:
    """When a spread is too wide; all in percent of the ask, and seconds.

    It starts when the spread is over `over` for `for_seconds` in a row, and is over once it is below `clear_below` (by default
    `over`). For `quiet_for` seconds after that, no other start is told.
    """

    over: float
    clear_below: float | None = None
    for_seconds: int = 1
    quiet_for: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.over < 100:
            raise ValueError(f"over={self.over!r}: expected percent between 0 and 100")
        if self.clear_below is not None and not 0 < self.clear_below <= self.over:
            raise ValueError(f"clear_below={self.clear_below!r}: expected percent of at most over={self.over!r}")
        if self.for_seconds < 1:
            raise ValueError(f"for_seconds={self.for_seconds!r}: expected 1 or more")
        if self.quiet_for < 0:
            raise ValueError(f"quiet_for={self.quiet_for!r}: expected 0 or more")

    @property
    def clears_below(self) -> float:
        """The spread below which it is over."""
        return self.over if self.clear_below is None else self.clear_below


@dataclass(frozen=True)
class Condition:
    """What a rule is about; one of the classes below."""


@dataclass(frozen=True)
class SpreadOver(Condition):
    """The spread of a book is over a threshold: each is an alert of its own. The recorder looks, every second."""

    books: Mapping[str, tuple[Threshold, ...]]

    def __post_init__(self) -> None:
        for book in self.books:
            _insist_on_book(book)


@dataclass(frozen=True)
class NoData(Condition):
    """A recorder knows nothing of a book, for so many seconds in a row: of a gap, or of a book that is only carried on.

    The recorder looks, for the books that it records; other ones may still see them.
    """

    gap_seconds: int = 30
    carried_seconds: int = 900

    def __post_init__(self) -> None:
        if self.gap_seconds < 1 or self.carried_seconds < 1:
            raise ValueError("gap_seconds and carried_seconds: expected 1 or more")


@dataclass(frozen=True)
class NoRecords(Condition):
    """The newest second of a book in the table is too old: no recorder works, or nothing of it lands.

    A file lands every ten minutes. Dagster's sensor looks, and so do headless runs; a book that was never recorded is not missed.
    """

    books: tuple[str, ...]
    after: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        for book in self.books:
            _insist_on_book(book)
        if self.after <= timedelta(0):
            raise ValueError(f"after={self.after!r}: expected more than nothing")


@dataclass(frozen=True)
class FailedCheck(Condition):
    """A blocking check of an asset failed: what stands on the asset is held back."""


@dataclass(frozen=True)
class LowQuality(Condition):
    """A derived table was not replaced by what was computed (the check `replaced`), or its newest day is poor (`quality`)."""


@dataclass(frozen=True)
class StaleData(Condition):
    """The newest event of a source is older than the source allows (the check `fresh`)."""


@dataclass(frozen=True)
class Drift(Condition):
    """What a signal's model sees is unlike what it was judged on (the check `no_drift`)."""


@dataclass(frozen=True)
class DeadLetter(Condition):
    """A message of the queue that tells what lands in the bucket cannot be read, and is kept aside. The sensor that drains it looks.

    It is told at most once in the rule's `quiet_for`.
    """


@dataclass(frozen=True)
class DecisionChanged(Condition):
    """A signal says something else than it said before. Before the first, it is taken to have said HODL."""


@dataclass(frozen=True)
class Notify:
    """A rule: people are told when `when` begins to be the case, and when it is over.

    `name`: events and their ids are made of it, so another name is another incident. `title`: what it is about, in words.
    `quiet_for`: so long after an incident is over no other of the same subject is told; thresholds of spreads have their own.
    """

    name: str
    title: str
    when: Condition
    severity: Literal["info", "warning", "critical"] = "warning"
    quiet_for: timedelta = field(default=timedelta(0))


def problem_of(rule: Notify) -> str | None:
    """Why a declaration cannot be taken; None if it can."""
    if not isinstance(rule.name, str) or not NAME.fullmatch(rule.name):
        return f"name={rule.name!r}: expected small letters, digits and _"
    if not isinstance(rule.title, str) or not rule.title.strip():
        return f"title={rule.title!r}: expected a few words"
    if not isinstance(rule.when, Condition) or type(rule.when) is Condition:
        return f"when={rule.when!r}: expected a condition such as SpreadOver(…) or FailedCheck()"
    if rule.severity not in SEVERITIES:
        return f"severity={rule.severity!r}: expected one of {', '.join(SEVERITIES)}"
    if not isinstance(rule.quiet_for, timedelta) or rule.quiet_for < timedelta(0):
        return f"quiet_for={rule.quiet_for!r}: expected a timedelta that is not negative"
    if rule.quiet_for and isinstance(rule.when, SpreadOver):
        return f"quiet_for={rule.quiet_for!r}: say it of each Threshold"
    return None


def _insist_on_book(book: str) -> None:
    if not BOOK.fullmatch(book):
        raise ValueError(f"{book!r} is no book: expected a name such as btc_mxn")
