"""Which seconds are due: the grid of UTC seconds, paced by the monotonic clock, and what is done where the wall clock steps.

Each second is due once, whatever the clocks do. Waiting belongs to whoever asks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

STEP_SECONDS = 0.5
"""A wall clock that differs by so much from where the monotonic one has it was set. Less is followed without a word."""
FOLLOWED_SECONDS = 60.0
"""A step back by more than this is not followed: nothing would be recorded for as long."""
FILLED_SECONDS = 3600
"""So many seconds that were missed get a record each; of a longer time only the gap is told."""


@dataclass(frozen=True)
class Due:
    """What is to be recorded now: the seconds that were missed, and the one that is now, if one begins.

    `step` is by how many seconds the wall clock was set, `late` how long after the second this is.
    """

    missed: range
    now: int | None
    late: float = 0.0
    step: float = 0.0

    @property
    def is_long(self) -> bool:
        """Whether so many seconds were missed that not each of them gets a record."""
        return len(self.missed) > FILLED_SECONDS


class Pacer:
    """The grid. `wall` and `monotonic` tell the time in seconds; `last` is the last second that was recorded, if there is one."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float], last: int | None = None) -> None:
        self.wall, self.monotonic = wall, monotonic
        self.offset = wall() - monotonic()
        self.last = floor(self.time()) if last is None else last

    def time(self) -> float:
        """Now, on the grid's clock."""
        return self.monotonic() + self.offset

    def now_us(self) -> int:
        """The same in microseconds of Unix time."""
        return int(1e6 * self.time())

    def seconds_to_wait(self) -> float:
        """Until the next second is due."""
        return max(0.0, self.last + 1 - self.time())

    def due(self) -> Due:
        """What is due. Nothing, where the clock was set back: those seconds were recorded."""
        step = self._follow()
        now = self.time()
        current = floor(now)
        if current <= self.last:
            return Due(range(0), None, step=step)
        missed = range(self.last + 1, current)
        self.last = current
        return Due(missed, current, now - current, step)

    def _follow(self) -> float:
        step = self.wall() - self.time()
        if step < -FOLLOWED_SECONDS:
            return step
        self.offset += step
        return step if abs(step) >= STEP_SECONDS else 0.0
