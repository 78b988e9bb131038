"""What a recorder tells those who listen: of itself, and of each book at each second. How it is sent is for `stream.py`."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from cryptodudez_assets.recorder.record import Origin, Record, spread
from cryptodudez_assets.venues.http import is_loopback


class Told(msgspec.Struct):
    """A record as listeners read it. `spread` is in percent; `source` is None of what others recorded and did not say."""

    second: int
    book: str
    bid: float | None
    ask: float | None
    spread: float | None
    source: Origin | None
    is_gap: bool
    staleness_ms: int | None


class About(msgspec.Struct):
    """Who records what, and from where. `simulated`: one of the venue's addresses is this machine, so it is no venue."""

    instance: str
    books: list[str]
    venue: str
    simulated: bool


def told(record: Record) -> Told:
    """A record for listeners."""
    return Told(
        second=record.second,
        book=record.book,
        bid=record.bid,
        ask=record.ask,
        spread=spread(record.bid, record.ask),
        source=record.source,
        is_gap=record.is_gap,
        staleness_ms=record.staleness_ms,
    )


def about(instance: str, books: Sequence[str], rest_url: str, socket_url: str) -> About:
    """What a recorder of these addresses says of itself. Of an address only host and port: the rest may hold a password."""
    hosts = [urlsplit(url).hostname or "" for url in (rest_url, socket_url)]
    port = urlsplit(rest_url).port
    venue = hosts[0] if port is None else f"{hosts[0]}:{port}"
    return About(instance, list(books), venue, any(map(is_loopback, hosts)))
