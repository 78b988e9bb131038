"""What X's API (version 2) answers: stated once, for the client and for the server that stands in.

Reading of answers belongs here, and the limits and prices that X documents. What can be asked for is in `asking.py`; connections,
waiting and money are elsewhere. Only what the client itself needs is typed: the bytes are kept as they came. Money is in millionths
of a dollar, so that sums are exact.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

URL = "https://api.x.com/2"
WINDOW_SECONDS = 900
"""Limits are so many requests in this time; the headers of an answer tell what is left, and they are right where they differ."""
MOST_REQUESTS = 1_000_000
"""In a window; a limit beyond is none."""
LIMIT_HEADERS = ("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset")
POST_MICROS, USER_MICROS = 5_000, 10_000
"""Millionths of a dollar for a post and for a user that are read; what was paid for is free until the UTC day ends."""
DOLLAR = 1_000_000
USAGE, JOBS = "usage/tweets", "compliance/jobs"
USAGE_LIMIT, JOBS_LIMIT = 50, 150
USAGE_CAPPED = "usage-capped"
"""How the type of the refusal ends that is not to be repeated: nothing more is sold this month."""
KEEPS_POST = "scrub_geo"
"""The one reason of compliance for which a post may stay: its place goes, which is never asked for."""

MOST_POSTS = 10**9
"""Nobody reads so many in a month: a count of more is none."""
NO_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What reading raises where there is no JSON of the kind: broken, no text, or lists in lists without end."""

T = TypeVar("T")


class NotUnderstood(ValueError):
    """An answer that is not of the protocol. What it says begins with what was found."""


class Post(msgspec.Struct, frozen=True):
    """A post. Fields that are null are left out by X."""

    id: str
    author_id: str = ""
    created_at: datetime | None = None


class User(msgspec.Struct, frozen=True):
    """An account."""

    id: str
    username: str = ""


class Includes(msgspec.Struct, frozen=True):
    """What posts refer to, where it was asked for. It is paid for as well."""

    users: list[User] = []
    tweets: list[Post] = []


class Meta(msgspec.Struct, frozen=True):
    """About a page. The last one has no token of a next one."""

    result_count: int = 0
    next_token: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Why there is no answer, or (beside an answer) no part of it."""

    title: str = ""
    detail: str = ""
    type: str = ""
    message: str = ""
    value: str = ""
    resource_id: str = ""

    @property
    def told(self) -> str:
        """In one line."""
        said = self.message or self.detail or "no reason is told"
        return f"{self.title}: {said}" if self.title and self.title != said else said


class Page(msgspec.Struct, frozen=True):
    """A page of posts, the newest first; `errors` are about parts of it."""

    data: list[Post] = []
    includes: Includes = Includes()
    meta: Meta | None = None
    errors: list[Problem] = []

    @property
    def posts_read(self) -> list[str]:
        """Ids of the posts that are paid for."""
        return [one.id for one in (*self.data, *self.includes.tweets)]

    @property
    def users_read(self) -> list[str]:
        """Ids of the accounts that are paid for."""
        return [one.id for one in self.includes.users]


class UsageOfDay(msgspec.Struct, frozen=True):
    """Posts that a project read on a day."""

    date: datetime
    usage: int


class DailyUsage(msgspec.Struct, frozen=True):
    """The same of each day."""

    usage: list[UsageOfDay] = []


class Usage(msgspec.Struct, frozen=True):
    """What X counts of a project, whoever asked. Numbers come as texts, too."""

    project_usage: int = 0
    project_cap: int = 0
    daily_project_usage: DailyUsage = DailyUsage()

    def posts_in(self, month: date) -> int:
        """Posts read in the calendar month of this day."""
        days = self.daily_project_usage.usage
        return sum(one.usage for one in days if (one.date.year, one.date.month) == month.timetuple()[:2])


class Job(msgspec.Struct, frozen=True):
    """A job of batch compliance. Ids are put to `upload_url`; what became of the posts is got from `download_url`."""

    id: str
    status: str
    name: str = ""
    upload_url: str = ""
    download_url: str = ""


class Compliance(msgspec.Struct, frozen=True):
    """A post that is not to be kept, or not as it was, and why."""

    id: str
    reason: str = ""
    action: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether the post has to go."""
        return self.reason != KEEPS_POST


class RateLimit(NamedTuple):
    """What the headers of an answer tell: how many requests in a window, how many are left, and seconds until the next window."""

    limit: int
    remaining: int
    seconds: float


class _Errors(msgspec.Struct):
    errors: list[Problem] = []


class _Data(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")


_PAGE = msgspec.json.Decoder(Page)
_PROBLEM = msgspec.json.Decoder(Problem)
_ERRORS = msgspec.json.Decoder(_Errors)
_DATA = msgspec.json.Decoder(_Data)
_USAGE = msgspec.json.Decoder(Usage, strict=False)
_JOB = msgspec.json.Decoder(Job)
_JOBS = msgspec.json.Decoder(list[Job] | None)
_COMPLIANCE = msgspec.json.Decoder(Compliance)


def read_page(body: bytes) -> Page:
    """A page of a timeline or of a search. Raises NotUnderstood, also where there are neither posts nor a word about them."""
    page = _read(body, _PAGE)
    if page.meta is None and not page.data and not page.errors:
        raise NotUnderstood(f"{_shown(body)}: neither posts nor `meta` nor `errors`")
    return page


def read_usage(body: bytes) -> Usage:
    """The answer of `usage/tweets`. Raises NotUnderstood."""
    return _read(_read(body, _DATA).data, _USAGE)


def read_job(body: bytes) -> Job:
    """A job of compliance. Raises NotUnderstood."""
    return _read(_read(body, _DATA).data, _JOB)


def read_jobs(body: bytes) -> list[Job]:
    """All jobs of compliance there are. Raises NotUnderstood."""
    return _read(_read(body, _DATA).data, _JOBS) or []


def read_compliance(lines: bytes) -> Iterator[Compliance]:
    """What a job found: a JSON object a line. Raises NotUnderstood."""
    for line in lines.splitlines():
        if line.strip():
            yield _read(line, _COMPLIANCE)


def problem_of(body: bytes) -> Problem:
    """What an answer says went wrong; it says nothing where it is no JSON, or of another shape."""
    try:
        problem = _PROBLEM.decode(body)
        inner = _ERRORS.decode(body).errors
    except NO_JSON:
        return Problem()
    first = next((one.message or one.detail for one in inner), "")
    return msgspec.structs.replace(problem, message=first) if first and not problem.message else problem


def is_json(body: bytes) -> bool:
    """Whether it is JSON at all."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except NO_JSON:
        return False
    return True


def is_spent(problem: Problem) -> bool:
    """Whether a refusal says that nothing more is sold this month: it is not to be repeated."""
    return problem.title == "UsageCapExceeded" or problem.type.endswith(USAGE_CAPPED)


def rate_limit(headers: Sequence[str | None], server_time: datetime) -> RateLimit | None:
    """The values of `LIMIT_HEADERS`, by the clock of the server; None where they say nothing."""
    try:
        limit, remaining, reset = (int(one or "") for one in headers)
        seconds = max(0.0, reset - server_time.timestamp())
    except (ValueError, OverflowError):
        return None
    if not 0 < limit <= MOST_REQUESTS:  # who may never ask would never hear that it is otherwise
        return None
    return RateLimit(limit, min(max(0, remaining), limit), seconds)


def time_text(moment: datetime) -> str:
    """As X writes times in requests: to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def days_between(began: datetime, ended: datetime) -> list[date]:
    """The UTC days of a request: two at midnight."""
    first, last = began.astimezone(UTC).date(), ended.astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def dollars(micros: int) -> str:
    """An amount of money as people read it."""
    return f"${micros / DOLLAR:.2f}" if micros % 10_000 == 0 else f"${micros / DOLLAR:.3f}"


def _read(body: bytes | msgspec.Raw, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        return decoder.decode(body)
    except NO_JSON as error:
        try:  # half a pair of code units in a text, which X cut off there, is no fault of what is read here
            return msgspec.convert(_whole(json.loads(bytes(body))), decoder.type)
        except (ValueError, RecursionError):
            raise NotUnderstood(f"{_shown(bytes(body))}: {error}") from None


def _whole(read: Any) -> Any:
    """What was read of JSON, with a sign in the place of what is no character."""
    if isinstance(read, dict):
        return {name: _whole(value) for name, value in read.items()}
    if isinstance(read, list):
        return [_whole(value) for value in read]
    return read.encode("utf-8", "replace").decode() if isinstance(read, str) else read


def _shown(body: bytes) -> str:
    return repr(body[:120])
