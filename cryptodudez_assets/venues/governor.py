"""One governor for all requests to a venue that counts them by address: every process of a home asks it before each request.

What is counted is kept in a file under a lock, so that two processes side by side stay within the limit together.
"""

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from filelock import FileLock

LONGEST_LOCK = 3 * 86_400.0
"""Seconds, of the longest ban of any venue: a lock that lasts longer was written by a clock that was wrong."""
TOLD_SECONDS = 3.0
"""Who waits for so long is told."""


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all: one that is torn would count as none, and a ban be forgotten."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


class TooLong(Exception):
    """Nobody may ask for so many seconds, which is longer than somebody wants to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.0f} seconds from now")
        self.seconds = seconds


class Ledger(msgspec.Struct):
    """When requests were made (Unix time; one of weight 2 is there twice), and until when none may be."""

    asked: list[float] = []
    locked_until: float = 0.0


class Governor:
    """Turns for requests. `limits`: how much weight in how many seconds, each of which holds; a request weighs one by default."""

    def __init__(self, path: Path, limits: Sequence[tuple[int, float]], wall: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._limits, self._wall = path, limits, wall
        self._lock = FileLock(path.with_suffix(".lock"), timeout=10)
        self._longest = max(seconds for _, seconds in limits)
        self._in_order = asyncio.Lock()

    async def turn(
        self, weight: int = 1, longest: float = math.inf, tell: Callable[[float], None] = lambda _: None
    ) -> None:
        """Wait until a request may be made; it counts from now on. Whoever asks first is first.

        `tell`: hears of a wait that is longer than a moment, in seconds. Raises TooLong where that would take more than `longest`
        seconds; nothing is counted then.
        """
        async with self._in_order:
            until = self._wall() + longest
            while (pause := await asyncio.to_thread(self.take, weight)) > 0:
                if self._wall() + pause > until:
                    raise TooLong(pause)
                if pause >= TOLD_SECONDS:
                    tell(pause)
                await asyncio.sleep(pause)

    def take(self, weight: int = 1) -> float:
        """Count a request, if one may be made now. Returns how many seconds later it may be, or 0."""
        if weight > min(most for most, _ in self._limits):
            raise ValueError(f"a request of weight {weight} is never within the limits {self._limits}")
        with self._lock:
            ledger, now = self._read(), self._wall()
            pause = self._pause(ledger, now, weight)
            if not pause:
                ledger.asked += [now] * weight
                self._write(ledger)
            return pause

    def lock(self, seconds: float) -> None:
        """The venue refused: nobody asks for so long."""
        with self._lock:
            ledger = self._read()
            ledger.locked_until = self._wall() + seconds
            self._write(ledger)

    def told(self, used: int, seconds: float) -> None:
        """The venue says that so much was used in the last so many seconds. What others used counts here, too, from now on."""
        with self._lock:
            ledger, now = self._read(), self._wall()
            most = max(most for most, _ in self._limits)  # more than that says no more
            others = min(used, most) - sum(at > now - seconds for at in ledger.asked)
            if others > 0:
                ledger.asked += [now] * others
                self._write(ledger)

    def _pause(self, ledger: Ledger, now: float, weight: int) -> float:
        """How long to wait. Times in the future were written by a clock that was wrong, and count as now."""
        ledger.asked = [min(at, now) for at in ledger.asked if at > now - self._longest]
        waits = [min(ledger.locked_until - now, LONGEST_LOCK)]
        for most, seconds in self._limits:
            recent = [at for at in ledger.asked if at > now - seconds]
            if (over := len(recent) + weight - most) > 0:
                waits.append(recent[over - 1] + seconds - now)
        return max(0.0, *waits)

    def _read(self) -> Ledger:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Ledger)
        except (FileNotFoundError, msgspec.DecodeError):
            return Ledger()

    def _write(self, ledger: Ledger) -> None:
        replace_file(self._path, msgspec.json.encode(ledger))
