"""An hour of order books as two recorders left it: full windows and an unfinished one, gaps, seconds that both tell.

`alpha` records from 23:00 on and is stopped before midnight; `beta` stands in for twenty minutes, as in an upgrade.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import groupby
from random import Random

import polars as pl

from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair, to_line
from cryptodudez_assets.recorder.record import Origin, Record, spread, timestamp_text, to_frame
from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth

SPREADS, GAPS = "bitso_order_book", "bitso_order_book_gaps"
WINDOW = 600
HOUR = 3600
BOOKS = {"btc_mxn": (1_402_000.0, 10.0, 0.72), "usd_mxn": (18.42, 0.001, 0.55)}
"""Price, the least step of it, and how likely something is said within a second."""
RANKS = (Origin.CARRIED, None, Origin.REST, Origin.TICKER, Origin.WS)
Second = int


@dataclass(frozen=True)
class Blind:
    """Seconds since the hour at which a recorder did not know a book. `answered`: from when on a ticker filled in."""

    book: str
    first: int
    end: int
    cause: Cause
    repair: Repair
    answered: int | None = None


@dataclass(frozen=True)
class Recorder:
    """From when to when one recorded, how long messages took to it, and what it missed."""

    instance: str
    first: int
    end: int
    latency_ms: int
    blind: Sequence[Blind]


def _everywhere(first: int, end: int, cause: Cause, repair: Repair) -> list[Blind]:
    return [Blind(book, first, end, cause, repair) for book in BOOKS]


RECORDERS = (
    Recorder(
        "alpha",
        0,
        3450,
        35,
        [
            *_everywhere(0, 4, Cause.STARTING, Repair.ORDER_BOOK),
            *_everywhere(1520, 1591, Cause.DISCONNECTED, Repair.ORDER_BOOK),
            Blind("btc_mxn", 2590, 2628, Cause.SEQUENCE, Repair.ORDER_BOOK, answered=2595),
        ],
    ),
    Recorder("beta", 1200, 2400, 60, _everywhere(1200, 1203, Cause.STARTING, Repair.ORDER_BOOK)),
)


def write_order_books(job: Job) -> dict[str, SourceTruth]:
    """Write what both recorders left, and the truth: of each book and second the best observation; and all gaps."""
    start = int(datetime.combine(job.last_day, time(23), UTC).timestamp())
    told = {book: list(_said(book, job.rng("order book", book), start)) for book in BOOKS}
    records = {one.instance: {b: list(_recorded(one, b, said, start)) for b, said in told.items()} for one in RECORDERS}
    archives = []
    for one in RECORDERS:
        for book, seconds in records[one.instance].items():
            archives += [_written(job, one, book, part) for part in _windows(seconds)]
    everything = [record for books in records.values() for seconds in books.values() for record in seconds]
    best = [max(same, key=_goodness) for _, same in groupby(sorted(everything, key=_key), _key)]
    with job.truth_table(SPREADS, _spreads) as truth:
        for _ in truth.keep(map(_kept, best)):
            pass
    spreads = SourceTruth.of(archives, valid=len(best), duplicate=len(everything) - len(best))
    return {SPREADS: spreads, GAPS: _write_gaps(job, start)}


def _said(book: str, rng: Random, start: Second) -> Iterator[Record]:
    """The newest message at each second: the same as the second before where nothing was said."""
    price, step, talkative = BOOKS[book]
    wide, sequence = 0.0, rng.randrange(4_000_000_000, 5_000_000_000)
    newest: Record | None = None
    burst = 0
    for second in range(start, start + HOUR):
        burst = rng.randrange(4, 15) if rng.random() < 1 / 400 else max(0, burst - 1)
        if newest is None or burst or rng.random() < talkative:
            price *= math.exp(rng.gauss(0, 4e-5))
            wide = 0.9 * wide + rng.gauss(0, 0.2)
            half = price * 0.07 * math.exp(wide) * (rng.uniform(6, 18) if burst else 1) / 200
            bid = round(round((price - half) / step) * step, 6)
            ask = round(max(round((price + half) / step) * step, bid + step), 6)
            sequence += rng.randrange(1, 12)
            amount, other = (round(rng.expovariate(4) + 0.001, 8) for _ in range(2))
            depth, behind = round(amount * rng.uniform(1, 5), 8), round(other * rng.uniform(1, 5), 8)
            sent = second * 1000 - rng.randrange(100, 990)
            newest = Record(second, book, bid, ask, amount, other, depth, behind, sequence, sent)
        yield newest


def _recorded(one: Recorder, book: str, said: Sequence[Record], start: Second) -> Iterator[Record]:
    """What a recorder wrote down of a book."""
    blind = [gap for gap in one.blind if gap.book == book]
    known: Record | None = None
    for at in range(one.first, one.end):
        second, gap = start + at, next((gap for gap in blind if gap.first <= at < gap.end), None)
        if gap is None:
            reseeded = any(gap.end == at for gap in blind)
            known = said[at]
            fresh = Origin.WS if known.second == second else Origin.CARRIED
            yield _seen(known, second, one.latency_ms, Origin.REST if reseeded else fresh)
        elif gap.answered is not None and at >= gap.answered:
            newest = said[at]
            answer = Record(second, book, newest.bid, newest.ask, exchange_ms=second * 1000 - 300)
            yield _seen(answer, second, one.latency_ms, Origin.TICKER)
        elif known is None:
            yield Record(second, book, is_gap=True)
        else:
            yield _seen(known, second, one.latency_ms, Origin.CARRIED, is_gap=True)


def _seen(known: Record, second: Second, latency_ms: int, origin: Origin, *, is_gap: bool = False) -> Record:
    sent = known.exchange_ms or 0
    if origin is Origin.REST:
        sent = second * 1000 - 250
    prices = (known.bid, known.ask, known.bid_amount, known.ask_amount, known.bid_depth, known.ask_depth)
    stale = second * 1000 - sent
    return Record(
        second, known.book, *prices, known.sequence, sent, (sent + latency_ms) * 1000, stale, origin, is_gap=is_gap
    )


def _windows(records: Iterable[Record]) -> Iterator[list[Record]]:
    for _, part in groupby(records, lambda record: record.second // WINDOW):
        yield list(part)


def _written(job: Job, one: Recorder, book: str, records: list[Record]) -> Archive:
    first = records[0].second
    window = datetime.fromtimestamp(first - first % WINDOW, UTC)
    begun = f".partial-{datetime.fromtimestamp(first, UTC):%H%M%S}" if len(records) < WINDOW else ""
    folder = f"book={book}/date={window:%Y-%m-%d}/hour={window:%H}"
    name = f"{folder}/{window:%Y%m%dT%H%M%SZ}-{one.instance}{begun}.parquet"
    path = job.loose(SPREADS, name)
    to_frame(records, one.instance).write_parquet(path)
    return Archive(name, (Member("", ignored=False, rows=len(records), bad=()),))


def _key(record: Record) -> tuple[str, int]:
    return record.book, record.second


def _goodness(record: Record) -> tuple[int, bool, float]:
    stale = math.inf if record.staleness_ms is None else record.staleness_ms
    return RANKS.index(record.source), not record.is_gap, -stale


def _kept(record: Record) -> Row:
    text, percent = timestamp_text(record.second), spread(record.bid, record.ask)
    known = (record.bid, record.ask, percent, record.bid_amount, record.ask_amount, record.sequence)
    return (record.book, datetime.fromisoformat(text), *known, str(record.source), record.is_gap)


def _spreads(rows: list[Row]) -> pl.DataFrame:
    prices = dict.fromkeys(("bid", "ask", "spread", "bid_amount", "ask_amount"), pl.Float64())
    schema = {"book": pl.String(), "event_ts": pl.Datetime("us", "UTC"), **prices, "sequence": pl.Int64()}
    return pl.DataFrame(rows, {**schema, "source": pl.String(), "is_gap": pl.Boolean()}, orient="row")


def _write_gaps(job: Job, start: Second) -> SourceTruth:
    rng = job.rng("order book gaps")
    gaps = [_gap(one, gap, start, rng) for one in RECORDERS for gap in one.blind]
    archives = []
    window_of: Callable[[Gap], tuple[str, int]] = lambda gap: (gap.instance, gap.ended_us // 1_000_000 // WINDOW)  # noqa: E731
    for (instance, number), part in groupby(sorted(gaps, key=window_of), window_of):
        window = datetime.fromtimestamp(number * WINDOW, UTC)
        lines = list(map(to_line, part))
        name = f"date={window:%Y-%m-%d}/hour={window:%H}/{window:%Y%m%dT%H%M%SZ}-{instance}.jsonl"
        job.loose(GAPS, name).write_bytes(b"".join(lines))
        archives.append(Archive(name, (Member("", ignored=False, rows=len(lines), bad=()),)))
    with job.truth_table(GAPS, _gaps) as truth:
        for _ in truth.keep(
            (gap.book, gap.instance, gap.started_us, gap.ended_us, str(gap.cause), str(gap.repair)) for gap in gaps
        ):
            pass
    return SourceTruth.of(archives, valid=len(gaps))


def _gap(one: Recorder, gap: Blind, start: Second, rng: Random) -> Gap:
    """Between the seconds of the grid: it begins shortly before the first that was missed, and ends behind the last."""
    began, ended = ((start + at) * 1_000_000 - rng.randrange(10_000, 900_000) for at in (gap.first, gap.end))
    return Gap(
        gap.book,
        one.instance,
        began if gap.first > one.first else start * 1_000_000 + one.first * 1_000_000,
        ended,
        gap.cause,
        gap.repair,
    )


def _gaps(rows: list[Row]) -> pl.DataFrame:
    schema = dict.fromkeys(("book", "instance"), pl.String()) | dict.fromkeys(("event_ts", "ended_at"), pl.Int64())
    told = pl.DataFrame(rows, schema | dict.fromkeys(("cause", "repair"), pl.String()), orient="row")
    return told.with_columns(pl.col("event_ts", "ended_at").cast(pl.Datetime("us", "UTC")))
