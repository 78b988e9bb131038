"""One governor for all requests to a venue that counts them by address: every process of a home asks it before each request.

What is counted is kept in a file under a lock, so that two recorders side by side stay within the limit together.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from filelock import FileLock


class Ledger(msgspec.Struct):
    """When requests were made (Unix time), and until when none may be."""

    asked: list[float] = []
    locked_until: float = 0.0


class Governor:
    """Turns for requests. `limits`: how many in how many seconds, each of which holds."""

    def __init__(self, path: Path, limits: Sequence[tuple[int, float]], wall: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._limits, self._wall = path, limits, wall
        self._lock = FileLock(path.with_suffix(".lock"), timeout=10)
        self._longest = max(seconds for _, seconds in limits)
        self._in_order = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until a request may be made; it counts from now on. Whoever asks first is first."""
        async with self._in_order:
            while (pause := await asyncio.to_thread(self.take)) > 0:
                await asyncio.sleep(pause)

    def take(self) -> float:
        """Count a request, if one may be made now. Returns how many seconds later it may be, or 0."""
        with self._lock:
            ledger, now = self._read(), self._wall()
            pause = self._pause(ledger, now)
            if not pause:
                ledger.asked.append(now)
                self._write(ledger)
            return pause

    def lock(self, seconds: float) -> None:
        """The venue refused: nobody asks for so long."""
        with self._lock:
            ledger = self._read()
            ledger.locked_until = self._wall() + seconds
            self._write(ledger)

    def _pause(self, ledger: Ledger, now: float) -> float:
        """How long to wait. Times in the future were written by a clock that was wrong, and count as now."""
        ledger.asked = [min(at, now) for at in ledger.asked if at > now - self._longest]
        waits = [min(ledger.locked_until - now, 3600.0)]
        for most, seconds in self._limits:
            recent = [at for at in ledger.asked if at > now - seconds]
            if len(recent) >= most:
                waits.append(recent[-most] + seconds - now)
        return max(0.0, *waits)

    def _read(self) -> Ledger:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Ledger)
        except (FileNotFoundError, msgspec.DecodeError):
            return Ledger()

    def _write(self, ledger: Ledger) -> None:
        self._path.write_bytes(msgspec.json.encode(ledger))
