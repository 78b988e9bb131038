"""What really happened, as CSV: every message of the market whether or not a fault ate it, and beside it what the faults force.

The first line of a book is what it is before its first message.
"""

from pathlib import Path
from typing import Protocol, TextIO

from cryptodudez_assets.simulator.venues.bitso.forced import Forced, forced_file


class Truth(Protocol):
    """What hears of the truth."""

    def message(self, book: str, sequence: int, sent: int, bid: str, ask: str) -> None:
        """The best prices of a book as they are behind a message."""

    def forced(self, time: Forced) -> None:
        """A time in which a book could not be known."""

    def flush(self) -> None:
        """Everything is to be in the files."""

    def close(self) -> None:
        """Nothing more comes."""


class NoTruth:
    """Nobody asked for the truth."""

    def message(self, book: str, sequence: int, sent: int, bid: str, ask: str) -> None:
        """Nothing is kept."""

    def forced(self, time: Forced) -> None:
        """Nothing is kept."""

    def flush(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is kept."""


class TruthFiles:
    """`book,sequence,sent,bid,ask` in `path`; `book,fault,connection,started,ended` in the file beside it. Raises OSError.

    `sent` and the other times are milliseconds of Unix time, of this machine's clock: also where the exchange's is off.
    """

    def __init__(self, path: Path) -> None:
        self._messages = _begun(path, "book,sequence,sent,bid,ask")
        self._forced = _begun(forced_file(path), ",".join(Forced._fields))

    def message(self, book: str, sequence: int, sent: int, bid: str, ask: str) -> None:
        """The best prices of a book as they are behind a message."""
        self._messages.write(f"{book},{sequence},{sent},{bid},{ask}\n")

    def forced(self, time: Forced) -> None:
        """A time in which a book could not be known."""
        self._forced.write(",".join(map(str, time)) + "\n")

    def flush(self) -> None:
        """Everything that was told is in the files."""
        self._messages.flush()
        self._forced.flush()

    def close(self) -> None:
        """Nothing more comes."""
        self._messages.close()
        self._forced.close()


def _begun(path: Path, header: str) -> TextIO:
    file = path.open("w")
    file.write(header + "\n")
    return file
