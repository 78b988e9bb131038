"""The server: one port for REST and websocket, the loop that makes the market move, and the ways to start it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from cryptodudez_assets.simulator.venues.bitso.connection import SOCKET_PATH, Connection
from cryptodudez_assets.simulator.venues.bitso.delivery import Delivery
from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.faults import OF_CONNECTIONS, OF_MESSAGES, OF_REQUESTS, Chance
from cryptodudez_assets.simulator.venues.bitso.forced import Ledger
from cryptodudez_assets.simulator.venues.bitso.frames import SAYERS
from cryptodudez_assets.simulator.venues.bitso.limits import FaultyRest
from cryptodudez_assets.simulator.venues.bitso.link import Link
from cryptodudez_assets.simulator.venues.bitso.market import Book, Step
from cryptodudez_assets.simulator.venues.bitso.rest import Answer
from cryptodudez_assets.simulator.venues.bitso.socket import Client
from cryptodudez_assets.simulator.venues.bitso.truth import NoTruth, Truth, TruthFiles
from cryptodudez_assets.simulator.venues.running import in_a_thread, serve_until_signal
from cryptodudez_assets.venues.bitso.protocol import REQUESTS_PER_MINUTE

GOING_AWAY = 1001
FLUSH_SECONDS = 0.5
BREATH_SECONDS = 0.002
"""Least time between looks at what is due: messages that are due within it go out together."""


@dataclass(frozen=True)
class Options:
    """What is simulated.

    `rate`: messages a second of each book, None for what is usual of it; `speed`: times as many. `rest_limit`: requests a minute.
    `faults`: rates by name (`faults.py`). `truth`: a file. `port` 0 is any that is free.
    """

    books: Sequence[str] = ("btc_mxn", "usd_mxn")
    seed: int = 7
    rate: float | None = None
    speed: float = 1.0
    rest_limit: int = REQUESTS_PER_MINUTE
    faults: Mapping[str, float] = field(default_factory=dict)
    truth: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0


class Server:
    """The simulated exchange. Everything happens on the loop of `run`."""

    def __init__(self, options: Options) -> None:
        self.options, self.port = options, options.port
        Chance(OF_MESSAGES, options.faults, Random())  # refuses rates that cannot be, before a client comes
        skew = options.faults.get("skew", 0.0)
        self.exchange = Exchange(options.books, options.seed, options.rate, options.speed, skew)
        self.truth: Truth = TruthFiles(options.truth) if options.truth else NoTruth()
        self.ledger = Ledger(self.truth.forced, options.rest_limit)
        random = Random(f"{options.seed}/rest")
        self.rest = FaultyRest(self.exchange, options.rest_limit, options.faults, random, self.ledger)
        self.connections: set[Connection] = set()
        self.clients: set[Client] = set()
        self._clients_so_far = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    @property
    def rest_url(self) -> str:
        """Base of REST."""
        return f"http://{self.options.host}:{self.port}/v3"

    @property
    def ws_url(self) -> str:
        """Address of the websocket."""
        return f"ws://{self.options.host}:{self.port}{SOCKET_PATH}"

    async def run(self, on_started: Callable[[], None]) -> None:
        """Serve until `stop`. Raises OSError where the port is taken, or a file cannot be written."""
        self._loop = asyncio.get_running_loop()
        try:
            listener = await self._loop.create_server(lambda: Connection(self), self.options.host, self.options.port)
            self.port = listener.sockets[0].getsockname()[1]
            self._tell_beginning()
            on_started()
            await self._work()
            listener.close()
            await self._hang_up()
        finally:
            self.ledger.close(self.true_time())
            self.truth.close()

    def _tell_beginning(self) -> None:
        """What a book is before its first message is true as well: REST tells of it."""
        for book in self.exchange.books.values():
            self.truth.message(book.name, book.sequence, self.true_time(), *book.best_prices)

    async def _work(self) -> None:
        """Let the market move until `stop`, or until something fails."""
        work = [asyncio.ensure_future(one) for one in (self._move(), self._flush(), self._stopping.wait())]
        ended, lasting = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in lasting:
            task.cancel()
        for task in ended:
            task.result()

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def force(self, fault: str) -> None:
        """Make a fault happen now: to every connection, or to the next message of each, or to the next request. From any thread."""
        if self._loop is None or fault not in {*OF_MESSAGES, *OF_CONNECTIONS, *OF_REQUESTS}:
            raise ValueError(
                f"{fault!r} cannot be made to happen; the exchange must run, and faults are listed in faults.py"
            )
        self._loop.call_soon_threadsafe(self._force, fault)

    def true_time(self) -> int:
        """Milliseconds since 1970 by this machine's clock."""
        return self.exchange.true_time(self.exchange.now())

    def ask(self, target: str, address: str) -> Answer:
        """A request of REST."""
        return self.rest.answer(target, address, time.monotonic())

    def welcome(self, link: Link) -> Client:
        """A websocket was opened."""
        self._clients_so_far += 1
        number = self._clients_so_far
        random = Random(f"{self.options.seed}/connection {number}")
        delivery = Delivery(number, link, random, self.options.faults, self.ledger, self.true_time)
        client = Client(link, delivery, self.exchange, random, self._subscribed)
        self.clients.add(client)
        return client

    def farewell(self, client: Client) -> None:
        """A websocket is gone."""
        client.gone()
        self.clients.discard(client)

    def _subscribed(self, client: Client, book: str) -> None:
        self.ledger.subscribed(client.delivery.number, book, client.opened, self.true_time())

    def _force(self, fault: str) -> None:
        if fault in OF_REQUESTS:
            self.rest.force(fault)
            return
        for client in list(self.clients):
            client.delivery.force(fault)

    async def _move(self) -> None:
        while True:
            for book, step, sent in self.exchange.advance():
                self._publish(book, step, sent)
            await asyncio.sleep(max(BREATH_SECONDS, self.exchange.wait()))

    def _publish(self, book: Book, step: Step, sent: int) -> None:
        self.truth.message(book.name, step.sequence, self.exchange.true_time(sent), *book.best_prices)
        for kind, sayer in SAYERS.items():
            followers = [client for client in self.clients if (kind, book.name) in client.subscriptions]
            if followers and (said := sayer(book, step, sent)):
                for client in followers:
                    client.delivery.pass_on(said)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.truth.flush()

    async def _hang_up(self) -> None:
        for client in list(self.clients):
            client.link.close(GOING_AWAY)
        await asyncio.sleep(0)
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def serve(options: Options, on_started: Callable[[Server], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises OSError as `Server.run` does."""
    serve_until_signal(Server(options), on_started)


@contextmanager
def bitso_server(options: Options | None = None, **changed: object) -> Iterator[Server]:
    """Run the exchange on a free port, in a thread, while the context lasts. `changed` are fields of Options."""
    with in_a_thread(Server(replace(options or Options(), **changed)), "simulated Bitso") as server:  # type: ignore[arg-type]
        yield server
