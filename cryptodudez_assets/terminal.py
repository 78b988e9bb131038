"""What is said never fails what is done, and never does anything itself: streams that take any text, and any end of their
reader; signs that a terminal would obey, or not show, are shown.

Only how text leaves the process is here. What a command says is in `cli/`, what an asset says in `headless.py`.
"""

import io
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.segment import Segment

COMMAND = "cryptodudez"
ESCAPE = "backslashreplace"
CANNOT_WRITE = FAILED = 1
BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters, says Unicode, of which nothing is seen."""
OTHER_THAN_ASCII = re.compile(r"[^\x00-\x7f]")


def visible(text: str, *, lines: bool = False) -> str:
    """Text from outside as it may go to a terminal: whatever does not print a sign of its own is escaped.

    Such are escape sequences, other controls, line ends (but for `lines`, where these are meant), signs that turn the direction
    of writing or have no width, and bytes that are no text. What has nothing of that is as it was.
    """
    if text.isprintable() and BLANK_LETTERS.isdisjoint(text):
        return text
    kept = "\n\t" if lines else ""
    return "".join(sign if sign in kept or _prints(sign) else _escaped(sign) for sign in text)


def _prints(sign: str) -> bool:
    return sign.isprintable() and sign not in BLANK_LETTERS


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def visible_json(text: str, *, ascii_only: bool = False) -> str:
    """JSON that means the same, with its own escapes for what a terminal would obey or not show."""

    def escaped(found: re.Match[str]) -> str:
        return found[0] if _prints(found[0]) and not ascii_only else json.dumps(found[0])[1:-1]

    return OTHER_THAN_ASCII.sub(escaped, text).replace("\x7f", "\\u007f")


class SafeConsole(Console):
    """A console on which nothing but Rich itself controls the terminal."""

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        safe = (one if one.control else Segment(visible(one.text, lines=True), one.style) for one in buffer)
        return super()._render_buffer(safe)


def own_name() -> str:
    """How whoever sits at the terminal calls this command again: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != COMMAND:  # `python -m`, or a test
        return COMMAND
    found = shutil.which(COMMAND)
    if found and Path(found).samefile(called):
        return COMMAND
    return os.path.relpath(called) if called.absolute().is_relative_to(Path.cwd()) else str(called)


def say(console: Console, text: str, *, style: str | None = None, lines: bool = False) -> None:
    """A line (or, where they are meant, lines) as it is: neither folded nor read as markup."""
    console.print(visible(text, lines=lines), style=style, soft_wrap=True, highlight=False, markup=False)


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
    except Exception:  # a fault of ours, which may quote what others wrote
        print(visible(traceback.format_exc(), lines=True), file=sys.stderr, end="")
        code = FAILED
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
