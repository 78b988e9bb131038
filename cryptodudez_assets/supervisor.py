"""Run servers together and stop them together: each in a process group of its own, so that no children stay behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

PATIENCE_SECONDS = 15


def supervise(commands: Sequence[Sequence[str]], addresses: Sequence[tuple[str, int]] = (), ready: str = "") -> int:
    """Run the commands until one ends or a signal comes, then stop all. Returns the exit code, 0 after a signal.

    Prints `ready` once something listens at all of the addresses.
    """
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, start_new_session=True))
        waiting = list(addresses)
        while not stopping and all(process.poll() is None for process in processes):
            time.sleep(0.2)
            if waiting:
                waiting = [address for address in waiting if not _listens(address)]
                if not waiting:
                    print(ready, flush=True)
        ended = [process.returncode for process in processes if process.poll() is not None]
        return 0 if stopping else next((code for code in ended if code), 0)
    finally:
        _stop(processes)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            _signal_group(process.pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(_group_lives(process) for process in processes) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not any(_group_lives(process) for process in processes):
            return
        print("still stopping …", file=sys.stderr)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # reap it: a zombie would keep its group
    return _signal_group(process.pid, 0)
