"""What is the same wherever this machine asks another one over HTTP: which addresses are safe, what is worth another attempt."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx

LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
USER_AGENT = "cryptodudez"
LONGEST_ASKED = 366 * 86_400.0
"""Seconds; whoever asks to be left alone for longer is taken for that."""
PACKED = ("gzip", "deflate")
"""How an answer may be packed. These grow a thousandfold at most; others, or several in one another, without bound."""


class Failed(Exception):
    """There is no answer, and why, in words without secrets. `status` is the HTTP status that ended it, if one did.

    `for_all`: whatever else is asked of this venue now would be refused, too.
    """

    def __init__(self, reason: str, status: int | None = None, *, for_all: bool = False) -> None:
        super().__init__(reason)
        self.status, self.for_all = status, for_all


class Missing(Failed):
    """Nothing can be asked: a token is missing, a budget is spent. The words say what to do about it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, for_all=True)


class Later(Exception):
    """Not now: worth another attempt, after as many seconds as the server asks for. `for_all`: whatever is asked of it."""

    def __init__(self, reason: str, after: float | None = None, *, for_all: bool = False) -> None:
        super().__init__(reason)
        self.after, self.for_all = after, for_all


def retry_after(asked: str, now: datetime) -> float | None:
    """Seconds to wait, as the header `Retry-After` says; it holds those or a date."""
    if asked.isascii() and asked.isdecimal():
        return min(float(asked), LONGEST_ASKED)
    until = http_date(asked)
    return None if until is None else min(max(0.0, (until - now).total_seconds()), LONGEST_ASKED)


def http_date(told: str) -> datetime | None:
    """The time in a header such as `Date`, in UTC; None where there is none."""
    try:
        at = parsedate_to_datetime(told)
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # the last hour of the year 9999 may have none in UTC
        return None


def is_bounded(headers: httpx.Headers) -> bool:
    """Whether an answer is packed so that a block of it stays small when it is unpacked, or not at all."""
    return headers.get("content-encoding", "identity").strip().lower() in ("identity", "", *PACKED)


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(url: httpx.URL) -> bool:
    """Whether nobody on the way can read or change what is said: HTTPS, or HTTP within this machine."""
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))


def shown(url: httpx.URL | str) -> str:
    """A URL as people may see it: what is behind the path or before the host may be secret."""
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode()}{parsed.path}"
