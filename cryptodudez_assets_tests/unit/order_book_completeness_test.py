"""What is missing of order books: of files, of seconds of a day, counted by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Files
from cryptodudez_assets.contracts.order_book_spreads import OrderBookSpreads
from cryptodudez_assets.sources.order_book_completeness import (
    files_of,
    incomplete,
    judge_files,
    judge_seconds,
    seconds_of,
)

START = datetime(2022, 4, 30, 4, 10, tzinfo=UTC)
DAY = 86_400


def rows(*parts: pl.DataFrame) -> pl.LazyFrame:
    return pl.concat(parts).lazy()


def seconds(
    at: Iterable[int], book: str = "btc_mxn", source: str | None = "ws", gap: bool = False, file: str = "f"
) -> pl.DataFrame:
    """Rows of a table, so many seconds after the start."""
    times = [START + timedelta(seconds=one) for one in at]
    told = pl.DataFrame({"event_ts": times}, schema={"event_ts": pl.Datetime("us", "UTC")})
    return told.with_columns(
        book=pl.lit(book), source=pl.lit(source, pl.String), is_gap=pl.lit(gap), file_id=pl.lit(file)
    )


def catalogue(*files: dict[str, Any]) -> pl.DataFrame:
    """Rows of `catalog.files`."""
    return pl.DataFrame(list(files), schema=polars_schema(Files))


def file(name: str, read: int, until: int, file_id: str = "f", gave_way: int = 0) -> dict[str, Any]:
    """A loaded file, of which the newest row is so many seconds after the start."""
    counts = {"rows_read": read, "rows_valid": read - gave_way, "rows_duplicate": gave_way, "rows_quarantined": 0}
    uri = f"file:///lake/raw/bitso_order_book/book=btc_mxn/date=2022-04-30/hour=04/{name}"
    return {"file_id": file_id, "uri": uri, "as_of": START + timedelta(seconds=until), **counts}


WHOLE = "20220430T041000Z-alpha.parquet"


def told_of(found: pl.DataFrame) -> dict[str, Any]:
    (row,) = found.to_dicts()
    return row


def test_a_whole_file_is_counted_second_by_second() -> None:
    table = rows(
        seconds(range(400)),
        seconds(range(400, 590), source="carried"),
        seconds(range(590, 600), source="carried", gap=True),
    )
    one = told_of(files_of(table, catalogue(file(WHOLE, 600, 599))))
    assert (one["expected"], one["read"], one["observed"], one["carried"], one["gap"]) == (600, 600, 400, 190, 10)
    assert (one["book"], one["instance"], one["partial"], one["nobody"]) == ("btc_mxn", "alpha", False, 0)
    assert judge_files(table, catalogue(file(WHOLE, 600, 599))).passed


def test_a_file_that_lacks_seconds_is_found_and_told_by_name() -> None:
    table, files = rows(seconds(range(597))), catalogue(file(WHOLE, 597, 596))
    one = told_of(incomplete(files_of(table, files)))
    assert (one["expected"], one["read"], one["nobody"]) == (600, 597, 3)
    found = judge_files(table, files)
    assert not found.passed
    assert found.told == f"1 of 1 files lack seconds: {WHOLE} of btc_mxn"


def test_a_file_that_lacks_seconds_is_found_though_another_recorder_tells_them() -> None:
    table = rows(seconds(range(300)), seconds(range(300, 600), file="g"))
    files = catalogue(
        file(WHOLE, 590, 599, gave_way=290), file("20220430T041000Z-beta.parquet", 600, 599, "g", gave_way=300)
    )
    found = files_of(table, files)
    assert dict(found.select("instance", "nobody").iter_rows()) == {"alpha": 0, "beta": 0}
    assert incomplete(found)["instance"].to_list() == ["alpha"]


def test_of_an_unfinished_window_the_seconds_between_its_first_and_last_are_expected() -> None:
    name = "20220430T041000Z-alpha.partial-041100.parquet"
    one = told_of(files_of(rows(seconds(range(60, 200))), catalogue(file(name, 140, 199))))
    assert (one["partial"], one["expected"], one["read"], one["nobody"]) == (True, 140, 140, 0)
    short = files_of(rows(seconds([*range(60, 100), *range(110, 200)])), catalogue(file(name, 130, 199)))
    assert told_of(incomplete(short))["nobody"] == 10


def test_a_file_all_of_whose_seconds_others_told_better_is_told_too() -> None:
    files = catalogue(file(WHOLE, 600, 599, gave_way=600), file("20220430T041000Z-beta.parquet", 600, 599, "g"))
    found = files_of(rows(seconds(range(600), file="g")), files)
    assert dict(found.select("instance", "gave_way").iter_rows()) == {"alpha": 600, "beta": 0}
    assert incomplete(found).is_empty()


def test_windows_may_have_another_length() -> None:
    names = [f"20220430T0410{at:02}Z-alpha.parquet" for at in (0, 5, 10)]
    table = rows(*(seconds(range(at, at + 5), file=str(at)) for at in (0, 5)), seconds(range(10, 14), file="10"))
    files = catalogue(
        *(file(name, 5 - (at == 10), at + 4, str(at)) for name, at in zip(names, (0, 5, 10), strict=True))
    )
    assert files_of(table, files)["expected"].to_list() == [5, 5, 5]
    assert incomplete(files_of(table, files))["file"].to_list() == names[2:]


def test_each_recorder_may_have_windows_of_its_own_length() -> None:
    table = rows(seconds(range(10), file="a"), *(seconds(range(at, at + 5), file=str(at)) for at in (0, 5)))
    files = catalogue(
        file("20220430T041000Z-alpha.parquet", 10, 9, "a"),
        *(file(f"20220430T0410{at:02}Z-beta.parquet", 5, at + 4, str(at)) for at in (0, 5)),
    )
    found = files_of(table, files)
    assert dict(found.select("instance", "expected").iter_rows()) == {"alpha": 10, "beta": 5}
    assert incomplete(found).is_empty()


def test_recordings_of_others_are_about_the_seconds_between_their_first_and_last() -> None:
    table = rows(seconds([0, 1, 4], source=None), seconds([1, 3, 5], "usd_mxn", source=None))
    found = files_of(table, catalogue({**file("rates.csv", 6, 5), "uri": "file:///rates.csv"}))
    assert {book: (first, nobody) for book, first, nobody in found.select("book", "from_ts", "nobody").iter_rows()} == {
        "btc_mxn": (START, 3),
        "usd_mxn": (START + timedelta(seconds=1), 2),
    }


def test_of_a_day_every_second_counts_that_nobody_told_or_nobody_looked_at() -> None:
    day = range(-DAY + 1, 1)
    looked = [at for at in day if at % 1000 and at % 1000 != 1]
    table = rows(seconds([-DAY - 5]), seconds(looked), seconds([at for at in day if at % 1000 == 1], gap=True))
    one = told_of(seconds_of(table))
    gaps, missing = sum(at % 1000 == 1 for at in day), sum(at % 1000 == 0 for at in day)
    assert (one["expected"], one["told"], one["gap"], one["missing"]) == (DAY, DAY - missing, gaps, missing)
    assert one["looked_share"] == (DAY - gaps - missing) / DAY


def test_a_book_is_expected_all_day_if_it_was_there_the_day_before_else_since_its_first_second() -> None:
    table = rows(seconds(range(-100, 1)), seconds([-DAY - 3, *range(-9, 1)], "usd_mxn"), seconds([-50], "eth_mxn"))
    found = {row["book"]: row for row in seconds_of(table).to_dicts()}
    assert {name: row["expected"] for name, row in found.items()} == {"btc_mxn": 101, "usd_mxn": DAY, "eth_mxn": 51}
    assert {name: row["missing"] for name, row in found.items()} == {"btc_mxn": 0, "usd_mxn": DAY - 10, "eth_mxn": 50}


def test_the_objective_is_one_second_in_a_thousand() -> None:
    nothing = catalogue()
    assert judge_seconds(rows(seconds(range(999)), seconds([999], gap=True)), nothing).passed
    found = judge_seconds(rows(seconds(range(998)), seconds([998, 999], gap=True)), nothing)
    assert not found.passed
    assert "99.80% (btc_mxn)" in found.told


def test_rows_need_a_few_columns_of_the_table_only() -> None:
    assert set(seconds([0]).columns) < set(polars_schema(OrderBookSpreads))
