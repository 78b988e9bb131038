"""One record: what is known of one book at one second. Its columns, its file's schema, its spread."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import polars as pl

DEPTH_BPS = 10
"""How far from the best price, in basis points of it, amounts count as depth."""


class Origin(StrEnum):
    """Where a record's prices come from, the best first. Where two recorders tell of the same second, the better one wins.

    `ws`: the book, as of a message of the last second; `ticker` and `rest`: an answer of the last second; `carried`: what was
    known before, since nothing was said of the book within the last second.
    """

    WS = "ws"
    TICKER = "ticker"
    REST = "rest"
    CARRIED = "carried"


class Record(msgspec.Struct, array_like=True):
    """A book at a second (`second`: of Unix time). Prices and amounts are null where they are not known.

    `received_us` is when the newest message behind it came (microseconds of Unix time, this machine's clock), `exchange_ms` when
    the exchange says that it sent it. `staleness_ms` is the time from there to the second.
    `is_gap`: nobody was looking at that second: not connected, out of sequence, not running. A book at rest is carried, but no gap.
    """

    second: int
    book: str
    bid: float | None = None
    ask: float | None = None
    bid_amount: float | None = None
    ask_amount: float | None = None
    bid_depth: float | None = None
    ask_depth: float | None = None
    sequence: int | None = None
    exchange_ms: int | None = None
    received_us: int | None = None
    staleness_ms: int | None = None
    source: Origin = Origin.CARRIED
    is_gap: bool = False


def timestamp_text(second: int) -> str:
    """As `2022-04-30T04:10:26+00:00`."""
    return datetime.fromtimestamp(second, UTC).isoformat()


COLUMNS: dict[str, pl.DataType] = {
    "orderbook_timestamp": pl.String(),
    "book": pl.String(),
    "bid": pl.Float64(),
    "ask": pl.Float64(),
    "spread": pl.Float64(),
    "bid_amount": pl.Float64(),
    "ask_amount": pl.Float64(),
    "bid_depth_10bps": pl.Float64(),
    "ask_depth_10bps": pl.Float64(),
    "sequence": pl.Int64(),
    "exchange_time": pl.Datetime("ms", "UTC"),
    "received_time": pl.Datetime("us", "UTC"),
    "staleness_ms": pl.Int64(),
    "source": pl.String(),
    "is_gap": pl.Boolean(),
    "instance": pl.String(),
}
FILE_SCHEMA = pl.Schema(COLUMNS)


def spread(bid: float | None, ask: float | None) -> float | None:
    """(ask - bid) * 100 / ask, in percent; null where a side is not known."""
    return None if bid is None or not ask else (ask - bid) * 100 / ask


def to_frame(records: Sequence[Record], instance: str) -> pl.DataFrame:
    """Records as the rows of a file, in their order."""
    columns: dict[str, list[object]] = {
        "orderbook_timestamp": [timestamp_text(one.second) for one in records],
        "book": [one.book for one in records],
        "bid": [one.bid for one in records],
        "ask": [one.ask for one in records],
        "spread": [spread(one.bid, one.ask) for one in records],
        "bid_amount": [one.bid_amount for one in records],
        "ask_amount": [one.ask_amount for one in records],
        "bid_depth_10bps": [one.bid_depth for one in records],
        "ask_depth_10bps": [one.ask_depth for one in records],
        "sequence": [one.sequence for one in records],
        "exchange_time": [one.exchange_ms for one in records],
        "received_time": [one.received_us for one in records],
        "staleness_ms": [one.staleness_ms for one in records],
        "source": [str(one.source) for one in records],
        "is_gap": [one.is_gap for one in records],
        "instance": [instance] * len(records),
    }
    numbers = {name: pl.Int64() if dtype.is_temporal() else dtype for name, dtype in COLUMNS.items()}
    return pl.DataFrame(columns, schema=numbers).cast(FILE_SCHEMA)
