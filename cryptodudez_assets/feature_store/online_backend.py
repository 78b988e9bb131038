"""Where online rows are kept: what every backend does, and the row that it keeps."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class OnlineRow(NamedTuple):
    """A row as it is kept: its key and its features as JSON, its times in microseconds since 1970."""

    key: str
    event: int
    known: int
    features: str


class OnlineBackend(Protocol):
    """Keeps at most one record for each key of a view."""

    def put(self, view: str, records: Sequence[OnlineRow]) -> None:
        """Keep these (of one key at most one, in the order of keys) but where what is there has later (event, known)."""

    def get(self, view: str, keys: Sequence[str]) -> dict[str, OnlineRow]:
        """The records of those keys that there are."""

    def drop(self, view: str) -> None:
        """Forget a view."""

    def close(self) -> None:
        """Let go of connections."""
