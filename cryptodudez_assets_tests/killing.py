"""Fetches that die by SIGKILL while their venue keeps an answer back: each is at work when it dies, on machines fast and slow.

A module that forks a fetch for each line of JSON, since importing takes longer than most of them live, ends in

    if __name__ == "__main__":
        fork_for_each_line(fetch)

and is begun by `Forks`. What a fetch returns is told to whoever waits for it: why it failed, or nothing.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 120.0


class Fork:
    """A fetch in a process of its own."""

    def __init__(self, process: int, done: Path) -> None:
        self._process, self._done = process, done

    def kill(self) -> bool:
        """Whether it was at work still."""
        is_at_work = not self._done.exists()
        try:
            os.kill(self._process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return is_at_work

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Until this is so, or it is done."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._done.exists() and not is_so():
            assert time.monotonic() < until, "it does not come to an end"
            time.sleep(0.001)

    def finish(self) -> None:
        """Until it is done. What failed fails here."""
        self.wait_until(lambda: False)
        failed = self._done.read_text()
        assert not failed, failed


class Forks:
    """A process that has loaded the module, and forks a fetch for whoever asks. Ends with the context."""

    def __init__(self, module: str, folder: Path) -> None:
        self._done = folder / "done"
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, *told: Any) -> Fork:
        """A fetch of what is told, as JSON has it. One at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._done.unlink(missing_ok=True)
        self._process.stdin.write(json.dumps([str(self._done), *told]) + "\n")
        self._process.stdin.flush()
        return Fork(int(self._process.stdout.readline()), self._done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.__exit__(kind, error, at)


def fork_for_each_line(work: Callable[..., str]) -> None:
    """One for each line; tells its process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        process = os.fork()
        if not process:
            done, *told = json.loads(line)
            failed = work(*told)
            Path(f"{done}.new").write_text(failed)
            Path(f"{done}.new").replace(done)
            os._exit(0)
        print(process, flush=True)
