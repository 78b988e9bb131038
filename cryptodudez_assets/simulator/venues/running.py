"""How simulated venues are run: in this thread until a signal comes, or in one of their own. What they answer is theirs."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Venue(Protocol):
    """A server on loopback that stands in for a venue."""

    async def run(self, on_started: Callable[[], None]) -> None:
        """Serve until `stop`. Raises OSError where the port is taken."""

    def stop(self) -> None:
        """Let `run` end, from any thread."""


Server = TypeVar("Server", bound=Venue)


def serve_until_signal(server: Server, on_started: Callable[[Server], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises what `run` does."""
    asyncio.run(_serve(server, on_started))


async def _serve(server: Server, on_started: Callable[[Server], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.run(lambda: on_started(server))


@contextmanager
def in_a_thread(server: Server, name: str) -> Iterator[Server]:
    """The server, which serves while the context lasts. Raises what `run` does."""
    started = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(server.run(started.set))
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, name=name)
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
