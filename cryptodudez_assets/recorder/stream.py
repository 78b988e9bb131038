"""What a recorder records, as it happens, for this machine: server-sent events, what was told lately, metrics for Prometheus.

Others get the metrics alone, and with the API's key. The address is kept in a file, so that the dashboard finds it.
"""

import asyncio
import contextlib
import hmac
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from cryptodudez_assets.api_key import sent_key
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.telling import About, told
from cryptodudez_assets.venues.http import is_loopback

MOST_LISTENERS = 64
MOST_BEHIND = 30
"""Seconds that wait for a listener who does not read. One who is further behind is hung up on."""
RECENT_SECONDS = 720
"""Kept for who comes later: a window of ten minutes, and what it takes until a table has it."""
LOOPBACK, ALL_ADDRESSES = "127.0.0.1", "0.0.0.0"  # noqa: S104  (where it was asked for)
HOSTS = {b"127.0.0.1", b"localhost"}
METRICS = "/metrics"

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Stream:
    """Listeners, and what they are told. `key`: with which metrics are told to other machines; without one they are not."""

    def __init__(self, registry: CollectorRegistry, about: About, key: str = "") -> None:
        self.registry = registry
        self.about = about
        self._key = key.encode()
        self._recent: deque[bytes] = deque(maxlen=RECENT_SECONDS)
        self._listeners: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, records: Sequence[Record]) -> None:
        """Tell everybody who listens of a second."""
        second = msgspec.json.encode([told(one) for one in records])
        self._recent.append(second)
        event = b"data: " + second + b"\n\n"
        for queue in list(self._listeners):
            if queue.qsize() < MOST_BEHIND:
                queue.put_nowait(event)
            else:
                self._listeners.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    def close(self) -> None:
        """Hang up on all who listen, so that nobody is waited for. Those who ask later are told no second."""
        for queue in list(self._listeners):
            queue.put_nowait(None)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http":
            return  # uvicorn tells of its start; websockets are not served
        path = scope["path"]
        if (refused := self._refusal(scope)) is not None:
            await _answer(send, refused[0], b"text/plain", refused[1])
        elif path == METRICS:
            await _answer(send, 200, CONTENT_TYPE_LATEST.encode(), generate_latest(self.registry))
        elif path == "/about":
            await _answer(send, 200, b"application/json", msgspec.json.encode(self.about))
        elif path == "/recent":
            await _answer(send, 200, b"application/json", b"[" + b",".join(self._recent) + b"]")
        elif path != "/stream":
            await _answer(send, 404, b"text/plain", b"there are /stream, /recent, /about and /metrics\n")
        elif len(self._listeners) >= MOST_LISTENERS:
            await _answer(send, 503, b"text/plain", b"too many listen already\n")
        else:
            await self._serve(receive, send)

    def _refusal(self, scope: Mapping[str, Any]) -> tuple[int, bytes] | None:
        """What to answer instead; None for what may be answered."""
        headers = dict(scope["headers"])
        if scope["method"] != "GET":
            return 405, b"only to be read\n"
        if _is_of_this_machine(scope["client"], headers):
            return None
        if scope["path"] != METRICS or not self._key:
            return 403, b"only for this machine\n"
        if not hmac.compare_digest(sent_key(headers), self._key):
            return 401, b"send the API's key as X-API-Key, or as the password\n"
        return None

    async def _serve(self, receive: Receive, send: Send) -> None:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.add(queue)
        gone = asyncio.create_task(_gone(receive))
        try:
            await send(_start(200, b"text/event-stream"))
            while not gone.done():
                told_next = asyncio.create_task(queue.get())
                try:
                    await asyncio.wait({gone, told_next}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    told_next.cancel()  # which does nothing to one that is done
                if not told_next.done() or (event := told_next.result()) is None:
                    break
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._listeners.discard(queue)
            gone.cancel()


def _is_of_this_machine(client: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> bool:
    """By its address; and by the name that it asks for, or a page of another site could bring a name of its own to point here."""
    return client is not None and is_loopback(client[0]) and headers.get(b"host", b"").partition(b":")[0] in HOSTS


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(status: int, content_type: bytes) -> dict[str, Any]:
    headers = [(b"content-type", content_type), (b"cache-control", b"no-store")]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    await send(_start(status, content_type))
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def served(stream: Stream, address_file: Path, port: int = 0, host: str = LOOPBACK) -> AsyncIterator[str]:
    """Serve while the context lasts, on a port that the file tells, with the address at which this machine reaches it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen()  # who reads the address may connect at once, and waits until the server runs
    address = f"{LOOPBACK if host == ALL_ADDRESSES else host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(stream, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listening]))  # not `serve`, which takes over the signals
    address_file.write_text(address)
    try:
        yield address
    finally:
        address_file.unlink(missing_ok=True)
        stream.close()
        server.should_exit = True
        await serving
        listening.close()
