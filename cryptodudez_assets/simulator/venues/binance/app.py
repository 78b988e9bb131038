"""The server: one port for the API and for archives, the faults that requests meet, and the ways to start it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from cryptodudez_assets.simulator.venues.binance.archives import Archives
from cryptodudez_assets.simulator.venues.binance.faults import OF_REQUESTS, Chance
from cryptodudez_assets.simulator.venues.binance.limits import Counts, Limits
from cryptodudez_assets.simulator.venues.binance.market import Closes, Market
from cryptodudez_assets.simulator.venues.binance.rest import Rest, with_headers
from cryptodudez_assets.simulator.venues.http import BROKEN, Answer, Asked, HttpServer, struck, web_page
from cryptodudez_assets.simulator.venues.running import in_a_thread, serve_until_signal
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import RESTRICTED, WEIGHT_A_MINUTE

ARCHIVES = "/data/"
SIMULATED = {"X-Simulated": "true"}


@dataclass(frozen=True)
class Options:
    """What is simulated.

    `limit`: weight in a minute. `minute`, `ban`: seconds that a minute, and a first ban, take. `closes`: what a pair costs at the end
    of a UTC day. `faults`: rates by name (`faults.py`). `clock`: Unix time in seconds. `port` 0 is any that is free.
    """

    seed: int = 7
    limit: int = WEIGHT_A_MINUTE
    minute: float = 60.0
    ban: float = 120.0
    closes: Closes = field(default_factory=dict)
    faults: Mapping[str, float] = field(default_factory=dict)
    archive_header: bool = False
    clock: Callable[[], float] = time.time
    host: str = "127.0.0.1"
    port: int = 0


class Server:
    """The simulated exchange. Everything happens on the loop of `run`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._random = Random(f"{options.seed}/requests")
        self._chance = Chance(OF_REQUESTS, options.faults, self._random)
        self._limits = Limits(options.limit, options.minute, options.ban, options.clock)
        self.rest = Rest(Market(options.seed, options.closes), options.seed, options.faults, self._now_ms)
        self._archives = Archives(self.rest, self._now_ms, has_header=options.archive_header)
        self._http = HttpServer(options.host, options.port, self._respond, lambda: self._now_ms() / 1000)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """Base of the API, and of archives."""
        return f"http://{self._http.host}:{self._http.port}"

    @property
    def counts(self) -> Counts:
        """What was asked for so far."""
        return self._limits.counts

    async def run(self, on_started: Callable[[], None]) -> None:
        """Serve until `stop`. Raises OSError where the port is taken."""
        self._loop = asyncio.get_running_loop()
        await self._http.run(on_started, self._stopping)

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def force(self, fault: str, after: int = 0) -> None:
        """Make a fault happen to the request behind `after` more; forced faults wait in line. From any thread."""
        if fault not in OF_REQUESTS:
            raise ValueError(f"{fault!r} cannot be made to happen; these can: {', '.join(OF_REQUESTS)}")
        self._chance.force(fault, after)

    @property
    def struck(self) -> Mapping[str, int]:
        """How often each fault happened to a request."""
        return self._chance.struck

    def revise(self, symbol: str, interval: str, opened: datetime) -> None:
        """Tell a candle otherwise from now on. From any thread."""
        self.rest.revise(symbol, interval, opened)

    def _now_ms(self) -> int:
        return int((self.options.clock() + self.options.faults.get("skew", 0.0)) * 1000)

    async def _respond(self, asked: Asked) -> Answer:
        return with_headers(self._answer(asked), SIMULATED)

    def _answer(self, asked: Asked) -> Answer:
        self.counts.paths[asked.path] += 1
        if asked.path.startswith(ARCHIVES):
            damaged = self._random.random() < self.options.faults.get("damaged", 0.0)
            return self._archives.answer(asked.path, is_damaged=damaged)
        if refusal := self._limits.refusal(asked.address, self.rest.weight(asked.path)):
            return refusal
        answer = self._struck(self._chance.draw(), asked)
        return with_headers(answer, self._limits.used(asked.address))

    def _struck(self, fault: str | None, asked: Asked) -> Answer:
        """The answer as a fault leaves it."""
        if fault == "429":
            return self._limits.too_many(asked.address)
        if fault == "418":
            return self._limits.banned(asked.address)
        if fault == "451":
            return Answer(RESTRICTED, answers.RESTRICTED)
        if fault == "403":
            return web_page(403, "403 Forbidden")
        if fault == "5xx":
            return self._broken()
        return struck(self.rest.answer(asked), fault)

    def _broken(self) -> Answer:
        status = self._random.choice(BROKEN)
        if self._random.random() < 0.5:
            return web_page(status)
        return Answer(status, answers.BUSY if status == 503 else answers.TIMED_OUT)


def serve(options: Options, on_started: Callable[[Server], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises OSError where the port is taken, ValueError for rates that cannot be."""
    serve_until_signal(Server(options), on_started)


@contextmanager
def binance_server(options: Options | None = None, **changed: object) -> Iterator[Server]:
    """Run the exchange on a free port, in a thread, while the context lasts. `changed` are fields of Options."""
    with in_a_thread(Server(replace(options or Options(), **changed)), "simulated Binance") as server:  # type: ignore[arg-type]
        yield server
