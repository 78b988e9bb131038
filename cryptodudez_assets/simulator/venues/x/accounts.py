"""What X counts: requests of each endpoint in windows, what was read and what it costs, by X's own clock."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptodudez_assets.venues.x.protocol import LIMIT_HEADERS, POST_MICROS, USER_MICROS


@dataclass
class Window:
    """Requests of an endpoint since the window began. `is_storm`: everything is refused until it ends."""

    ends: float
    asked: int = 0
    is_storm: bool = False


class Limits:
    """So many requests of an endpoint in a window.

    `refused` counts those that came although there was none left, `in_storms` those that came while everything was refused.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._windows: dict[str, Window] = {}
        self._last: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.in_storms: Counter[str] = Counter()
        self.storms = 0

    def storm(self, endpoint: str, now: float, seconds: float) -> None:
        """Refuse everything of an endpoint for a while."""
        self._windows[endpoint] = Window(now + seconds, is_storm=True)
        self.storms += 1

    def is_allowed(self, endpoint: str, limit: int, now: float, apart: float = 0.0) -> bool:
        """Count a request; whether it is answered. `apart`: seconds that have to lie between two."""
        window = self._window(endpoint, now)
        too_soon = now - self._last.get(endpoint, -apart) < apart
        self._last[endpoint] = now
        self.asked[endpoint] += 1
        if window.is_storm:
            self.in_storms[endpoint] += 1
            return False
        if window.asked >= limit or too_soon:
            self.refused[endpoint] += 1
            return False
        window.asked += 1
        return True

    def headers(self, endpoint: str, limit: int, now: float) -> dict[str, str]:
        """What each answer tells: the limit, what is left of it, and when the window ends."""
        window = self._window(endpoint, now)
        left = 0 if window.is_storm else limit - window.asked
        return dict(zip(LIMIT_HEADERS, (str(limit), str(left), str(-int(-window.ends // 1))), strict=True))

    def _window(self, endpoint: str, now: float) -> Window:
        window = self._windows.get(endpoint)
        if window is None or now >= window.ends:
            # Ends are told in whole seconds: a window lasts until the second that was told.
            window = self._windows[endpoint] = Window(-(-(now + self._seconds) // 1))
        return window


@dataclass
class Bill:
    """What was read and is paid for: what was paid for once is free until the UTC day ends. `cap`: posts sold in a month."""

    cap: int
    micros: int = 0
    posts_by_day: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    _paid: set[tuple[str, str]] = field(default_factory=set)

    def read(self, posts: Iterable[str], users: Iterable[str], now: float) -> None:
        """These were read."""
        day = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        for one in posts:
            if self._is_new(day, f"post {one}"):
                self.posts_by_day[day] += 1
                self.micros += POST_MICROS
            else:
                self.repeats += 1
        self.micros += USER_MICROS * sum(self._is_new(day, f"user {one}") for one in users)

    def in_month(self, now: float) -> int:
        """Posts read in this month."""
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        return sum(number for day, number in self.posts_by_day.items() if day.startswith(month))

    def is_capped(self, now: float) -> bool:
        """Whether nothing more is sold this month."""
        return self.in_month(now) >= self.cap

    def _is_new(self, day: str, what: str) -> bool:
        is_new = (day, what) not in self._paid
        self._paid.add((day, what))
        return is_new
