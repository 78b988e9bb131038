"""Pages that are kept for half a minute: looking at a lake takes longer than reading what was seen there a moment ago."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
KEPT_SECONDS = 30
MOST = 64
"""How many are kept at once: what was made longest ago gives way."""


class Kept(Generic[K, T]):
    """What a function makes of a key, made again in a worker thread when it is asked for and older than half a minute."""

    def __init__(self, make: Callable[[K], T]) -> None:
        self._make = make
        self._lock = asyncio.Lock()
        self._made: dict[K, tuple[float, T]] = {}

    async def of(self, key: K) -> T:
        """As it is now, or was a moment ago. Requests that come meanwhile wait for the same look."""
        async with self._lock:
            if key not in self._made or time.monotonic() - self._made[key][0] > KEPT_SECONDS:
                made = await asyncio.to_thread(self._make, key)
                self._made.pop(key, None)
                self._made[key] = time.monotonic(), made
                if len(self._made) > MOST:
                    del self._made[next(iter(self._made))]
            return self._made[key][1]
