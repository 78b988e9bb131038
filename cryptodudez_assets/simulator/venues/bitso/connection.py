"""Bytes in: requests of REST, one after another on a connection, until one of them asks for the websocket."""

import asyncio
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, cast

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from cryptodudez_assets.simulator.venues.bitso.link import Link
from cryptodudez_assets.simulator.venues.bitso.rest import Answer
from cryptodudez_assets.simulator.venues.bitso.socket import Client

SOCKET_PATH = "/ws"
LARGEST_MESSAGE = 1 << 16
DEFLATE = [ServerPerMessageDeflateFactory()]
"""Taken where a client offers it."""


class Host(Protocol):
    """Who is told of connections."""

    connections: set["Connection"]

    def ask(self, target: str, address: str) -> Answer:
        """A request of REST."""

    def welcome(self, link: Link) -> Client:
        """A websocket was opened."""

    def farewell(self, client: Client) -> None:
        """A websocket is gone."""


class Connection(asyncio.Protocol):
    """One connection of TCP."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._client: Client | None = None
        self._text = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is here."""
        self.transport = cast(asyncio.Transport, transport)
        self._host.connections.add(self)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """The client says something."""
        if self._link.is_silent:
            return
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._answer(event)
            elif isinstance(event, Frame):
                self._hear(event)
        if protocol is self._protocol:
            self._link.flush()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._host.connections.discard(self)
        if self._client is not None:
            self._host.farewell(self._client)

    def _begin(self) -> None:
        """Wait for a request."""
        self._protocol = ServerProtocol(extensions=DEFLATE, max_size=LARGEST_MESSAGE)
        self._link = Link(self.transport, self._protocol)

    def _answer(self, request: Request) -> None:
        if request.path.partition("?")[0].rstrip("/") == SOCKET_PATH:
            self._protocol.send_response(self._protocol.accept(request))
            self._link.flush()
            if self._protocol.state is State.OPEN:
                self._client = self._host.welcome(self._link)
            return
        answer = self._host.ask(request.path, self.transport.get_extra_info("peername")[0])
        self.transport.write(_response(answer).serialize())
        if request.headers.get("Connection", "").lower() == "close" or request.protocol == "HTTP/1.0":
            self.transport.close()
        self._begin()

    def _hear(self, frame: Frame) -> None:
        if self._client is None or frame.opcode not in {Opcode.TEXT, Opcode.CONT}:
            return
        self._text += frame.data
        if frame.fin:
            text, self._text = bytes(self._text), bytearray()
            self._client.hear(text)


def _response(answer: Answer) -> Response:
    headers = Headers({"Date": formatdate(usegmt=True), "Content-Length": str(len(answer.body))})
    if answer.body:
        headers["Content-Type"] = "text/html" if answer.html else "application/json"
    phrase = "Enhance Your Calm" if answer.status == 420 else HTTPStatus(answer.status).phrase
    return Response(answer.status, phrase, headers, answer.body)
