"""The socket: connected again and again, given up when it is dead. What its frames mean is for `market_state.py`."""

import asyncio
import random
from collections.abc import Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from cryptodudez_assets.recorder.gaps import Cause
from cryptodudez_assets.recorder.happenings import Happenings
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.venues.bitso.protocol import LONGEST_FRAME, subscription

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0
"""A connection that lasted so long was good: the next one is tried at once."""
OPEN_SECONDS = 10.0
LOOK_SECONDS = 1.0
FRAMES_AT_ONCE = 64
MOST_FRAMES = 512
"""Frames that wait to be read; of more, the venue is made to wait."""


class Follower:
    """Follows books at an address. `on_frame` hears of each frame."""

    def __init__(
        self, on: Happenings, books: Sequence[str], url: str, metrics: Metrics, on_frame: Callable[[str | bytes], None]
    ) -> None:
        self.on, self.books, self.url, self.metrics, self._on_frame = on, books, url, metrics, on_frame
        self._gave_up = False

    async def follow(self) -> None:
        """For ever."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began_us = self.on.now_us()
            cause = await self._follow_once()
            if self.on.state.is_connected:
                self.on.happened("disconnected", book=str(cause))
                self.metrics.reconnects.inc()
            pause = FIRST_PAUSE_SECONDS if self.on.now_us() - began_us > 1e6 * STEADY_SECONDS else pause
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _follow_once(self) -> Cause:
        try:
            async with connect(
                self.url,
                open_timeout=OPEN_SECONDS,
                close_timeout=1.0,
                ping_interval=None,  # the venue does not answer pings; its keep-alives tell that it is there
                max_size=LONGEST_FRAME,
                max_queue=MOST_FRAMES,
                compression=None,
            ) as socket:
                self.on.happened("connected")
                self.on.say(f"connected to {self.url}")
                for book in self.books:
                    await socket.send(subscription(book))
                await self._read(socket)
        except (OSError, WebSocketException, TimeoutError) as error:
            self.on.trouble("socket", f"no connection to {self.url}: {type(error).__name__}: {error}")
        return Cause.STALLED if self._gave_up else Cause.DISCONNECTED

    async def _read(self, socket: ClientConnection) -> None:
        """Until the connection ends. Frames that are there already are read without a pause: ticks must come between them."""
        self._gave_up = False
        watching = asyncio.create_task(self._give_up_if_dead(socket))
        try:
            n_frames = 0
            async for text in socket:
                self._on_frame(text)
                n_frames += 1
                if n_frames % FRAMES_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            watching.cancel()

    async def _give_up_if_dead(self, socket: ClientConnection) -> None:
        while not self.on.state.is_dead(self.on.now_us()):
            await asyncio.sleep(LOOK_SECONDS)
        self.on.say("the socket says nothing, not even that it is alive: it is given up")
        self._gave_up = True
        socket.transport.abort()
