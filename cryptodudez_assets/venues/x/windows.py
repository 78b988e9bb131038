"""Turns for requests to an endpoint of X, which counts them in windows and tells in each answer what is left of one.

What the headers tell is kept in a file, for all processes of a home: they are right where X documents other limits.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.x.protocol import WINDOW_SECONDS, RateLimit

SAME_WINDOW_SECONDS = 2.0
"""Ends of one window that are told twice differ by less: they are told in whole seconds."""


class Window(msgspec.Struct):
    """Of how many requests in a window how many are left, and when (Unix time) it ends. `is_told`: by X; else it is our guess."""

    limit: int
    left: int
    ends: float = 0.0
    is_told: bool = False
    last: float = 0.0


class Windows(Governor):
    """Turns for one endpoint. `limit`: as documented; `apart`: seconds between two requests. `turns`: that this object gave."""

    def __init__(
        self, folder: Path, name: str, limit: int, apart: float = 0.0, wall: Callable[[], float] = time.time
    ) -> None:
        super().__init__(folder / f"x_{name}.json", [(limit, WINDOW_SECONDS)], wall)
        self._limit, self._apart = limit, apart
        self.turns = 0

    def take(self, weight: int = 1) -> float:
        """Count a request, if one may be made now. Returns how many seconds later it may be, or 0."""
        with self._lock:
            window, now = self._window(), self._wall()
            pause = max(0.0, min(window.last + self._apart - now, self._apart))
            if window.left < weight:
                pause = max(pause, window.ends - now)
            if not pause:
                if not window.ends:
                    window.ends = now + WINDOW_SECONDS
                window.left, window.last = window.left - weight, now
                self._keep(window)
                self.turns += 1
            return pause

    def lock(self, seconds: float) -> None:
        """X refused: nobody asks for so long."""
        with self._lock:
            window = self._window()
            window.left, window.ends, window.is_told = 0, self._wall() + seconds, True
            self._keep(window)

    def heard(self, told: RateLimit) -> None:
        """An answer told what is left. Requests that are under way were counted here, but may not be counted there yet."""
        with self._lock:
            window = self._window()
            ends = self._wall() + told.seconds
            is_new = window.is_told and ends > window.ends + SAME_WINDOW_SECONDS
            left = told.remaining if is_new else min(window.left, told.remaining)
            self._keep(Window(told.limit, left, ends, True, window.last))

    def _window(self) -> Window:
        """The window as it is now: a new one, of which nothing was told, where the last one is over."""
        try:
            window = msgspec.json.decode(self._path.read_bytes(), type=Window)
        except (FileNotFoundError, msgspec.DecodeError):
            window = Window(self._limit, self._limit)
        now = self._wall()
        if window.ends and not now < window.ends <= now + 2 * WINDOW_SECONDS:  # or a clock was wrong
            window = Window(window.limit, window.limit, last=min(window.last, now))
        return window

    def _keep(self, window: Window) -> None:
        self._path.write_bytes(msgspec.json.encode(window))
