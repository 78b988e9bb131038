"""Gaps as data: from when to when nobody knew a book, why, and what repaired it. One JSON line each, landed beside the records."""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec


class Cause(StrEnum):
    """Why a book was not known."""

    STARTING = "starting"
    SEQUENCE = "sequence"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    CROSSED = "crossed book"
    IMPOSSIBLE = "impossible order"
    HELD_UP = "recorder held up"
    NOT_RUNNING = "not running"
    CLOCK_STEP = "clock step"
    DAMAGED = "write-ahead file damaged"


class Repair(StrEnum):
    """What ended it."""

    ORDER_BOOK = "order book over REST"
    SEQUENCE_WENT_ON = "the sequence went on"
    RESTART = "restart"
    NONE = "none"


class Gap(msgspec.Struct, frozen=True):
    """A time in which a book was not known to be right, of one recorder (`instance`).

    `sequence_before` and `sequence_after` are the last before it and the first behind it, null where there was none.
    """

    book: str
    instance: str
    started_us: int
    ended_us: int
    cause: Cause
    repair: Repair
    sequence_before: int | None = None
    sequence_after: int | None = None


def to_line(gap: Gap) -> bytes:
    """The gap as a JSON line."""
    told = {
        "book": gap.book,
        "instance": gap.instance,
        "started_at": _text(gap.started_us),
        "ended_at": _text(gap.ended_us),
        "cause": str(gap.cause),
        "repair": str(gap.repair),
        "sequence_before": gap.sequence_before,
        "sequence_after": gap.sequence_after,
    }
    return msgspec.json.encode(told) + b"\n"


def _text(microseconds: int) -> str:
    return (
        datetime.fromtimestamp(microseconds // 1_000_000, UTC)
        .replace(microsecond=microseconds % 1_000_000)
        .isoformat(timespec="microseconds")
    )
