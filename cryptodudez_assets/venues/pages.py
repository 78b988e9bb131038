"""What is asked of a venue and what it answers, page by page: the words that feeds, clients and whoever lands answers share.

No HTTP (`fetching.py`), no venue's own protocol, and nothing of the lake.
"""

import random
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

SERIES_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
STAMP = "%Y%m%dT%H%M%SZ"
"""How a time is written in the path of an answer, in UTC."""
STAMP_PATTERN = r"\d{8}T\d{6}Z"
SIMULATED = "x-simulated"
"""The header by which a server that stands in for a venue says in each answer that it does."""


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time, without its end; both in UTC and whole seconds, as paths of answers have them."""

    first: datetime
    until: datetime

    def __post_init__(self) -> None:
        for at in (self.first, self.until):
            if at.utcoffset() != timedelta(0) or at.microsecond:
                raise ValueError(f"{at!r}: expected a time in UTC, in whole seconds")
        if self.until < self.first:
            raise ValueError(f"it ends at {self.until:{STAMP}}, before it begins at {self.first:{STAMP}}")

    def __str__(self) -> str:
        return f"{self.first:%Y-%m-%d %H:%M:%S} to {self.until:%Y-%m-%d %H:%M:%S}"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.until - self.first).total_seconds()

    def without(self, others: Iterable["Span"]) -> list["Span"]:
        """What is left of it outside of all others, in order."""
        left, at = [], self.first
        for other in sorted(others):
            if other.until <= at or other.first >= self.until or not other.seconds:
                continue
            if other.first > at:
                left.append(Span(at, other.first))
            at = max(at, other.until)
        return [*left, Span(at, self.until)] if at < self.until else left


@dataclass(frozen=True)
class Series:
    """One thing that a feed asks for over time: candles of a symbol and interval, posts that a query finds.

    `name` becomes part of paths. `parameters` are what the client makes requests of.
    """

    name: str
    parameters: Mapping[str, str]

    def __post_init__(self) -> None:
        if not SERIES_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r}: expected letters, digits and . _ -, at most 100, as it names a folder")


@dataclass(frozen=True)
class Request:
    """What a venue is asked: the path below its address, and parameters that are no secret. `content_type`: of a body."""

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""


@dataclass(frozen=True)
class Answer:
    """What a venue answered.

    `body` is what it sent, byte for byte (unpacked, where it was packed for the way). `headers` have names in small letters and
    no secret. `asked_at` and `received_at` are this machine's; `server_time` is what the header `Date` says, if it says something.
    """

    request: Request
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_at: datetime
    received_at: datetime
    server_time: datetime | None

    @property
    def told_at(self) -> datetime:
        """When it was answered, in whole seconds: by the server's clock, or, where it tells none, by this machine's."""
        return (self.server_time or self.received_at).replace(microsecond=0)

    @property
    def is_simulated(self) -> bool:
        """Whether a server that stands in for the venue says that it does."""
        return SIMULATED in self.headers


@dataclass(frozen=True)
class Page:
    """An answer, and what it settles. It tells everything that there is within `covered`.

    What it tells of the time before `final_until` will not be asked again; nothing is final where that is where `covered` begins.
    `is_empty`: it tells that there is nothing. It is kept, too, and not read.
    """

    answer: Answer
    covered: Span
    final_until: datetime
    is_empty: bool = False

    def __post_init__(self) -> None:
        if not self.covered.first <= self.final_until <= self.covered.until:
            raise ValueError(f"final until {self.final_until:{STAMP}}, which is not within {self.covered}")

    @property
    def final(self) -> Span:
        """What need not be asked again."""
        return Span(self.covered.first, self.final_until)


class Client(Protocol):
    """Asks a venue. Raises `Failed` where there is no answer, and `Missing` where it cannot even ask (`http.py`)."""

    def pages(self, series: Series, span: Span) -> AsyncIterator[Page]:
        """All that there is of the series in this time, in as few requests as it takes. Each page is landed before the next is asked
        for, so that whatever ends this goes on behind it."""

    async def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds. `attempts`: how many in a row may fail.

    A venue that asks for more than `longest_wait` is not waited for.
    """

    attempts: int = 6
    first_wait: float = 1
    longest_wait: float = 120
    connect_timeout: float = 10
    read_timeout: float = 30
    whole_answer: float = 60

    def wait(self, failures: int, asked: float | None) -> float:
        """Seconds before the next attempt: what the server asks for, or twice as long each time, with jitter."""
        backoff = min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))
        return max(asked or 0, backoff * random.uniform(0.5, 1))


class Database(Protocol):
    """Transactions that exclude each other, of all processes. Safe for threads."""

    def transaction(self) -> Any:
        """A context: what is run inside is kept together, and survives a power cut once it ends."""

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement, with `?` for values."""

    def close(self) -> None:
        """Let go of the connection."""


@dataclass(frozen=True)
class Access:
    """What a client is handed to ask with.

    `url`: where the venue is; empty for its public address. `folder`: where governors keep what they count, for all processes of a
    home. `open_database`: opens where what is spent is reserved, given the statements that make its tables and what they are about.
    `dollars_a_month`: how much may be spent. `tell`: hears of what is waited for, and of what people should know.
    """

    folder: Path
    url: str = ""
    token: SecretStr | None = None
    open_database: Callable[[Sequence[str], str], Database] | None = field(default=None, repr=False)
    dollars_a_month: Decimal = Decimal(0)
    patience: Patience = Patience()
    tell: Callable[[str], None] = lambda _: None


def answer_path(series: str) -> str:
    """The regular expression that the end of an answer's path matches, for the `path` of a layout.

    `series` is that of the series' name, such as `(?P<symbol>[A-Z0-9]+)-(?P<interval>[0-9]+[a-zA-Z])`.
    """
    return rf"series={series}/{STAMP_PATTERN}(?:_{STAMP_PATTERN}){{3}}(?:-\d+)?\.\w+$"


def days(first: datetime, last: datetime) -> Span:
    """Whole days in UTC, both included."""
    begin = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = last.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(begin, end + timedelta(days=1))
