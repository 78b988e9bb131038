"""A window: the records of some minutes, aligned to the clock, and the files that they become."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import polars as pl

from cryptodudez_assets.recorder.gaps import Gap, to_line
from cryptodudez_assets.recorder.record import Record, to_frame
from cryptodudez_assets.recorder.write_ahead import Second

RECORDS, GAPS = "raw/bitso_order_book", "raw/bitso_order_book_gaps"
CSV_DECIMALS = 4


class Window:
    """What was recorded between `start` and `start + seconds` (Unix time, the end left out), by book."""

    def __init__(self, instance: str, start: int, seconds: int) -> None:
        self.instance, self.start, self.seconds = instance, start, seconds
        self.records: dict[str, list[Record]] = {}
        self.gaps: dict[tuple[str, int], Gap] = {}
        self.last: int | None = None

    def add(self, told: Second) -> None:
        """The next second. A gap that was told before is told anew, since it lasted."""
        for one in told.records:
            self.records.setdefault(one.book, []).append(one)
        self.add_gaps(told.gaps)
        self.last = told.second

    def add_gaps(self, gaps: Iterable[Gap]) -> None:
        """Gaps, as far as they have lasted."""
        for gap in gaps:
            self.gaps[gap.book, gap.started_us] = gap

    def by_second(self) -> list[list[Record]]:
        """The records of each second, in order."""
        found: dict[int, list[Record]] = {}
        for records in self.records.values():
            for one in records:
                found.setdefault(one.second, []).append(one)
        return [found[second] for second in sorted(found)]

    @property
    def is_over(self) -> bool:
        """Whether its last second is recorded."""
        return self.last == self.start + self.seconds - 1

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What is to be landed, by its key: a Parquet file a book, and one of gaps if there are any."""
        for book, records in self.records.items():
            yield self._key(book, records), parquet(to_frame(records, self.instance))
        if self.gaps:
            folder = datetime.fromtimestamp(self.start, UTC).strftime("date=%Y-%m-%d/hour=%H")
            lines = b"".join(to_line(gap) for gap in self.gaps.values())
            yield f"{GAPS}/{folder}/{stamp(self.start)}-{self.instance}.{self._last_stamp}jsonl", lines

    def _key(self, book: str, records: Sequence[Record]) -> str:
        folder = datetime.fromtimestamp(self.start, UTC).strftime(f"book={book}/date=%Y-%m-%d/hour=%H")
        first = datetime.fromtimestamp(records[0].second, UTC)
        part = "" if len(records) == self.seconds else f".partial-{first:%H%M%S}"
        return f"{RECORDS}/{folder}/{stamp(self.start)}-{self.instance}{part}.parquet"

    @property
    def _last_stamp(self) -> str:
        """Of a window that ended early: it may go on, under another name."""
        if self.is_over or self.last is None:
            return ""
        return f"partial-{datetime.fromtimestamp(self.last, UTC):%H%M%S}."

    def csv(self, book: str) -> bytes:
        """The five columns of a book for people, the spread rounded."""
        frame = to_frame(self.records[book], self.instance)
        told = frame.select("orderbook_timestamp", "book", "bid", "ask", pl.col("spread").round(CSV_DECIMALS))
        return told.write_csv().encode()


def window_start(second: int, seconds: int) -> int:
    """When the window of a second begins."""
    return second // seconds * seconds


def stamp(second: int) -> str:
    """As `20220430T041000Z`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


def parquet(frame: pl.DataFrame) -> bytes:
    """The frame as a file."""
    content = io.BytesIO()
    frame.write_parquet(content, compression="zstd", statistics=True)
    return content.getvalue()
