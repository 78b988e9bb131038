"""Order-book files as recorders leave them, for tests: records made by hand or at random."""

from collections.abc import Sequence
from random import Random

from cryptodudez_assets.recorder.record import Origin, Record, timestamp_text, to_frame
from cryptodudez_assets.recorder.window import parquet

START = 1_651_291_800
"""2022-04-30 04:10:00 UTC, when a window begins."""


def seen(
    second: int, source: Origin = Origin.WS, stale: int | None = 100, book: str = "btc_mxn", **other: object
) -> Record:
    """A record `second` seconds into the window."""
    at = START + second
    prices: dict[str, object] = {"bid": 99.0, "ask": 100.0, "bid_amount": 1.0, "ask_amount": 2.0}
    known = {} if stale is None else {"exchange_ms": at * 1000 - stale, "received_us": (at * 1000 - stale) * 1000}
    return Record(at, book, **{**prices, **known, "staleness_ms": stale, "source": source, **other})  # type: ignore[arg-type]


def unknown(second: int, book: str = "btc_mxn") -> Record:
    """A second before anything was known."""
    return Record(START + second, book, is_gap=True)


def drawn(rng: Random, seconds: Sequence[int], book: str = "btc_mxn") -> list[Record]:
    """Records of these seconds, as good or bad as chance has it; prices tell them apart, ages often do not."""
    records = []
    for second in seconds:
        source = rng.choice(list(Origin))
        stale = rng.choice([None, 0, 20, 20, 900, -5]) if source is Origin.CARRIED else rng.choice([0, 20, 20, 900])
        gap = source is Origin.CARRIED and rng.random() < 0.5
        bid = float(rng.randrange(1, 99))
        one = (
            unknown(second, book)
            if gap and rng.random() < 0.3
            else seen(second, source, stale, book, bid=bid, is_gap=gap)
        )
        records.append(one)
    return records


def name_of(records: Sequence[Record], instance: str, window: int = START) -> str:
    """Where a recorder lands a window of ten minutes."""
    stamp = timestamp_text(window).replace("-", "").replace(":", "")[:15] + "Z"
    part = "" if len(records) == 600 else f".partial-{timestamp_text(records[0].second)[11:19].replace(':', '')}"
    folder = f"book={records[0].book}/date={timestamp_text(window)[:10]}/hour={timestamp_text(window)[11:13]}"
    return f"{folder}/{stamp}-{instance}{part}.parquet"


def content_of(records: Sequence[Record], instance: str) -> bytes:
    """The file."""
    return parquet(to_frame(records, instance))
