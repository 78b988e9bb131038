"""Run servers together: each in a process group of its own, started again when it ends, and all stopped together.

What they say goes into their logs (`child_logs.py`); what happens to them is said in a line. Which servers there are is in
`running.py`.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cryptodudez_assets.child_logs import keep_log

Address = tuple[str, int] | Path
"""Host and port, or a socket's path."""

LOOK_SECONDS = 0.2
# How long each signal is given. A server that ends for none of them is killed.
PATIENCE: dict[signal.Signals, float] = {signal.SIGINT: 3.0, signal.SIGTERM: 1.5, signal.SIGKILL: 1.0}
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
# One that ends more often than this within so long is not started again.
MOST_RESTARTS, WITHIN_SECONDS = 5, 600.0
GAVE_UP = 1
STOPPING = "stopping all servers and what they run, within ten seconds …"


@dataclass(frozen=True)
class Server:
    """A command that is to run all the time. It is started once something listens at all of `after`.

    `is_needed`: where it ends again and again, the others are of no use without it.
    """

    name: str
    command: Sequence[str]
    log: Path
    address: Address | None = None
    after: Sequence[Address] = ()
    is_needed: bool = True


def supervise(
    servers: Sequence[Server],
    say: Callable[[str], None],
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Keep the servers running until a signal comes, or one that is needed ends again and again; then stop all.

    Calls `on_ready` once something listens at each address. Returns the exit code: 0 after a signal.
    """
    keepers = [_Keeper(server, say) for server in servers]
    waiting = [server.address for server in servers if server.address is not None and server.is_needed]
    kept = list(keepers)
    ready = False
    with _until_signal() as is_told:
        try:
            while not is_told():
                for keeper in list(kept):
                    if not keeper.look():
                        if keeper.is_needed:
                            return GAVE_UP
                        kept.remove(keeper)
                waiting = [address for address in waiting if not listens(address)]
                if not waiting and not ready:
                    ready = True
                    on_ready()
                time.sleep(LOOK_SECONDS)
            return 0
        finally:
            say(STOPPING)
            _stop([group for keeper in keepers for group in keeper.groups])


class _Keeper:
    """Starts a server, and again, later each time."""

    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        self._server, self._say = server, say
        self.is_needed = server.is_needed
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at = time.monotonic()
        self._ended: list[float] = []
        self.groups: list[int] = []
        """Process groups that were begun: what a server started may live longer than it."""

    def look(self) -> bool:
        """Do what is due; False if it has ended too often."""
        if self._process is None:
            if time.monotonic() >= self._start_at and all(map(listens, self._server.after)):
                self._start()
            return True
        code = self._process.poll()
        return True if code is None else self._again(code)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._server.command,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.groups.append(self._process.pid)
        keep_log(self._process.stdout, self._server.log, self._say)
        if self._ended:
            self._say(f"{self._server.name}: started again")

    def _again(self, code: int) -> bool:
        now = time.monotonic()
        self._process = None
        self._ended = [at for at in self._ended if now - at < WITHIN_SECONDS] + [now]
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if len(self._ended) > MOST_RESTARTS:
            minutes = f"{len(self._ended)} times within {WITHIN_SECONDS / 60:.0f} minutes"
            rest = "" if self.is_needed else ", the others go on"
            self._say(f"{self._server.name}: {how}, {minutes}: giving up{rest}; see {self._server.log}")
            return False
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (len(self._ended) - 1), LONGEST_PAUSE_SECONDS)
        self._start_at = now + pause
        self._say(f"{self._server.name}: {how}; starting it again in {pause:g} s; see {self._server.log}")
        return True


def listens(address: Address) -> bool:
    """Whether somebody takes connections there."""
    try:
        if isinstance(address, Path):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(str(address))
        else:
            socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def _until_signal() -> Iterator[Callable[[], bool]]:
    """Yields what tells whether somebody wants to end this process, which meanwhile does not."""
    told = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: told
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _stop(groups: Sequence[int]) -> None:
    for number, seconds in PATIENCE.items():
        deadline = time.monotonic() + seconds
        for group in groups:
            _signal_group(group, number)
        while any(map(_lives, groups)):
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_SECONDS / 2)
        else:
            return


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _lives(group: int) -> bool:
    with suppress(ChildProcessError):  # its keeper has done it
        os.waitpid(group, os.WNOHANG)  # reap it: a zombie would keep its group
    return _signal_group(group, 0)
