"""The server: one port for REST and websocket, the loop that makes the market move, and the ways to start it."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from random import Random

import msgspec
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.link import Link, framed
from cryptodudez_assets.simulator.venues.bitso.market import ASK, BID, Book, Step
from cryptodudez_assets.simulator.venues.bitso.rest import Answer, Limit, Rest
from cryptodudez_assets.simulator.venues.bitso.side import OrdersOfSide, stripped
from cryptodudez_assets.simulator.venues.bitso.socket import Client
from cryptodudez_assets.venues.bitso.answers import (
    ENCODE,
    DiffFrame,
    OrdersEntry,
    OrdersFrame,
    OrdersSides,
    TradesFrame,
)
from cryptodudez_assets.venues.bitso.protocol import REQUESTS_PER_MINUTE

TOP = 20
LARGEST_REQUEST = 1 << 16
DEFLATE = [ServerPerMessageDeflateFactory()]


@dataclass(frozen=True)
class Options:
    """What is simulated: books, messages a second and book (None: what is usual of each), and the limit of REST."""

    books: Sequence[str] = ("btc_mxn", "usd_mxn")
    seed: int = 7
    rate: float | None = None
    speed: float = 1.0
    rest_limit: int = REQUESTS_PER_MINUTE
    host: str = "127.0.0.1"
    port: int = 0


class Server:
    """The simulated exchange. Everything happens on the loop of `run`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.port = options.port
        self.exchange = Exchange(options.books, options.seed, options.rate, options.speed)
        self.rest = Rest(self.exchange)
        self.limit = Limit(options.rest_limit)
        self.clients: set[Client] = set()
        self._connections = 0
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rest_url(self) -> str:
        """Base of REST."""
        return f"http://{self.options.host}:{self.port}/v3"

    @property
    def ws_url(self) -> str:
        """Address of the websocket."""
        return f"ws://{self.options.host}:{self.port}/ws"

    async def run(self, on_started: Callable[[], None]) -> None:
        """Serve until `stop`."""
        self._loop = asyncio.get_running_loop()
        listener = await self._loop.create_server(lambda: _Connection(self), self.options.host, self.options.port)
        self.port = listener.sockets[0].getsockname()[1]
        on_started()
        moving = asyncio.create_task(self._move())
        try:
            await asyncio.wait(
                [moving, asyncio.create_task(self._stopping.wait())], return_when=asyncio.FIRST_COMPLETED
            )
            if moving.done():
                moving.result()
        finally:
            moving.cancel()
            listener.close()
            for client in list(self.clients):
                client.link.close(1001)

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _move(self) -> None:
        while True:
            for book, step, sent in self.exchange.advance():
                self._publish(book, step, sent)
            await asyncio.sleep(max(0.001, self.exchange.wait()))

    def _publish(self, book: Book, step: Step, sent: int) -> None:
        name = book.name
        self._send("diff-orders", name, lambda: DiffFrame(name, step.sequence, "diff-orders", step.entries, sent))
        self._send("orders", name, lambda: OrdersFrame(_top_of(book), sent, name))
        if step.trades:
            self._send("trades", name, lambda: TradesFrame(step.trades, sent, name))

    def _send(self, kind: str, book: str, message: Callable[[], msgspec.Struct]) -> None:
        followers = [client for client in self.clients if (kind, book) in client.subscriptions]
        if not followers:
            return
        text = ENCODE(message())
        frame = framed(text)
        for client in followers:
            client.link.say(text, frame)

    def welcome(self, link: Link) -> Client:
        """A websocket was opened."""
        self._connections += 1
        random = Random(f"{self.options.seed}/connection {self._connections}")
        client = Client(link, self.exchange, random, lambda *_: None)
        self.clients.add(client)
        return client

    def farewell(self, client: Client) -> None:
        """A websocket is gone."""
        client.gone()
        self.clients.discard(client)

    def ask(self, target: str, address: str) -> Answer:
        """A request of REST."""
        return self.limit.refusal(address, time.monotonic()) or self.rest.answer(target)


class _Connection(asyncio.Protocol):
    """Bytes in: requests, one after another, until one of them asks for the websocket."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._protocol = _protocol()
        self._client: Client | None = None
        self._text = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._link = Link(transport, self._protocol)

    def data_received(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._request(event)
            elif isinstance(event, Frame):
                self._frame(event)
        if protocol is self._protocol:
            self._link.flush()

    def eof_received(self) -> None:
        """The client closed its side; so does this one."""

    def connection_lost(self, error: Exception | None) -> None:
        if self._client is not None:
            self._server.farewell(self._client)

    def _request(self, request: Request) -> None:
        if request.path.partition("?")[0].rstrip("/") == "/ws":
            self._protocol.send_response(self._protocol.accept(request))
            self._link.flush()
            if self._protocol.state is State.OPEN:
                self._client = self._server.welcome(self._link)
            return
        answer = self._server.ask(request.path, self._transport.get_extra_info("peername")[0])
        self._transport.write(_response(answer).serialize())
        if request.headers.get("Connection", "").lower() == "close" or request.protocol == "HTTP/1.0":
            self._transport.close()
        self._protocol = _protocol()
        self._link = Link(self._transport, self._protocol)

    def _frame(self, frame: Frame) -> None:
        if self._client is None or frame.opcode not in {Opcode.TEXT, Opcode.CONT}:
            return
        self._text += frame.data
        if frame.fin:
            text, self._text = bytes(self._text), bytearray()
            self._client.hear(text)


def _protocol() -> ServerProtocol:
    return ServerProtocol(extensions=DEFLATE, max_size=LARGEST_REQUEST)


def _response(answer: Answer) -> Response:
    headers = Headers({"Date": formatdate(usegmt=True), "Content-Length": str(len(answer.body))})
    if answer.body:
        headers["Content-Type"] = "text/html" if answer.html else "application/json"
    phrase = "Enhance Your Calm" if answer.status == 420 else HTTPStatus(answer.status).phrase
    return Response(answer.status, phrase, headers, answer.body)


def _top_of(book: Book) -> OrdersSides:
    return OrdersSides(_entries(book.sides[BID]), _entries(book.sides[ASK]))


def _entries(orders: OrdersOfSide) -> list[OrdersEntry]:
    return [
        OrdersEntry(
            stripped(one.amount_text), one.created, one.oid, one.rate, "undefined", one.side, stripped(one.value_text)
        )
        for one in orders.first(TOP)
    ]


def serve(options: Options, on_started: Callable[[Server], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM."""
    asyncio.run(_serve(Server(options), on_started))


async def _serve(server: Server, on_started: Callable[[Server], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.run(lambda: on_started(server))


@contextmanager
def bitso_server(options: Options | None = None, **changed: object) -> Iterator[Server]:
    """Run the exchange on a free port, in a thread, while the context lasts. `changed` are fields of Options."""
    server = Server(replace(options or Options(), **changed))  # type: ignore[arg-type]
    started = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(server.run(started.set))
        except BaseException as error:
            failed.append(error)
            started.set()

    thread = threading.Thread(target=work, name="simulated Bitso")
    thread.start()
    started.wait()
    try:
        if not failed:
            yield server
    finally:
        server.stop()
        thread.join()
    if failed:
        raise failed[0]
