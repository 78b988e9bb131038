"""Connections before there is a request: bounded in bytes, lines and time. Their number is for `crowd`, what requests may do for `guard`.

uvicorn bounds none of this in the parser that is fast enough, and its other one bounds bytes alone (docs/adr/0016).
"""

import asyncio
from http import HTTPStatus
from math import inf
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from serving.crowd import Crowd
from serving.headers import PROTECTION

PIECE = 16 * 1024  # what is parsed at once: so far may a head go beyond its bound
DISCARDED = (
    1024 * 1024
)  # of what a client goes on to send that was refused or answered already, so that it can read that


class Refusal(Exception):
    """Ends a connection: the status that is answered, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with `Bounds`. `due` is the time of the loop at which it has dawdled for too long."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        if not isinstance(server_state, Crowd):
            raise TypeError(f"{type(self).__name__} is for {Crowd.__name__}")
        self.crowd, self.bounds = server_state, server_state.bounds
        self.due = inf
        self._lines = self._unparsed = 0
        self._refused = False

    @property
    def rank(self) -> int | None:
        """How little is lost with it, 0 for least: asked nothing yet, waits, sends, takes its answer. None: is being answered."""
        if self.cycle is None:
            return 0
        if self.cycle.response_complete:
            return 1
        if self.cycle.more_body:
            return 2
        return 3 if self.flow.write_paused else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, if there is room or others can make some."""
        super().connection_made(transport)
        self._due_in(self.bounds.head_seconds)
        if not self.crowd.admit(self):
            self.crowd.note("too many at once")
            transport.write(_answer(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections at once")))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        self.crowd.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse it piece by piece, as far as it may go."""
        self._unset_keepalive_if_required()
        for start in range(0, len(data), PIECE):
            try:
                self._parse(data[start : start + PIECE])
            except Refusal as refusal:
                self._refuse(refusal)
            except httptools.HttpParserUpgrade:
                # It is answered as if it had not asked for another protocol, and what follows is not read as a request.
                self.cycle.keep_alive = False
                return
            if self.transport.is_closing():
                return

    def _parse(self, piece: bytes) -> None:
        if not self._refused:
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserError as error:
                if isinstance(error.__context__, Refusal):
                    raise error.__context__ from None
                raise Refusal(HTTPStatus.BAD_REQUEST, "not HTTP") from error
        # Callbacks begin to count anew. What none of them is called for is an endless line, of a head, a trailer or a chunk.
        self._unparsed += len(piece)
        if self._unparsed > self.bounds.head_bytes and self._unparsed > (DISCARDED if self._discarding else 0):
            raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too large a head")

    def on_message_begin(self) -> None:
        """Begin to count lines and seconds."""
        self._lines = self._unparsed = 0
        self._due_in(self.bounds.head_seconds)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of a head or a trailer, if it is not one too many."""
        self._lines += 1
        if self._lines > self.bounds.header_lines:
            raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass the request on, if not too many wait already."""
        if len(self.pipeline) >= self.bounds.pipelined:
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests at once")
        self._unparsed = 0
        self._due_in(self.bounds.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, or throw it away if the answer did not wait for it."""
        if not self._discarding:
            self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Give the app the time that it needs, unless it has answered already."""
        super().on_message_complete()
        if self.cycle.response_complete:
            self._due_in(self.bounds.answer_seconds)
        else:
            self.due = inf

    def on_response_complete(self) -> None:
        """Wait for the client to take the answer and to ask again; it need not send a body that nobody reads."""
        super().on_response_complete()
        if self.cycle.response_complete:  # otherwise one that waited is next
            self._due_in(self.bounds.linger_seconds if self.cycle.more_body else self.bounds.answer_seconds)

    def pause_writing(self) -> None:
        """Wait for the client to take some of the answer."""
        super().pause_writing()
        if not self.cycle.more_body:
            self._due_in(self.bounds.answer_seconds)

    def resume_writing(self) -> None:
        """Give the app the time that it needs for the rest."""
        super().resume_writing()
        if not self.cycle.more_body and not self.cycle.response_complete:
            self.due = inf

    def shutdown(self) -> None:
        """Let what runs end; what has not been sent by now need not come."""
        super().shutdown()
        if self.rank == 2:
            self._due_in(self.bounds.linger_seconds)

    def overdue(self) -> None:
        """End it; one that was sending is told why."""
        if (self.cycle is None and self._unparsed) or self.rank == 2:
            self._refuse(Refusal(HTTPStatus.REQUEST_TIMEOUT, "too slow"))
        else:
            self.end("idle" if self.rank in (0, 1) else "too slow to read")

    def end(self, why: str) -> None:
        """End it at once."""
        self.crowd.note(why)
        self.crowd.leave(self)
        self.due = inf
        self.transport.abort()

    @property
    def _discarding(self) -> bool:
        """Whether what comes now changes nothing any more, and is read so that the client gets to its answer."""
        return self._refused or (self.cycle is not None and self.cycle.response_complete and self.cycle.more_body)

    def _refuse(self, refusal: Refusal) -> None:
        in_answer = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._discarding or self.pipeline or in_answer or self.transport.is_closing():
            self.end(str(refusal))
            return
        self.crowd.note(str(refusal))
        self._refused, self._unparsed = True, 0
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_answer(refusal))
        self.transport.write_eof()
        self._due_in(self.bounds.linger_seconds)

    def _due_in(self, seconds: float) -> None:
        self.due = self.loop.time() + seconds


def _answer(refusal: Refusal) -> bytes:
    body = f"{refusal.status.phrase}: {refusal}".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *PROTECTION,
    ]
    lines = [f"HTTP/1.1 {refusal.status} {refusal.status.phrase}".encode(), *(b": ".join(one) for one in headers)]
    return b"\r\n".join([*lines, b"", body])
