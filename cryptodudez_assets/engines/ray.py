"""Tasks on Ray, which only hands them out: no data set, reader or actor of Ray's is used.

It is started, or connected to, when the first tasks are to be run, once a process. Credentials and addresses of stores are found by
its workers in their own environment; that it reports to nobody is switched off in `telemetry.py`.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.loopback import is_on_loopback
from cryptodudez_assets.engines.portable import attempt, opened, packed

CLIENT = "ray://"
QUIET_SECONDS = 30.0
"""So long no task ends before that is said, and each time again."""
CONNECT_SECONDS = 10.0
"""So long an address is tried before it is told that nothing answers: Ray itself would try for minutes, whatever interrupts it."""
TRIES = 4
"""How often a task is tried whose process is lost; the same as on Spark."""


class RayFailed(RuntimeError):
    """Ray did not start, could not be reached, or gave up; the message has its words."""


class RayEngine:
    """The workers of a Ray instance. One that is lost is replaced by Ray, and its task is done again."""

    name = "ray"

    def __init__(self, address: str) -> None:
        self._address, self.is_remote = address, is_remote(address)

    @property
    def parallel(self) -> int:
        """How many tasks it can run at a time: CPUs. Raises RayFailed where it cannot be reached."""
        return max(1, int(_connected(self._address).cluster_resources().get("CPU", 1)))

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order, once all are done; meanwhile says how many are.

        What a task raised is raised here as soon as it happened, and the others are not begun. Raises NotPortable where a task cannot
        be handed over, and RayFailed where Ray gives up.
        """
        parts = [packed(function, task) for task in tasks]
        if parts:
            yield from _done(_connected(self._address), parts, say)


def is_remote(address: str) -> bool:
    """Whether an address may have workers on other machines: each but none, which is an instance of our own, and those on loopback."""
    return bool(address) and not is_on_loopback(address.removeprefix(CLIENT))


def _done(ray: Any, parts: Sequence[bytes], say: Say) -> list[Any]:
    remote = ray.remote(attempt).options(num_cpus=1, max_retries=TRIES - 1)
    under_way = [remote.remote(part) for part in parts]
    found: dict[Any, Any] = {}
    try:
        left = under_way
        while left:
            ready, left = ray.wait(left, timeout=QUIET_SECONDS)
            if not ready:
                say(f"no task has ended for {QUIET_SECONDS:.0f} s: {len(found)} of {len(parts)} are done")
                continue
            found |= {one: opened(ray.get(one)) for one in ready}
            say(f"{len(found)} of {len(parts)} tasks are done")
    except ray.exceptions.RayError as error:
        raise RayFailed(f"Ray gave up: {' '.join(str(error).split())}") from error
    finally:
        for one in under_way:
            if one not in found:
                ray.cancel(one)
    return [found[one] for one in under_way]


def _connected(address: str) -> Any:
    """Ray, started or reached."""
    import ray

    if not ray.is_initialized():
        options, ends = {} if address else _of_our_own(), signal.getsignal(signal.SIGTERM)
        _insist_on_answer(address)
        try:
            # Polars in a task uses the one core that the task has.
            threads = {"env_vars": {"POLARS_MAX_THREADS": "1"}}
            ray.init(
                address or "local", runtime_env=threads, logging_level=logging.ERROR, log_to_driver=False, **options
            )
        except Exception as error:
            raise RayFailed(f"Ray could not be {'reached' if address else 'started'}: {error}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(
                    signal.SIGTERM, ends
                )  # Ray takes it over, and a run that is cancelled would end otherwise than others
    return ray


def _insist_on_answer(address: str) -> None:
    """Refuse an address, if it has a host and a port, at which nothing listens."""
    parts = urlsplit(f"//{address.removeprefix(CLIENT)}")
    if parts.hostname is None or parts.port is None:
        return
    try:
        socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS).close()
    except OSError as error:
        raise RayFailed(
            f"Ray could not be reached: nothing answers at {address}, CRYPTODUDEZ_RAY_ADDRESS ({error})"
        ) from error


def _of_our_own() -> dict[str, Any]:
    """Options of an instance on this machine alone."""
    from ray._private import ray_constants

    # What Ray does where nobody would have a cluster; else it takes loopback for a mistake, and listens on all interfaces.
    ray_constants.ENABLE_RAY_CLUSTER = False
    return {"num_cpus": len(os.sched_getaffinity(0)), "include_dashboard": False}
