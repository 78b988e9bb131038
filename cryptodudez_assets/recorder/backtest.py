"""How often alerts would have fired on what was recorded, by the very code that fires them.

Reading records of the table or of files belongs here; when an alert fires is in `alerts.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from statistics import median

import polars as pl

from cryptodudez_assets.declared_rules.declaration import Threshold
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.notifications.event import Event, Kind, in_iso
from cryptodudez_assets.recorder.alert_rules import SpreadRule
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.dead_man import TABLE
from cryptodudez_assets.recorder.record import Origin, Record, spread

COLUMNS = ("second", "book", "bid", "ask", "is_gap")
DAY = 86_400
FORMATS = (".parquet", ".csv")


class NothingToTest(ValueError):
    """There are no records of a book; the message says where was looked."""


@dataclass(frozen=True)
class Fired:
    """One alert. It has no end where the records end before.

    `seconds`: the known ones from its start to its recovery; what nobody recorded is not counted.
    """

    started_at: int
    told_at: int
    recovered_at: int | None
    widest: float
    seconds: int


@dataclass(frozen=True)
class Backtest:
    """One threshold on one book. Seconds are `known` where both prices are; `missing` are not recorded, `gaps` are flagged.

    `over`: known seconds over the threshold. `crossings`: how often it would have fired without duration, hysteresis and cool-down.
    """

    book: str
    threshold: Threshold
    first: int
    last: int
    known: int
    gaps: int
    missing: int
    repeated: int
    over: int
    crossings: int
    fired: list[Fired] = field(default_factory=list)

    @property
    def share_over(self) -> float:
        """Share of the known seconds that are over the threshold."""
        return self.over / self.known if self.known else 0.0

    def as_row(self) -> dict[str, object]:
        """In numbers, and texts for times."""
        lengths = [one.seconds for one in self.fired]
        return {
            "book": self.book,
            "threshold": self.threshold.over,
            "clear_below": self.threshold.clears_below,
            "for_seconds": self.threshold.for_seconds,
            "quiet_for": self.threshold.quiet_for,
            "from": in_iso(self.first),
            "to": in_iso(self.last),
            "known_seconds": self.known,
            "gap_seconds": self.gaps,
            "missing_seconds": self.missing,
            "repeated_seconds": self.repeated,
            "seconds_over": self.over,
            "share_over": round(self.share_over, 6),
            "crossings": self.crossings,
            "alerts": len(self.fired),
            "alerts_a_day": round(len(self.fired) * DAY / self.known, 2) if self.known else 0.0,
            "seconds_in_alert": sum(lengths),
            "longest_seconds": max(lengths, default=0),
            "median_seconds": median(lengths) if lengths else 0,
        }

    def incidents(self) -> list[dict[str, object]]:
        """Each alert, with its times."""
        return [
            {
                "started_at": in_iso(one.started_at),
                "told_at": in_iso(one.told_at),
                "recovered_at": None if one.recovered_at is None else in_iso(one.recovered_at),
                "seconds": one.seconds,
                "widest": one.widest,
            }
            for one in self.fired
        ]


def backtest(rows: pl.DataFrame, book: str, threshold: Threshold) -> Backtest:
    """What would have fired on these rows (`COLUMNS`) of the book. Raises NothingToTest where there are none."""
    of_book = rows.filter(pl.col("book") == book).drop_nulls("second")
    if of_book.is_empty():
        others = ", ".join(_books(rows))
        raise NothingToTest(f"no records of {book}" + (f"; there are some of {others}" if others else ""))
    # Of a second that was recorded twice the first counts, and what is known counts before a gap.
    once = of_book.sort("second", "is_gap", maintain_order=True).unique("second", keep="first", maintain_order=True)
    alerts = SpreadAlerts([SpreadRule("backtest", book, threshold)])
    known = over = crossings = gaps = 0
    was_over, fired = False, list[Fired]()
    for record in _records(once):
        now = None if record.is_gap else spread(record.bid, record.ask)
        gaps += now is None
        known += now is not None
        is_over = now is not None and now > threshold.over
        over += is_over
        crossings += is_over and not was_over
        was_over = is_over if now is not None else was_over
        for event in alerts.observe([record]):
            _note(fired, event)
        if fired and fired[-1].recovered_at is None and now is not None:
            fired[-1] = replace(fired[-1], seconds=fired[-1].seconds + 1, widest=max(fired[-1].widest, now))
    first, last = int(once["second"][0]), int(once["second"][-1])
    missing, repeated = last - first + 1 - len(once), len(of_book) - len(once)
    return Backtest(book, threshold, first, last, known, gaps, missing, repeated, over, crossings, fired)


def _note(fired: list[Fired], event: Event) -> None:
    """Begin or end an alert. All seconds of a run before its start are known; the one that starts it is counted with the others."""
    if event.kind == Kind.STARTED:
        widest = float(event.details["widest"] or 0)
        fired.append(Fired(event.started_at, event.at, None, widest, event.at - event.started_at))
    else:
        fired[-1] = replace(fired[-1], recovered_at=event.at)


def of_table(lake: Lake, books: Sequence[str], since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """The records of these books in the table, from `since` up to before `until`. Raises NothingToTest where it is not there."""
    rows = lake.tables.scan(TABLE)
    if rows is None:
        raise NothingToTest(f"there is no table {TABLE} yet: record first, or name files")
    of_books = rows.filter(pl.col("book").is_in(list(books)))
    return _between(of_books.select(_second("event_ts"), *COLUMNS[1:]), since, until).collect()


def of_files(paths: Iterable[Path], since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """The same of recorded files, and of those in folders: Parquet or CSV with the five columns of a recording, or more.

    Raises NothingToTest where one cannot be read.
    """
    found = [one for path in paths for one in _files(path)]
    if not found:
        raise NothingToTest(f"no files that end with {' or '.join(FORMATS)}")
    return _between(pl.concat([_read(path) for path in found]).lazy(), since, until).collect()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix in FORMATS and one.is_file())
    return [path]


def _read(path: Path) -> pl.DataFrame:
    try:
        rows = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
        gap = pl.col("is_gap").fill_null(False) if "is_gap" in rows.columns else pl.lit(False)
        return rows.select(
            _second_of_text(rows.schema["orderbook_timestamp"]),
            pl.col("book").cast(pl.String).str.to_lowercase(),
            pl.col("bid", "ask").cast(pl.Float64),
            gap.cast(pl.Boolean).alias("is_gap"),
        )
    except (pl.exceptions.PolarsError, KeyError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise NothingToTest(
            f"{path}: expected CSV or Parquet with orderbook_timestamp, book, bid, ask: {said}"
        ) from None


def _second_of_text(dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return _second("orderbook_timestamp")
    return (
        pl.col("orderbook_timestamp")
        .str.to_datetime("%+", time_unit="us", time_zone="UTC")
        .dt.epoch("s")
        .alias("second")
    )


def _second(column: str) -> pl.Expr:
    return pl.col(column).dt.epoch("s").alias("second")


def _between(rows: pl.LazyFrame, since: datetime | None, until: datetime | None) -> pl.LazyFrame:
    if since is not None:
        rows = rows.filter(pl.col("second") >= int(since.timestamp()))
    return rows if until is None else rows.filter(pl.col("second") < int(until.timestamp()))


def _books(rows: pl.DataFrame) -> list[str]:
    return sorted(rows["book"].drop_nulls().unique().to_list())


def _records(rows: pl.DataFrame) -> Iterator[Record]:
    for second, book, bid, ask, is_gap in rows.select(COLUMNS).iter_rows():
        yield Record(second, book, bid, ask, source=Origin.WS, is_gap=bool(is_gap))
