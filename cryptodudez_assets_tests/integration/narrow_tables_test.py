"""Posts and their narrow tables: rows belong together, files follow the months, and what is unsound stays out and is told."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue
from rich.console import Console

from cryptodudez_assets.derived import Derived, Frames, all_derived
from cryptodudez_assets.derived.upkeep.gates import Refused, refuse_unsound
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.month_folders import exported_by_month_from
from cryptodudez_assets.notifications.notifier import open_outbox
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.bitcoin_posts import land_posts, line
from cryptodudez_assets_tests.builders import rows_of, take_in

SOURCES = {"bitcoin_tweets": all_sources()["bitcoin_tweets"]}
POSTS, CONTENT, USER, TIME = (
    all_derived()[f"social.{name}"] for name in ("posts", "tweets_content", "tweets_user", "tweets_time")
)
TABLES = [POSTS, CONTENT, USER, TIME]


@pytest.fixture
def made(lake: Lake, tmp_path: Path) -> Lake:
    land_posts(lake, tmp_path, "a", [line(0), line(1), line(2)])
    take_in(lake, SOURCES["bitcoin_tweets"])
    for table in TABLES:
        materialize(lake, table)
    return lake


def nothing(frames: Frames) -> pl.LazyFrame:
    return CONTENT.transform(frames).clear()  # type: ignore[misc]


def twice(frames: Frames) -> pl.LazyFrame:
    rows = CONTENT.transform(frames)  # type: ignore[misc]
    return pl.concat([rows, rows.head(1)])


def without_key(frames: Frames) -> pl.LazyFrame:
    rows = CONTENT.transform(frames)  # type: ignore[misc]
    return rows.with_columns(id=pl.when(pl.col("id") != 2).then("id"))


def test_from_a_landing_to_files_and_what_is_unsound_is_notified(lake: Lake, tmp_path: Path) -> None:

    def run(content: Derived) -> tuple[bool, str]:
        out = StringIO()
        tables = [POSTS, content, USER, TIME]
        return run_pending(lake, list(SOURCES), Console(file=out, width=300), SOURCES, tables), out.getvalue()

    land_posts(lake, tmp_path, "a", [line(0), line(1), line(2, favorite_count=None)])
    fine, said = run(CONTENT)
    assert fine, said
    assert "tweets_content quality: 2021-02-01: 1 of 1 rows have no favorite_count" in said
    assert len(rows_of(lake, CONTENT.table)) == 3
    folder = lake.settings.home / "exports" / "tweets_time"
    assert [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.parquet"))] == [
        "year=2021/month=1/tweets_time.parquet",
        "year=2021/month=2/tweets_time.parquet",
    ]
    outbox = open_outbox(lake.settings)
    assert outbox.last("low_quality", f"{CONTENT.table} quality") is not None

    before = rows_of(lake, CONTENT.table)
    fine, said = run(replace(CONTENT, transform=twice))
    assert not fine
    assert "social.tweets_content stays as it was: 2 of 4 rows have a key that another has, such as id" in said
    assert rows_of(lake, CONTENT.table).equals(before)
    told = outbox.last("low_quality", f"{CONTENT.table} replaced")
    assert told is not None
    assert "stays as it was" in told.text


def test_rows_find_each_other_and_the_calendar_is_that_of_utc(made: Lake) -> None:
    joined = rows_of(made, CONTENT.table).drop("event_ts")
    for table in (USER, TIME):
        joined = joined.join(rows_of(made, table.table).drop("event_ts"), on="id", validate="1:1")
    assert joined.sort("id").select("favorite_count", "year", "month", "weekday", "week_of_year").rows() == [
        (0, 2021, 1, 6, 4),
        (1, 2021, 1, 7, 4),
        (2, 2021, 2, 1, 5),
    ]


def test_files_follow_a_change_and_a_kill_leaves_nothing_behind(made: Lake, tmp_path: Path) -> None:
    one = next(iter(exports_of([], [CONTENT])))
    target = Path(one.place(made))
    assert one.write(made) == 3
    (target / "year=2021" / "month=2" / "tweets_content.parquet").unlink()
    assert exported_by_month_from(made.store, one.key) is None

    land_posts(made, tmp_path, "b", [line(3, id=1, text="Written anew")])
    take_in(made, SOURCES["bitcoin_tweets"])
    for table in TABLES:
        materialize(made, table)
    (target.with_name(".tweets_content.part") / "year=1999").mkdir(parents=True)  # as a kill leaves it
    target.rename(target.with_name(".tweets_content.old"))
    one.write(made)
    assert exported_by_month_from(made.store, one.key) == one.made_from(made) is not None
    assert [path.name for path in target.parent.iterdir()] == ["tweets_content"]
    months = [target / "year=2021" / f"month={month}" / "tweets_content.parquet" for month in (1, 2)]
    assert [len(pl.read_parquet(path, hive_partitioning=False)) for path in months] == [1, 2]
    assert "Written anew" in pl.read_parquet(months[1])["text"].to_list()


def test_a_row_without_its_one_sister_is_found(made: Lake) -> None:
    once, sisters = TIME.checks
    assert look(made, TIME, sisters).passed  # type: ignore[union-attr]
    rows = rows_of(made, USER.table)
    with made.tables.changing(table_specs(USER)[0]) as change:
        change.delete(AlwaysTrue()).add(pl.concat([rows.filter(pl.col("id") != 2), rows.filter(pl.col("id") == 3)]))
    for table, check in ((TIME, sisters), (USER, USER.checks[0])):
        found = look(made, table, check)
        assert found is not None
        assert not found.passed
        assert "1 lack in social.tweets_user; 1 are several times in social.tweets_user" in found.told
        assert found.details["wrong"]["id"].to_list() == [2, 3]  # type: ignore[index, union-attr]
    assert look(made, TIME, once).passed  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        (nothing, "no row was made of the rows that were read, 3 of social.posts"),
        (twice, "2 of 4 rows have a key that another has"),
        (without_key, "of 3 rows 1 have no id"),
    ],
)
def test_what_is_unsound_does_not_replace_the_table(made: Lake, transform, told: str) -> None:  # type: ignore[no-untyped-def]
    before = rows_of(made, CONTENT.table)
    with pytest.raises(Refused, match=told):
        materialize(made, replace(CONTENT, transform=transform), full=True)
    assert rows_of(made, CONTENT.table).equals(before)


def test_nothing_is_refused_where_there_is_nothing_to_make_it_of() -> None:
    rows = pl.DataFrame(schema={"id": pl.Int64})
    refuse_unsound(CONTENT, rows, {"social.posts": rows.lazy()})
    with pytest.raises(Refused):
        refuse_unsound(CONTENT, rows, {"social.posts": pl.LazyFrame({"id": [1]})})
