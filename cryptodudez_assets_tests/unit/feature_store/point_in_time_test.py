"""The point-in-time join, case by case. That it is right in general is shown in `property/point_in_time_test.py`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.feature_store.point_in_time import TIME, History, join_as_of

NOON = datetime(2021, 6, 1, 12, tzinfo=UTC)
TTL = timedelta(days=10)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def history(
    *rows: tuple[Any, datetime | None, datetime | None, float], ttl: timedelta = TTL, name: str = "v"
) -> History:
    schema = {"key": pl.String, "event_ts": TIME, "known_ts": TIME, "x": pl.Float64}
    return History(name, ["key"], ["x"], ttl, pl.DataFrame(rows, schema=schema, orient="row"))


def entities(*rows: tuple[str | None, datetime | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"key": pl.String, "t": TIME}, orient="row")


def taken(
    at: datetime, *rows: tuple[Any, datetime | None, datetime | None, float], ttl: timedelta = TTL
) -> float | None:
    value: float | None = join_as_of(entities(("a", at)), "t", [history(*rows, ttl=ttl)])["v__x"].item()
    return value


@pytest.mark.parametrize(
    ("event", "known", "seen"),
    [
        pytest.param(NOON, NOON, True, id="happened and known at that very time"),
        pytest.param(NOON - HOUR, NOON, True, id="known at that very time"),
        pytest.param(NOON - HOUR, NOON + TICK, False, id="known a microsecond later"),
        pytest.param(NOON + TICK, NOON - HOUR, False, id="announced, but happens a microsecond later"),
        pytest.param(NOON - TTL, NOON - HOUR, True, id="just as old as allowed"),
        pytest.param(NOON - TTL - TICK, NOON - HOUR, False, id="a microsecond too old"),
        pytest.param(NOON - TTL - TICK, NOON, False, id="too old, though known just now"),
    ],
)
def test_bounds(event: datetime, known: datetime, seen: bool):
    assert taken(NOON, ("a", event, known, 1.0)) == (1.0 if seen else None)


def test_a_version_holds_until_the_next_is_known():
    versions = [("a", NOON, NOON + hours * HOUR, float(hours)) for hours in (1, 3, 5)]
    found = [taken(NOON + hours * HOUR, *versions) for hours in range(7)]
    assert found == [None, 1.0, 1.0, 3.0, 3.0, 5.0, 5.0]


def test_an_old_event_that_becomes_known_late_does_not_beat_a_newer_one():
    rows = [("a", NOON, NOON + HOUR, 1.0), ("a", NOON - HOUR, NOON + 2 * HOUR, 2.0)]
    assert taken(NOON + 3 * HOUR, *rows) == 1.0


def test_an_old_event_that_becomes_known_late_fills_the_gap_until_a_newer_one_is_known():
    rows = [("a", NOON, NOON + 3 * HOUR, 1.0), ("a", NOON - HOUR, NOON + 2 * HOUR, 2.0)]
    assert [taken(NOON + hours * HOUR, *rows) for hours in (1, 2, 3)] == [None, 2.0, 1.0]


def test_of_rows_with_the_same_times_the_last_is_taken():
    late = ("a", NOON - HOUR, NOON + HOUR, 9.0)
    same = [("a", NOON, NOON, 1.0), ("a", NOON, NOON, 2.0)]
    assert taken(NOON + HOUR, *same) == 2.0
    assert taken(NOON + HOUR, late, *same) == 2.0


def test_known_at_the_same_time_the_newest_event_wins():
    rows = [("a", NOON - hours * HOUR, NOON, float(hours)) for hours in (1, 3, 2)]
    assert taken(NOON, *rows) == 1.0


def test_a_key_that_comes_again_is_compared_with_the_end_of_what_came_before():
    hours = [("a", 1), ("a", 9), ("b", 1), ("a", 5)]
    rows = [(key, NOON + hour * HOUR, NOON + hour * HOUR, float(hour)) for key, hour in hours]
    asked = entities(*(("a", NOON + hour * HOUR) for hour in (4, 6, 9)), ("b", NOON))
    assert join_as_of(asked, "t", [history(*rows)])["v__x"].to_list() == [1.0, 5.0, 9.0, None]


def test_a_newest_row_that_is_too_old_hides_nothing_younger():
    rows = [("a", NOON - 2 * TTL, NOON, 1.0), ("a", NOON - TTL, NOON - TTL, 2.0)]
    assert taken(NOON, *rows) == 2.0


def test_no_age_is_too_great_for_a_boundless_ttl():
    assert taken(NOON, ("a", datetime(1700, 1, 1, tzinfo=UTC), NOON, 1.0), ttl=timedelta.max) == 1.0


def test_entities_keep_their_order_their_columns_and_their_repetitions():
    asked = entities(("b", NOON), ("a", NOON + HOUR), ("zz", NOON), ("b", NOON), ("a", NOON)).with_columns(x=pl.lit(7))
    rows = history(("a", NOON, NOON, 1.0), ("b", NOON, NOON, 2.0), ("a", NOON + HOUR, NOON + HOUR, 3.0))
    found = join_as_of(asked.lazy(), "t", [rows])
    assert found.drop("v__x").equals(asked)
    assert found["v__x"].to_list() == [2.0, 3.0, None, 2.0, 1.0]


def test_a_null_belongs_to_nothing():
    asked = entities((None, NOON), ("a", None), ("a", NOON))
    rows = history((None, NOON, NOON, 1.0), ("a", None, NOON, 2.0), ("a", NOON, None, 3.0), ("a", NOON, NOON, 4.0))
    assert join_as_of(asked, "t", [rows])["v__x"].to_list() == [None, None, 4.0]


def test_a_view_without_key_holds_for_all():
    market = History("m", [], ["x"], TTL, history(("a", NOON, NOON, 1.0), ("b", NOON + HOUR, NOON + HOUR, 2.0)).rows)
    asked = entities(("q", NOON + HOUR), (None, NOON), ("a", NOON - TICK), ("a", None))
    assert join_as_of(asked, "t", [market])["m__x"].to_list() == [2.0, 1.0, None, None]


def test_several_views_of_several_keys_and_their_times():
    rows = history(("a", NOON, NOON + HOUR, 1.0)).rows.lazy().collect().with_columns(number=pl.lit(5))
    both = History("both", ["number", "key"], ["x"], TTL, rows.lazy())
    asked = entities(("a", NOON + HOUR), ("a", NOON + HOUR)).with_columns(number=pl.Series([5, 6]))
    found = join_as_of(asked, "t", [history(("a", NOON, NOON, 3.0)), both], with_times=True)
    assert found.columns[3:] == ["v__x", "v__event_ts", "v__known_ts", "both__x", "both__event_ts", "both__known_ts"]
    assert found["v__x"].to_list() == [3.0, 3.0]
    assert found["both__known_ts"].to_list() == [NOON + HOUR, None]


def test_keys_and_features_may_have_any_names():
    rows = history(("a", NOON, NOON, 1.0)).rows.lazy().collect().rename({"key": "number", "x": "usable"})
    asked = entities(("a", NOON)).rename({"key": "number", "t": "time"})
    odd = History("v", ["number"], ["usable", "number", "event_ts"], TTL, rows)
    assert join_as_of(asked, "time", [odd]).row(0) == ("a", NOON, 1.0, "a", NOON)


@pytest.mark.parametrize("asked", [entities(), entities(("a", NOON))])
@pytest.mark.parametrize("rows", [history(), history(("a", NOON, NOON, 1.0))])
def test_nothing_may_be_asked_and_nothing_may_be_there(asked: pl.DataFrame, rows: History):
    found = join_as_of(asked, "t", [rows])
    assert found.schema["v__x"] == pl.Float64
    assert found["v__x"].to_list() == [1.0 for _ in range(min(len(asked), len(rows.rows.lazy().collect())))] + [
        None for _ in range(len(asked) - len(rows.rows.lazy().collect()))
    ]


def test_times_of_another_type_are_refused():
    naive = entities(("a", NOON)).with_columns(pl.col("t").dt.replace_time_zone(None))
    with pytest.raises(TypeError, match="t of the entities is Datetime"):
        join_as_of(naive, "t", [history()])


def test_rows_in_any_order_give_the_same_as_rows_in_order():
    number = pl.int_range(20_000, eager=True)
    rows = pl.DataFrame({"key": (number.hash(1) % 50).cast(pl.String), "x": number.cast(pl.Float64)}).with_columns(
        event_ts=pl.lit(NOON) + pl.duration(minutes=number.hash(2) % 100_000),
    )
    rows = rows.with_columns(known_ts=pl.col("event_ts") + pl.duration(hours=6)).sort("key", "event_ts", "x")
    asked = pl.DataFrame({"key": (number.hash(3) % 60).cast(pl.String)}).with_columns(
        t=pl.lit(NOON) + pl.duration(minutes=number.hash(4) % 120_000)
    )
    by_month = rows.sort(pl.col("event_ts").dt.month(), maintain_order=True)
    shuffled = rows.sort(pl.col("x").hash(5)).sort("x")
    in_order, *others = (
        join_as_of(asked, "t", [History("v", ["key"], ["x"], TTL, one)], with_times=True)
        for one in (rows, by_month, shuffled)
    )
    plain = asked.sort("t").join_asof(
        rows.sort("known_ts", maintain_order=True), left_on="t", right_on="known_ts", by="key", check_sortedness=False
    )
    plain = plain.filter(pl.col("t") - pl.col("event_ts") <= TTL)
    assert all(other.equals(in_order) for other in others)
    assert (
        in_order.filter(pl.col("v__x").is_not_null()).sort(pl.all())["v__x"].to_list()
        == plain.sort("key", "t", "x")["x"].to_list()
    )
