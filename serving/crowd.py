"""Who is connected, and who has to go when there are too many. What a single connection may do is for `connections`."""

import logging
import resource
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Protocol

from uvicorn.server import ServerState

REPORT_SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bounds:
    """What a connection may cost. Seconds count from what came last: the connection, the first byte of a head, its end, the answer."""

    head_bytes: int = 32 * 1024
    header_lines: int = 100
    pipelined: int = 8  # requests that wait for the answer to an earlier one
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 60.0  # to take 64 KiB of a long answer, or what is left of it once the app has written it
    linger_seconds: float = 1.0
    connections: int = 1000

    @property
    def most(self) -> int:
        """Connections in all: at most half of what the process may open, the rest is for databases and tables."""
        return max(2, min(self.connections, _openable() // 2))

    @property
    def share(self) -> int:
        """Connections of one client."""
        return self.most // 2

    @property
    def backlog(self) -> int:
        """Connections that may wait to be accepted: so many more may be open for a moment, before those that go are closed."""
        return self.most // 2


class Member(Protocol):
    """What the crowd knows of a connection."""

    client: tuple[str, int] | None
    due: float
    """The time of the loop at which it has dawdled for too long."""

    @property
    def rank(self) -> int | None:
        """How little is lost with it, 0 for least: asked nothing yet, waits, sends, takes its answer. None: is being answered."""

    def overdue(self) -> None:
        """End it for being late."""

    def end(self, why: str) -> None:
        """End it at once, and leave."""


class Crowd(ServerState):
    """The connections of a server, by client. A newcomer above a bound takes the place of one that waits or dawdles."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self.bounds = bounds
        self._most, self._share = bounds.most, bounds.share
        self._admitted: dict[Member, None] = {}  # in the order in which they came, as those of each client
        self._clients: dict[str | bytes, dict[Member, None]] = {}
        self._ended: Counter[str] = Counter()
        self._reported = -inf

    def admit(self, one: Member) -> bool:
        """Count it in, for which another may have to go; False where all others are being answered."""
        neighbours = self._clients.get(client_of(one.client), {})
        crowded = neighbours if len(neighbours) >= self._share else self._admitted
        if crowded is neighbours or len(crowded) >= self._most:
            leaver = _most_dispensable(crowded)
            if leaver is None:
                return False
            leaver.end("made room for others")
        self._admitted[one] = None
        self._clients.setdefault(client_of(one.client), {})[one] = None
        return True

    def leave(self, one: Member) -> None:
        """Count it out, if it is in."""
        if one not in self._admitted:
            return
        del self._admitted[one]
        neighbours = self._clients[client_of(one.client)]
        del neighbours[one]
        if not neighbours:
            del self._clients[client_of(one.client)]

    def sweep(self, now: float) -> None:
        """End what is overdue, and tell now and then what was ended: a line for each would fill the disk."""
        for one in [each for each in self._admitted if each.due < now]:
            one.overdue()
        if self._ended and now - self._reported > REPORT_SECONDS:
            log.warning("connections ended: %s", ", ".join(f"{count:,} {why}" for why, count in self._ended.items()))
            self._ended.clear()
            self._reported = now

    def note(self, why: str) -> None:
        """Count what was ended for the next report."""
        self._ended[why] += 1


def client_of(address: tuple[str, int] | None) -> str | bytes:
    """Whom an address stands for: with IPv6 anybody has 2**64 of them, which begin alike."""
    if address is None:
        return ""
    host = address[0]
    if ":" not in host or "." in host:  # the latter is one of IPv4 in a longer form
        return host
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8]


def _most_dispensable(connections: Iterable[Member]) -> Member | None:
    if silent := next((one for one in connections if one.rank == 0), None):
        return silent  # the one that came first
    ranked = [(one.rank, one.due, one) for one in connections if one.rank is not None]
    return min(ranked, key=lambda each: each[:2])[2] if ranked else None


def _openable() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31
