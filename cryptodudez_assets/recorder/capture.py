"""What the venue said, word for word, with the times at which it came: to look at, and to be replayed through the same code."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from cryptodudez_assets.recorder.gaps import Cause
from cryptodudez_assets.recorder.market_state import MarketState
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.venues.bitso.protocol import read_order_book, read_tickers

SYNC_LINES = 200

Kind = Literal["started", "connected", "disconnected", "frame", "order_book", "tickers", "second"]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened. `at_us`: when it came; `requested_us`: when it was asked for.

    `book`: of an order book, or all books when recording starts, with commas; of a disconnection, its cause. A second that is
    recorded is a line, too, so that a replay says the same.
    """

    kind: Kind
    at_us: int
    text: str = ""
    book: str = ""
    requested_us: int = 0
    second: int = 0


class Capture:
    """A file (JSON lines in gzip) that lines are appended to, a part of its own for each process that writes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = gzip.open(path, "ab", compresslevel=3)  # noqa: SIM115
        self._lines = 0

    def add(self, line: Line) -> None:
        """Keep it. What a kill leaves unfinished is the last lines only."""
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._lines += 1
        if self._lines % SYNC_LINES == 0:
            self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def captured(path: Path) -> Iterator[Line]:
    """The lines of a capture; one that was not finished is the last.

    Raises ValueError, with its number, where a line is none.
    """
    with gzip.open(path, "rb") as file:
        number = 0
        while True:
            try:
                text = file.readline()
            except EOFError:
                return  # the process that wrote it was killed
            except (gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{path}: {error}: expected a file that `record --capture` wrote") from None
            if not text.endswith(b"\n"):
                return
            number += 1
            try:
                yield msgspec.json.decode(text, type=Line)
            except (msgspec.DecodeError, UnicodeError) as error:
                raise ValueError(
                    f"{path}, line {number}: {error}: expected a line that `record --capture` wrote"
                ) from None


def replayed(lines: Iterator[Line], instance: str) -> Iterator[list[Record]]:
    """The records that a recorder makes of what was captured, second by second."""
    state: MarketState | None = None
    for line in lines:
        if line.kind == "started":
            state = MarketState(line.book.split(","), instance, line.at_us)
        elif state is None:
            raise ValueError("the capture does not begin with the start of a recorder")
        elif line.kind == "second":
            yield state.records(line.second, line.at_us)
        else:
            tell(state, line)


def tell(state: MarketState, line: Line) -> None:
    """Hand what happened to the state. Raises NotUnderstood, Impossible or ValueError where an answer makes no sense."""
    if line.kind == "connected":
        state.on_connected(line.at_us)
    elif line.kind == "disconnected":
        state.on_disconnected(Cause(line.book))
    elif line.kind == "frame":
        state.on_frame(line.text, line.at_us)
    elif line.kind == "tickers":
        state.on_tickers(read_tickers(line.text.encode()), line.requested_us, line.at_us)
    elif line.kind == "order_book":
        state.books[line.book].on_seed(read_order_book(line.text.encode()), line.requested_us, line.at_us)
