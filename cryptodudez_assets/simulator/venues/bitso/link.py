"""Bytes of one websocket connection: frames out, and every way in which a connection ends."""

import asyncio
import socket
import struct

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

MOST_UNSENT = 32 << 20
"""Bytes that wait for a client that does not read; one that is further behind is cut off."""
RESET = struct.pack("ii", 1, 0)
ABNORMAL = 1006


def framed(text: bytes) -> bytes:
    """A text message as it goes out to everyone who has no compression."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class Link:
    """The sending half of a connection."""

    def __init__(self, transport: asyncio.Transport, protocol: ServerProtocol) -> None:
        self._transport, self._protocol = transport, protocol

    def say(self, text: bytes, frame: bytes | None = None) -> None:
        """Send a message. `frame` is the same, framed, where that is known already."""
        if self._transport.is_closing() or self._protocol.eof_sent:
            return
        if self._protocol.extensions:
            self._protocol.send_text(text)
            self.flush()
        else:
            self._transport.write(frame or framed(text))
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self.cut()

    def flush(self) -> None:
        """Send what the protocol has to say by itself: answers to pings and closes."""
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def close(self, code: int) -> None:
        """End the connection as the protocol does it, without waiting for the client's answer."""
        if not self._transport.is_closing() and not self._protocol.eof_sent:
            self._protocol.fail(code)
            self.flush()

    def cut(self) -> None:
        """End the connection at once; the client sees a reset."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()
