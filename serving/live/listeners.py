"""Who listens to the panel's events: so many at once, of each client at most half of them, and each only so far behind."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST_LISTENERS = 128
MOST_BEHIND = 30
"""Events that wait for one who does not read. One who is further behind is hung up on, and asks for the hour anew."""

Events = asyncio.Queue[bytes | None]
"""What one listener is still to be sent; None is the end."""


class Listeners:
    """Everybody is told the same."""

    def __init__(self, most: int = MOST_LISTENERS) -> None:
        self._most = most
        self._queues: dict[Events, str | bytes] = {}
        self._clients: Counter[str | bytes] = Counter()
        self.closed = False

    def __len__(self) -> int:
        return len(self._queues)

    def has_room(self, client: str | bytes) -> bool:
        """Whether one more of this client may listen."""
        return not self.closed and len(self) < self._most and self._clients[client] < self._most // 2

    @contextmanager
    def listening(self, client: str | bytes) -> Iterator[Events]:
        """Events from now on, while the context lasts. Ask first whether there is room."""
        queue: Events = asyncio.Queue()
        self._queues[queue] = client
        self._clients[client] += 1
        try:
            yield queue
        finally:
            self._queues.pop(queue, None)
            self._clients -= Counter([client])  # which forgets those of whom none is left

    def tell(self, event: bytes) -> None:
        """Put an event behind those that wait, for each."""
        for queue in list(self._queues):
            if queue.qsize() < MOST_BEHIND:
                queue.put_nowait(event)
            else:
                self._end(queue)

    def close(self) -> None:
        """End all, and let nobody in any more."""
        self.closed = True
        for queue in list(self._queues):
            self._end(queue)

    def _end(self, queue: Events) -> None:
        """What waits for it is dropped: it would not read that either."""
        self._queues.pop(queue, None)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
