"""Bytes of one websocket connection: frames out, in time, late or never; and every way in which a connection ends."""

import asyncio
import socket
import struct
from collections import deque

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MOST_UNSENT = 32 << 20
"""Bytes that wait for a client that does not read; one that is further behind is cut off."""
RESET = struct.pack("ii", 1, 0)


def framed(text: bytes) -> bytes:
    """A text message as it goes out to everyone who has no compression."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class Link:
    """The sending half of a connection. `is_silent`: it says nothing any more, and hears nothing."""

    def __init__(self, transport: asyncio.Transport, protocol: ServerProtocol) -> None:
        self._transport, self._protocol = transport, protocol
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._held_until = self._slow_until = self._slow_by = 0.0
        self.is_silent = False

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport.is_closing() or self._protocol.eof_sent

    def say(self, text: bytes, frame: bytes | None = None) -> None:
        """Send a message. `frame` is the same, framed, where that is known already."""
        if self.is_over:
            return
        if self._protocol.extensions:
            self._protocol.send_text(text)
            self.flush()
        else:
            self._send(frame or framed(text))

    def flush(self) -> None:
        """Send what the protocol has to say by itself: answers to pings and closes."""
        for data in self._protocol.data_to_send():
            self._send(data)

    def late_by(self) -> float:
        """Seconds that a message waits which is said now."""
        now = self._loop.time()
        return max(self._held_until, now + self._slow_by if now < self._slow_until else now) - now

    def stall(self, seconds: float) -> None:
        """Let everything wait for so long."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)

    def slow(self, seconds: float, by: float) -> None:
        """Let everything that is said within so many seconds come later."""
        self._slow_until, self._slow_by = self._loop.time() + seconds, by

    def close(self, code: int) -> None:
        """End the connection as the protocol does it, without waiting for the client's answer."""
        if not self.is_over:
            self._protocol.fail(code)
            self.flush()

    def cut(self) -> None:
        """End the connection at once; the client sees a reset."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None and not self._transport.is_closing():
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()

    def _send(self, data: bytes) -> None:
        if self.is_silent:
            return
        late = self.late_by()
        if late > 0 or self._waiting:
            due = max(self._loop.time() + late, self._waiting[-1][0] if self._waiting else 0.0)
            self._waiting.append((due, data))
            if len(self._waiting) == 1:
                self._loop.call_at(due, self._send_waiting)
        else:
            self._write(data)

    def _send_waiting(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._loop.time() + 0.001:
            self._write(self._waiting.popleft()[1])
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._send_waiting)

    def _write(self, data: bytes) -> None:
        """Nothing at all means the end of what is said."""
        if self._transport.is_closing() or self.is_silent:
            return
        if not data:
            self._transport.close()
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self.cut()
