"""Whether every second of an order book was looked at: for each file, and for each book over a day. Pure functions over rows."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from cryptodudez_assets.sources.declaration import Finding, SourceCheck

OBJECTIVE = 0.999
"""Share of the seconds of a day, for each book, at which somebody was looking."""
DAY = timedelta(days=1)
WINDOW_SECONDS = 600
SECOND = pl.duration(seconds=1)
NAMED = 3
TOLD = 50
"""Files that are shown."""
FILE_NAME = r"(?:book=(?P<book>[^/]+)/.*)?(?P<window>\d{8}T\d{6}Z)-(?P<instance>[^/]+?)(?:\.partial-(?P<first>\d{6}))?\.parquet$"
"""Of a recorder: the window's start, who recorded it, and of an unfinished window its first second."""
LOOKED = ~pl.col("is_gap")
CARRIED = pl.col("source") == "carried"


def seconds_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """For each book, how many of the seconds of the day before the newest row were looked at, and how many nobody told of.

    `rows`: of the last two days: a book that is there before the day is expected all day, another since its first second.
    """
    newest = pl.col("event_ts").max()
    found = rows.select("book", "event_ts", "is_gap", newest=newest).with_columns(since=pl.col("newest") - DAY)
    within = pl.col("event_ts") > pl.col("since")
    books = found.group_by("book").agg(
        first=pl.max_horizontal(pl.col("event_ts").min(), (pl.col("since") + SECOND).first()),
        last=pl.col("newest").first(),
        told=within.sum().cast(pl.Int64),
        gap=(within & ~LOOKED).sum().cast(pl.Int64),
    )
    expected = (pl.col("last") - pl.col("first")).dt.total_seconds() + 1
    return (
        books.with_columns(expected=expected)
        .with_columns(missing=pl.col("expected") - pl.col("told"))
        .with_columns(looked_share=(pl.col("told") - pl.col("gap")) / pl.col("expected"))
        .select("book", "first", "last", "expected", "told", "gap", "missing", "looked_share")
        .sort("book")
        .collect()
    )


def files_of(rows: pl.LazyFrame, files: pl.DataFrame) -> pl.DataFrame:
    """For each file and book: which seconds it is about, how many it should tell and does, and what became of these.

    A file of a recorder tells every second of its window, or of an unfinished one every second from its first to its last. One of
    somebody else is taken to be about the seconds between its first and its last. `nobody`: seconds of these that neither it nor
    any other file told; `gave_way`: another file, or another row of it, told them better.
    """
    told = rows.group_by("file_id", "book").agg(
        from_ts=pl.col("event_ts").min(),
        observed=(LOOKED & ~CARRIED.fill_null(value=False)).sum(),
        carried=(LOOKED & CARRIED.fill_null(value=False)).sum(),
        gap=(~LOOKED).sum(),
    )
    named = _named(files).join(told.collect(), on="file_id", how="left", suffix="_told")
    named = named.with_columns(
        book=pl.coalesce("book_told", "book"),
        from_ts=pl.coalesce("starts", "from_ts"),
        n_books=pl.len().over("file_id").cast(pl.Int64),
    ).filter(pl.col("from_ts").is_not_null())
    named = named.join(_window_seconds(named), on="instance", how="left")
    length = pl.col("window_seconds").fill_null(WINDOW_SECONDS)
    until = (
        pl.when(pl.col("instance").is_not_null() & ~pl.col("partial"))
        .then(pl.col("from_ts") + pl.duration(seconds=length - 1))
        .otherwise("as_of")
    )
    spanned = named.with_columns(until_ts=until).with_columns(
        expected=((pl.col("until_ts") - pl.col("from_ts")).dt.total_seconds() + 1) * pl.col("n_books")
    )
    return (
        spanned.with_columns(nobody=_told_by_nobody(rows, spanned))
        .rename({"rows_read": "read", "rows_duplicate": "gave_way", "rows_quarantined": "set_aside"})
        .select(
            *("file", "book", "instance", "partial", "from_ts", "until_ts", "expected", "read"),
            *(
                pl.col(name).fill_null(0).cast(pl.Int64)
                for name in ("observed", "carried", "gap", "gave_way", "set_aside")
            ),
            "nobody",
        )
        .sort("from_ts", "book", "file")
    )


def incomplete(found: pl.DataFrame) -> pl.DataFrame:
    """Of what `files_of` says, the files that tell fewer seconds than they should, or others, or about whose seconds nobody told."""
    recorder = pl.col("instance").is_not_null()
    return found.filter((pl.col("nobody") > 0) | (recorder & (pl.col("read") != pl.col("expected"))))


def _named(files: pl.DataFrame) -> pl.DataFrame:
    """The files with what their names say."""
    where = pl.coalesce("member", "uri") if len(files) else pl.col("uri")
    parts = files.with_columns(where.str.extract_groups(FILE_NAME).alias("name"), file=where.str.extract(r"([^/]+)$"))
    parts = parts.unnest("name")
    window = pl.col("window").str.to_datetime("%Y%m%dT%H%M%SZ", time_unit="us", time_zone="UTC", strict=False)
    clock = pl.col("first").str.to_time("%H%M%S", strict=False)
    day = pl.col("window").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    first = day.dt.combine(clock, time_unit="us").dt.replace_time_zone("UTC")
    return parts.with_columns(starts=pl.coalesce(first, window), window=window, partial=pl.col("first").is_not_null())


def _window_seconds(named: pl.DataFrame) -> pl.DataFrame:
    """How long each recorder's windows are: what most of its whole files tell, if such windows lie on a grid."""
    whole = named.filter(pl.col("instance").is_not_null() & ~pl.col("partial")).unique("file_id")
    fits = whole.filter((pl.col("rows_read") > 0) & (pl.col("window").dt.epoch("s") % pl.col("rows_read") == 0))
    usual = fits.group_by("instance", "rows_read").len().sort("len", "rows_read")
    return usual.group_by("instance", maintain_order=True).last().select("instance", window_seconds="rows_read")


def _told_by_nobody(rows: pl.LazyFrame, files: pl.DataFrame) -> pl.Series:
    """Of the seconds that each of these is about, how many no row is about."""
    there = rows.select("book", "event_ts").sort("event_ts").collect()
    by_book = {book: part["event_ts"] for (book,), part in there.group_by("book", maintain_order=True)}
    nothing = there["event_ts"].clear()
    missing = []
    for book, first, last in files.select("book", "from_ts", "until_ts").iter_rows():
        times = by_book.get(book, nothing)
        until = times.search_sorted(last, "right") if len(times) else 0
        missing.append(
            int((last - first).total_seconds()) + 1 - (until - (times.search_sorted(first) if len(times) else 0))
        )
    return pl.Series("nobody", missing, pl.Int64)


def judge_files(rows: pl.LazyFrame, files: pl.DataFrame) -> Finding:
    """Whether every file of the last day tells what it should."""
    found = files_of(rows, files)
    wrong = incomplete(found)
    names = ", ".join(f"{file} of {book}" for file, book in wrong.select("file", "book").head(NAMED).iter_rows()) + (
        ", …" if len(wrong) > NAMED else ""
    )
    told = f"{len(found):,} files tell every second that they are about"
    if len(wrong):
        told = f"{len(wrong):,} of {len(found):,} files lack seconds: {names}"
    totals = {name: int(found[name].sum()) for name in ("expected", "read", "observed", "carried", "gap", "nobody")}
    shown = pl.concat([wrong, found.join(wrong, on=["file", "book"], how="anti").reverse()]).head(TOLD)
    return Finding(wrong.is_empty(), told, {**totals, "partial": int(found["partial"].sum()), "files": shown})


def judge_seconds(rows: pl.LazyFrame, files: pl.DataFrame) -> Finding:
    """Whether of each book enough seconds of the last day were looked at."""
    found = seconds_of(rows)
    short = found.filter(pl.col("looked_share") < OBJECTIVE)
    shares = _shares(short if len(short) else found)
    told = f"somebody was looking at {shares} of the seconds of a day; the objective is {OBJECTIVE:.1%} of each book's"
    return Finding(short.is_empty(), told, {"objective": OBJECTIVE, "books": found})


def _shares(found: pl.DataFrame) -> str:
    shares: Sequence[tuple[str, float]] = found.sort("looked_share", "book").select("book", "looked_share").rows()
    return ", ".join(f"{share:.2%} ({book})" for book, share in shares[:NAMED]) + (", …" if len(shares) > NAMED else "")


COMPLETE_FILES = SourceCheck(
    name="complete_files",
    description="Each file of the last day tells every second of its window (a partial one from its first to its last), and what "
    "others left out somebody told: expected, read, observed, carried and gap seconds of each file.",
    looks_back=DAY,
    judge=judge_files,
)
COMPLETE_SECONDS = SourceCheck(
    name="complete_seconds",
    description=f"Of each book, at {OBJECTIVE:.1%} of the seconds of the day before the newest row somebody was looking: neither a gap "
    "nor a second that no recorder told of.",
    looks_back=2 * DAY,
    judge=judge_seconds,
)
