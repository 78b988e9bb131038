"""The server around the app: one process, which stops without dropping a request."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from socket import socket
from types import FrameType

import uvicorn
from litestar import Litestar

from cryptodudez_assets.settings import Settings
from serving.app import create_app
from serving.connections import Connection
from serving.crowd import Bounds, Crowd
from serving.elsewhere import is_loopback
from serving.services import of_app

LOOPBACK = "127.0.0.1"
PORT = 8000
DRAIN_SECONDS = 2.0  # for whoever sends requests to see that it is not ready any more
PATIENCE_SECONDS = 20  # for requests that run
SWEEP_SECONDS = 0.2
SAFE_KEY = 16  # characters

log = logging.getLogger(__name__)


def run(settings: Settings, host: str = LOOPBACK, port: int = PORT) -> int:
    """Serve until told to stop; returns the exit code. Without a key it listens to this machine only, or not at all."""
    log_to_stderr()
    if settings.api_key is None and not is_loopback(host):
        log.error("%s can be reached by others: set CRYPTODUDEZ_API_KEY, or listen on %s", host, LOOPBACK)
        return 1
    if settings.api_key is not None and len(settings.api_key) < SAFE_KEY:
        log.warning(
            "CRYPTODUDEZ_API_KEY has fewer than %d characters and may be guessed: openssl rand -hex 16", SAFE_KEY
        )
    app = opened(settings)
    server = Server(server_config(app, host, port), lambda: drain(app))
    server.run()
    return 0 if server.started else 1


def opened(settings: Settings) -> Litestar:
    """The app, with nothing left for the first request to make that would keep all others waiting."""
    app = create_app(settings, only_here=settings.api_key is None)
    app.openapi_schema  # noqa: B018  (made when it is first asked for, on the event loop: half a second and more)
    return app


def log_to_stderr() -> None:
    """Log what happens here; of tables and recorders that are asked again and again only what is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("pyiceberg", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


def drain(app: Litestar) -> None:
    """Let readiness say that it stops, and end what would go on for ever."""
    services = of_app(app)
    services.draining = True
    services.live.close()


def server_config(app: Litestar, host: str, port: int) -> uvicorn.Config:
    """How uvicorn is run. A client is who connects: what headers say about it would let anybody around the rate limit."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=PATIENCE_SECONDS,
        http=Connection,
        ws="none",  # whoever asks for it would get another protocol, without bounds
        backlog=Bounds().backlog,
    )


class Server(uvicorn.Server):
    """Told to terminate, it calls `drain` and goes on for a moment, then ends what runs and returns. Told again, it hurries."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None], bounds: Bounds | None = None) -> None:
        super().__init__(config)
        self.server_state = self._crowd = Crowd(bounds or Bounds())
        self._drain = drain
        self._draining = False

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start; then take what stays for ever out of the garbage collector's rounds, which took up to 0.1 s."""
        self._sweeping = asyncio.create_task(self._sweep())
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End what runs; who dawdles is not waited for."""
        self._drain()  # by SIGINT it was not
        await super().shutdown(sockets)
        self._sweeping.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._crowd.sweep(asyncio.get_running_loop().time())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal. Its base raises the signal again in the end, but to have stopped as told is no failure."""
        if self.should_exit:
            self.force_exit = True
        elif sig == signal.SIGTERM and self.started and not self._draining:
            self._draining = True
            self._drain()
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._stop)
        else:
            self._stop()

    def _stop(self) -> None:
        self.should_exit = True
