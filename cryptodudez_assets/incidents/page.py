"""The page in words and tables, each sentence made from the numbers."""

from collections.abc import Iterable, Mapping

import polars as pl

from cryptodudez_assets.incidents.found import UNTOLD, Incidents
from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.sections import Plot, Section, Table
from cryptodudez_assets.sources.order_book_completeness import OBJECTIVE

LONGEST = 100
"""Stretches, and gaps, that are listed."""


def page(found: Incidents, plots: Mapping[str, str]) -> str:
    """The whole page."""
    when = (
        f"from {found.since:%Y-%m-%d %H:%M:%S} to {found.until:%Y-%m-%d %H:%M:%S} UTC" if found.since else "no time yet"
    )
    lead = f"When nobody looked at an order book, and why: {when}, the last day that is in market.order_book_spreads."
    return shared.page("Order books: gaps by cause", lead, sections(found), plots)


def sections(found: Incidents) -> list[Section]:
    """All that it says."""
    return [_overview(found), _causes(found), _recorders(found), _stretches(found)]


def _overview(found: Incidents) -> Section:
    rows = [
        [book, f"{expected:,}", f"{told - gap:,}", f"{gap:,}", f"{missing:,}", f"{share:.3%}"]
        for book, expected, told, gap, missing, share in found.books.select(
            "book", "expected", "told", "gap", "missing", "looked_share"
        ).iter_rows()
    ]
    short = found.books.filter(pl.col("looked_share") < OBJECTIVE)
    kept = "Every book kept it." if short.is_empty() else f"Not kept by {', '.join(short['book'])}."
    words = (
        f"The objective is that at {OBJECTIVE:.1%} of the seconds of a day somebody looks at each book. {kept} Where several recorders "
        "told of a second the best of them counts, so that what one missed and another saw is no gap here."
    )
    head = ["book", "seconds", "looked at", "gap", "missing", "share looked at"]
    picture = Plot("timeline", "A line for each book over the day, with every stretch at which nobody looked.")
    return Section("Each book", [words], plots=(picture,), tables=(Table("Seconds of each book", head, rows),))


def _causes(found: Incidents) -> Section:
    causes = found.stretches.group_by("cause").agg(
        n=pl.len(), total=pl.col("seconds").sum(), longest=pl.col("seconds").max()
    )
    ordered = causes.sort("total", "cause", descending=[True, False])
    rows = [[cause, f"{n:,}", f"{total:,}", f"{longest:,}"] for cause, n, total, longest in ordered.iter_rows()]
    if not rows:
        return Section("Causes", ["Somebody looked at every second of every book."])
    worst = ordered.row(0, named=True)
    words = f"Most of what was not looked at, {worst['total']:,} seconds, is put down to: {worst['cause']}."
    if UNTOLD in ordered["cause"]:
        words += f" “{UNTOLD}” is time of which no recorder told anything, as when none was running."
    table = Table("Stretches that nobody looked at, by cause", ["cause", "stretches", "seconds", "longest (s)"], rows)
    return Section("Causes", [words], tables=(table,))


def _recorders(found: Incidents) -> Section:
    length = (pl.col("ended_at") - pl.col("event_ts")).dt.total_milliseconds() / 1000
    by = ["instance", "cause", "repair"]
    told = found.gaps.group_by(by).agg(n=pl.len(), total=length.sum(), longest=length.max()).sort(by)
    rows = [
        [instance, cause, repair, f"{n:,}", f"{total:,.1f}", f"{longest:,.1f}"]
        for instance, cause, repair, n, total, longest in told.iter_rows()
    ]
    words = "What each recorder missed by itself, whether another saw it or not."
    head = ["recorder", "cause", "repaired by", "gaps", "seconds", "longest (s)"]
    return Section(
        "Each recorder", [words if rows else "No recorder told of a gap."], tables=(Table("Gaps told", head, rows),)
    )


def _stretches(found: Incidents) -> Section:
    longest = found.stretches.sort("seconds", "start", "book", descending=[True, False, False]).head(LONGEST)
    return Section("The longest stretches", [], tables=(Table("Stretches", *_cells(longest)),), folded=True)


def _cells(stretches: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    rows: Iterable[tuple[object, ...]] = stretches.select(
        "book", "start", "end", "seconds", "state", "cause"
    ).iter_rows()
    return ["book", "from", "until", "seconds", "state", "cause"], [
        [str(book), f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}", f"{seconds:,}", str(state), str(cause)]
        for book, start, end, seconds, state, cause in rows
    ]
