"""What there is to tell of a day of order books: stretches at which nobody looked, and what recorders say of them. Pure functions."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cryptodudez_assets.sources.order_book_completeness import SECOND, seconds_of

UNTOLD = "nobody told why"
GAP, MISSING = "gap", "missing"


@dataclass(frozen=True)
class Incidents:
    """`books`: a row for each, as `seconds_of` says it. `stretches`: book, `state` (told as a gap, or missing), `start`, `end` (the first
    second behind it), `seconds` and `cause`. `gaps`: what recorders told of the same time, merged or not."""

    books: pl.DataFrame
    stretches: pl.DataFrame
    gaps: pl.DataFrame

    @property
    def since(self) -> datetime | None:
        """The first second that it is about."""
        return self.books["first"].min()  # type: ignore[return-value]

    @property
    def until(self) -> datetime | None:
        """The last one."""
        return self.books["last"].max()  # type: ignore[return-value]


def find(rows: pl.LazyFrame, gaps: pl.LazyFrame) -> Incidents:
    """Rows of `market.order_book_spreads` of two days, of which the second is told, and those of `market.order_book_gaps`."""
    books = seconds_of(rows)
    bounds = books.lazy().select("book", "first", "last")
    seconds = rows.select("book", "event_ts", "is_gap").join(bounds, on="book")
    within = seconds.filter(pl.col("event_ts") >= pl.col("first")).sort("book", "event_ts").collect()
    told = gaps.join(bounds, on="book").filter(
        pl.col("ended_at") >= pl.col("first"), pl.col("event_ts") <= pl.col("last")
    )
    found = told.select("book", "instance", "cause", "repair", "event_ts", "ended_at").sort(
        "book", "event_ts", "instance"
    )
    known = found.collect()
    nobody = pl.concat([_told_as_gaps(within), _missing(within)]).sort("book", "start")
    stretches = nobody.with_columns(seconds=(pl.col("end") - pl.col("start")).dt.total_seconds())
    return Incidents(books, _with_cause(stretches, known), known)


def _told_as_gaps(within: pl.DataFrame) -> pl.DataFrame:
    """Rows that are gaps, those that follow each other as one stretch."""
    gaps = within.filter(pl.col("is_gap")).with_columns(at=pl.col("event_ts").dt.epoch("s"))
    run = pl.col("at") - pl.int_range(pl.len()).over("book")
    return (
        gaps.with_columns(run=run)
        .group_by("book", "run")
        .agg(state=pl.lit(GAP), start=pl.col("event_ts").min(), end=pl.col("event_ts").max() + SECOND)
        .drop("run")
    )


def _missing(within: pl.DataFrame) -> pl.DataFrame:
    """Seconds without a row, before each row and behind the last of a book."""
    before = (pl.col("event_ts").shift() + SECOND).over("book").fill_null(pl.col("first"))
    holes = within.select("book", state=pl.lit(MISSING), start=before, end="event_ts")
    behind = within.group_by("book").agg(
        state=pl.lit(MISSING), start=pl.col("event_ts").max() + SECOND, end=pl.col("last").first() + SECOND
    )
    return pl.concat([holes, behind]).filter(pl.col("start") < pl.col("end"))


def _with_cause(stretches: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """Each stretch with the cause of the gap that covers most of it."""
    numbered = stretches.with_row_index("number")
    common = pl.min_horizontal("end", pl.col("ended_at") + SECOND) - pl.max_horizontal(
        "start", pl.col("event_ts") - SECOND
    )
    both = numbered.join(gaps.select("book", "cause", "event_ts", "ended_at"), on="book").with_columns(common=common)
    best = both.filter(pl.col("common") > pl.duration()).sort("common", "cause", descending=[True, False])
    causes = best.unique("number", keep="first").select("number", "cause")
    joined = numbered.join(causes, on="number", how="left").sort("number")
    return joined.drop("number").with_columns(pl.col("cause").fill_null(UNTOLD))
