"""What is said never fails what is done: streams that take any text, and any end of their reader.

Only how text leaves the process is here. What a command says is in `cli.py`, what an asset says in `headless.py`.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

ESCAPE = "backslashreplace"
CANNOT_WRITE = 1


def speak(command: Callable[[], object]) -> NoReturn:
    """Do the command and exit as it does. What it prints is printed, escaped or lost; its work goes on.

    A reader that went away (`| head`) is no failure. Where the output cannot be written for another reason, such as a full
    disk, that is told at the end, and the process exits with 1 though its work is done.
    """
    outlets = [outlet for name in ("stdout", "stderr") if (outlet := _replace(name))]
    code: object = 0
    try:
        command()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # somebody closed it
            stream.flush()
    failure = next((one.failure for one in outlets if one.failure), None)
    if failure and not isinstance(failure, BrokenPipeError) and not code:
        print(f"Error: the output could not be written: {failure.strerror}", file=sys.stderr, flush=True)
        code = CANNOT_WRITE
    sys.exit(code)  # type: ignore[arg-type]


def insist_on_utf8() -> None:
    """Start the process again where names of files are not taken for UTF-8, as everything below Python takes them.

    Streams keep the terminal's encoding. What this process starts is told the same.
    """
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.ignore_environment:
        return
    os.environ["PYTHONUTF8"] = "1"
    escape_in_children()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (ourselves)


def escape_in_children() -> None:
    """Have Python processes that are started from here escape what the terminal cannot show."""
    os.environ["PYTHONIOENCODING"] = f"{getattr(sys.stdout, 'encoding', None) or 'utf-8'}:{ESCAPE}"


class _Outlet(io.RawIOBase):
    """A file descriptor. Once it takes no more, what is written goes nowhere, and `failure` says why."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.number

    def isatty(self) -> bool:
        return os.isatty(self.number)

    def write(self, data: object, /) -> int:
        told = memoryview(data)  # type: ignore[arg-type]
        if self.failure is None:
            try:
                return os.write(self.number, told)
            except BlockingIOError:
                raise
            except OSError as error:
                self.failure = error
        return told.nbytes


def _replace(name: str) -> _Outlet | None:
    """Put a stream in the place of sys.stdout or sys.stderr that escapes what its encoding cannot show."""
    stream = getattr(sys, name)
    try:
        outlet = _Outlet(stream.fileno())
    except (AttributeError, OSError, ValueError):  # none at all, or in memory: nothing there can fail
        return None
    stream.flush()
    written = io.BufferedWriter(outlet)
    setattr(sys, name, io.TextIOWrapper(written, stream.encoding, ESCAPE, line_buffering=stream.line_buffering))
    return outlet
