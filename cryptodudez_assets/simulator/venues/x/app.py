"""The server: who may ask, how often, what strikes a request, and the ways to start it."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from cryptodudez_assets.simulator.venues.faulty import Chance
from cryptodudez_assets.simulator.venues.http import BROKEN, Answer, Asked, HttpServer, struck, web_page
from cryptodudez_assets.simulator.venues.running import in_a_thread, serve_until_signal
from cryptodudez_assets.simulator.venues.x.accounts import Bill, Limits
from cryptodudez_assets.simulator.venues.x.compliance import Jobs
from cryptodudez_assets.simulator.venues.x.faults import OF_REQUESTS, STORM_SECONDS
from cryptodudez_assets.simulator.venues.x.rest import Rest, Told
from cryptodudez_assets.simulator.venues.x.world import World
from cryptodudez_assets.venues.x import answers
from cryptodudez_assets.venues.x.asking import Kind
from cryptodudez_assets.venues.x.protocol import JOBS, JOBS_LIMIT, USAGE, USAGE_LIMIT, WINDOW_SECONDS

SIMULATED = {"X-Simulated": "true"}
STORAGE = re.compile(r"/storage/(\d+)/(upload|download)")
TIMELINE = re.compile(r"/2/users/(\d+)/tweets")
BY_NAME = re.compile(r"/2/users/by/username/(\w+)")
JOB = re.compile(r"/2/compliance/jobs/(\d+)")


@dataclass(frozen=True)
class Options:
    """What is simulated.

    `token`: the bearer token that is right; none is asked for where it is empty. `accounts`, `posts_a_day` (of each) and `deleted`
    (share of the posts): who writes what. `limit`: requests of each endpoint in a window, None for what X documents. `cap`: posts that
    are sold in a month. `faults`: rates by name (`faults.py`). `port` 0 is any that is free.
    """

    token: str = ""
    seed: int = 7
    accounts: int = 20
    posts_a_day: float = 12.0
    deleted: float = 0.0
    limit: int | None = None
    window_seconds: float = WINDOW_SECONDS
    cap: int = 2_000_000
    faults: Mapping[str, float] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 0


class Server:
    """The simulated X. Everything happens on the loop of `run`; what it counted may be read at any time."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._random = Random(f"{options.seed}/requests")
        self._chance = Chance(OF_REQUESTS, options.faults, self._random)
        self.world = World(options.seed, options.accounts, options.posts_a_day, options.deleted)
        self.bill, self.limits, self.jobs = Bill(options.cap), Limits(options.window_seconds), Jobs(self.world)
        self.strangers = 0
        """Requests without the token that is right, and requests to storage that had one."""
        self._rest = Rest(self.world, self.bill)
        self._http = HttpServer(options.host, options.port, self._respond, self.now)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Base of the API."""
        return f"{self._base}/2"

    @property
    def _base(self) -> str:
        return f"http://{self._http.host}:{self._http.port}"

    def now(self) -> float:
        """Unix time by X's clock, which may be off."""
        return time.time() + self.options.faults.get("skew", 0.0)

    async def run(self, on_started: Callable[[], None]) -> None:
        """Serve until `stop`. Raises OSError where the port is taken."""
        self._loop = asyncio.get_running_loop()
        await self._http.run(on_started, self._stopping)

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def force(self, fault: str, after: int = 0) -> None:
        """Make a fault strike the request behind `after` more. From any thread. Raises ValueError where there is no such fault."""
        if fault not in OF_REQUESTS:
            raise ValueError(f"{fault!r} strikes no request; there are: {', '.join(OF_REQUESTS)}")
        self._chance.force(fault, after)

    @property
    def struck(self) -> Mapping[str, int]:
        """How often each fault struck a request."""
        return self._chance.struck

    async def _respond(self, asked: Asked) -> Answer:
        if found := STORAGE.fullmatch(asked.path):
            return self._store(asked, found[1], found[2])
        if self.options.token and asked.headers.get("authorization") != f"Bearer {self.options.token}":
            self.strangers += 1
            return _answer(401, answers.UNAUTHORIZED)
        endpoint, limit, apart = self._endpoint(asked)
        if not endpoint:
            return _answer(404, answers.problem(404, "Not Found", "Not Found"))
        now = self.now()
        is_allowed = self.limits.is_allowed(endpoint, limit, now, apart)
        fault = self._chance.draw() if is_allowed else None
        if fault == "429":
            self.limits.storm(endpoint, now, STORM_SECONDS)
        headers = self.limits.headers(endpoint, limit, now)
        if not is_allowed or fault == "429":
            return _answer(429, answers.TOO_MANY, headers)
        if fault == "5xx":
            return self._broken(headers)
        told = self._told(asked, fault == "partial", datetime.fromtimestamp(now, UTC))
        self.bill.read(told.posts, told.users, now)
        return struck(_answer(told.status, told.body, headers), fault)

    def _endpoint(self, asked: Asked) -> tuple[str, int, float]:
        """The endpoint, its limit, and the seconds between two requests. No name where there is no such endpoint."""
        known = {f"/2/{kind.value.path}": kind for kind in (Kind.RECENT, Kind.ALL)}
        if kind := Kind.TIMELINE if TIMELINE.fullmatch(asked.path) else known.get(asked.path):
            return kind.value.name, self.options.limit or kind.value.limit, kind.value.apart
        if asked.path == f"/2/{USAGE}":
            return "usage", USAGE_LIMIT, 0.0
        if BY_NAME.fullmatch(asked.path):
            return "account", 300, 0.0
        return ("jobs", JOBS_LIMIT, 0.0) if asked.path == f"/2/{JOBS}" or JOB.fullmatch(asked.path) else ("", 0, 0.0)

    def _told(self, asked: Asked, partial: bool, now: datetime) -> Told:
        if found := TIMELINE.fullmatch(asked.path):
            return self._rest.timeline(found[1], asked.query, now, partial=partial)
        if found := BY_NAME.fullmatch(asked.path):
            return self._rest.account(found[1], asked.query, now)
        if asked.path == f"/2/{USAGE}":
            return self._rest.usage(asked.query, now)
        if asked.path.startswith(f"/2/{JOBS}"):
            return self._job(asked, now.timestamp())
        kind = Kind.ALL if asked.path.endswith("all") else Kind.RECENT
        return self._rest.search(kind, asked.query, now, partial=partial)

    def _job(self, asked: Asked, now: float) -> Told:
        if found := JOB.fullmatch(asked.path):
            job = self.jobs.find(found[1], now, is_look=True)
            if job is None:
                return Told(404, answers.problem(404, "Not Found", f"Could not find job with id: [{found[1]}]."))
            return Told(200, answers.data(job.told(self._base)))
        if asked.method == "GET":
            told = [job.told(self._base) for job in self.jobs.all if self.jobs.find(str(job.number), now)]
            return Told(200, answers.data(told) if told else answers.ENCODE({"meta": {"result_count": 0}}))
        name = re.search(rb'"name"\s*:\s*"([^"]*)"', asked.body)
        created = self.jobs.create(name[1].decode() if name else "", now)
        if created is None:
            return Told(409, answers.problem(409, "Conflict", "You already have a job of this type in progress"))
        return Told(200, answers.data(created.told(self._base)))

    def _store(self, asked: Asked, number: str, what: str) -> Answer:
        """The storage, which wants no token of others."""
        job = self.jobs.find(number, self.now())
        if "authorization" in asked.headers or job is None or "signature" not in asked.query:
            self.strangers += "authorization" in asked.headers
            return _answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if what == "upload" and asked.method == "PUT" and job.status == "created":
            self.jobs.upload(job, asked.body, self.now())
            return _answer(200, b"")
        if what == "download" and job.status == "complete":
            return _answer(200, job.found)
        return _answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _broken(self, headers: Mapping[str, str]) -> Answer:
        status = self._random.choice(BROKEN)
        if status == 503:
            return _answer(status, answers.UNAVAILABLE, headers)
        return replace(web_page(status), headers={**SIMULATED, **headers})


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, body, {**SIMULATED, **(headers or {})})


def serve(options: Options, on_started: Callable[[Server], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises OSError as `Server.run` does."""
    serve_until_signal(Server(options), on_started)


@contextmanager
def x_server(options: Options | None = None, **changed: object) -> Iterator[Server]:
    """Run it on a free port, in a thread, while the context lasts. `changed` are fields of Options."""
    with in_a_thread(Server(replace(options or Options(), **changed)), "simulated X") as server:  # type: ignore[arg-type]
        yield server
