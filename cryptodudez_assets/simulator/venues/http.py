"""HTTP of a simulated venue: requests in, answers out, whole or broken. What is answered is no matter of this module."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, urlsplit

LONGEST_HEAD = 1 << 16
RESET = struct.pack("ii", 1, 0)
BROKEN = (500, 502, 503, 504)
"""Statuses of a server that is broken or busy."""
PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


@dataclass(frozen=True)
class Asked:
    """A request as it came: names of headers in lower case, of a parameter that is there twice the last value."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    address: str
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What is answered. `cut_at`: the connection is reset behind so many bytes of the body. `silent`: nothing ever comes."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"
    cut_at: int | None = None
    silent: bool = False


def web_page(status: int, title: str = "") -> Answer:
    """What somebody says who stands before the venue, and does not speak its language."""
    return Answer(status, PAGE.format(title or status).encode(), content_type="text/html")


def struck(answer: Answer, fault: str | None) -> Answer:
    """What arrives of a whole answer where the fault `reset`, `truncated` or `hang` strikes it; of others, all."""
    middle = len(answer.body) // 2
    broken = {
        "reset": replace(answer, cut_at=middle),
        "truncated": replace(answer, body=answer.body[:middle]),
        "hang": replace(answer, silent=True),
    }
    return broken.get(fault or "", answer)


Respond = Callable[[Asked], Awaitable[Answer]]


class HttpServer:
    """A server on one port. `date`: Unix time as its `Date` header tells it."""

    def __init__(self, host: str, port: int, respond: Respond, date: Callable[[], float]) -> None:
        self.host, self.port = host, port
        self._respond, self._date = respond, date
        self._talks: set[asyncio.Task[None]] = set()

    async def run(self, on_started: Callable[[], None], stopping: asyncio.Event) -> None:
        """Serve until `stopping`. Raises OSError where the port is taken."""
        listener = await asyncio.start_server(self._talk, self.host, self.port, limit=LONGEST_HEAD)
        self.port = listener.sockets[0].getsockname()[1]
        on_started()
        await stopping.wait()
        listener.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._talks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the client hung up, or speaks something else
        except asyncio.CancelledError:
            return  # the server ends; asyncio would tell of a task that was cancelled
        finally:
            self._talks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; whether another may come on this connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        parts = urlsplit(target)
        address = writer.get_extra_info("peername")[0]
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = await self._respond(Asked(method, parts.path, query, headers, address, body))
        if answer.silent:
            await reader.read()  # until the client gives up
            return False
        writer.write(self._head(answer) + answer.body[: answer.cut_at])
        await writer.drain()
        if answer.cut_at is not None:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return False
        return headers.get("connection", "").lower() != "close"

    def _head(self, answer: Answer) -> bytes:
        headers = {
            "Date": formatdate(self._date(), usegmt=True),
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            **answer.headers,
        }
        phrase = HTTPStatus(answer.status).phrase
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {answer.status} {phrase}\r\n{told}\r\n".encode("latin-1")
