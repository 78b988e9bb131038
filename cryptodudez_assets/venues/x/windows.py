"""Turns for requests to an endpoint of X, which counts them in windows and tells in each answer what is left of one.

What the headers tell is kept in a file, for all processes of a home: they are right where X documents other limits.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cryptodudez_assets.venues.governor import Governor, replace_file
from cryptodudez_assets.venues.x.protocol import WINDOW_SECONDS, RateLimit

SAME_WINDOW_SECONDS = 2.0
"""Ends of one window that are told twice differ by less: they are told in whole seconds."""
UNDER_WAY_SECONDS = 90.0
"""A request that nobody told the end of is over by then: whoever made it was killed."""


class Window(msgspec.Struct):
    """Of how many requests in a window how many are left, and when (Unix time) it ends. `is_told`: by X; else it is our guess.

    `under_way`: when requests were begun that are not over. X may count them in this window or the next, before or behind what it tells.
    """

    limit: int
    left: int
    ends: float = 0.0
    is_told: bool = False
    last: float = 0.0
    under_way: list[float] = []


class Windows(Governor):
    """Turns for one endpoint, of one call. `limit`: as documented; `apart`: seconds between two requests. `turns`: so many it had."""

    def __init__(
        self, folder: Path, name: str, limit: int, apart: float = 0.0, wall: Callable[[], float] = time.time
    ) -> None:
        super().__init__(folder / f"x_{name}.json", [(limit, WINDOW_SECONDS)], wall)
        self._limit, self._apart = limit, apart
        self._begun: float | None = None
        self.turns = 0

    def take(self, weight: int = 1) -> float:
        """Count a request, if one may be made now. Returns how many seconds later it may be, or 0. The one before is over."""
        with self._lock:
            window, now = self._window(), self._wall()
            pause = max(0.0, min(window.last + self._apart - now, self._apart))
            if window.left < weight:
                pause = max(pause, (window.ends or now + 1.0) - now)
            if not pause:
                window.ends = window.ends or now + WINDOW_SECONDS
                window.left, window.last = window.left - weight, now
                window.under_way.append(now)
                self._begun = now
                self.turns += 1
            self._keep(window)
            return pause

    def lock(self, seconds: float) -> None:
        """X refused: nobody asks for so long."""
        with self._lock:
            window = self._window()
            window.left, window.ends, window.is_told = 0, self._wall() + seconds, True
            self._keep(window)

    def over(self, told: RateLimit | None) -> None:
        """The request is over; its answer told what is left, or nothing."""
        with self._lock:
            window = self._window()
            if told is not None:
                ends = self._wall() + told.seconds
                left = told.remaining - len(window.under_way)
                if not (window.is_told and ends > window.ends + SAME_WINDOW_SECONDS):
                    left = min(window.left, left)
                window = Window(told.limit, left, ends, True, window.last, window.under_way)
            self._keep(window)

    def _window(self) -> Window:
        """The window as it is now, without the request of this call: a new one, of which nothing was told, where the last is over."""
        try:
            window = msgspec.json.decode(self._path.read_bytes(), type=Window)
        except (FileNotFoundError, msgspec.DecodeError):
            window = Window(self._limit, self._limit)
        now = self._wall()
        if self._begun in window.under_way:
            window.under_way.remove(self._begun)
        self._begun = None
        window.under_way = [at for at in window.under_way if now - UNDER_WAY_SECONDS < at <= now]
        if window.ends and not now < window.ends <= now + 2 * WINDOW_SECONDS:  # or a clock was wrong
            left = window.limit - len(window.under_way)
            window = Window(window.limit, left, last=min(window.last, now), under_way=window.under_way)
        return window

    def _keep(self, window: Window) -> None:
        replace_file(self._path, msgspec.json.encode(window))
