"""Reads of the past from the lake: what may be asked, how times are taken, and which snapshots were read."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.feature_store.historical import Training, chosen, historical_features
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.toy_views import FORECAST, MOOD, T0, TTL, WEATHER, after, row, store

VIEWS = [WEATHER, FORECAST, MOOD]


def entities(*days: float, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"event_ts": [after(day) for day in days]}).with_columns(
        place=pl.lit("Oslo"), number=pl.lit(1), **columns
    )


def read(lake: Lake, asked: Any, *features: str, **options: Any) -> Training:
    return historical_features(lake, VIEWS, asked, features, **options)


def test_features_are_those_known_at_the_time(lake: Lake):
    store(lake, WEATHER, row(0, 1, degrees=1.0), row(1, 2, degrees=2.0), row(400, degrees=3.0), row(0, 1, place="Rom"))
    found = read(lake, entities(0, 1, 2, 400, 11.5), "weather:degrees").frame
    assert found.columns == ["event_ts", "place", "number", "weather__degrees"]
    assert found["weather__degrees"].to_list() == [None, 1.0, 2.0, 3.0, None]


def test_the_close_of_a_day_is_when_all_of_it_is_known(lake: Lake):
    """The last second of a day, which candles have, is still before that."""
    store(lake, WEATHER, row(0, 1, degrees=1.0), row(1, 2, degrees=2.0))
    asked = entities(0, 0.5, 1 - 1e-5, 1)
    assert read(lake, asked, "weather:degrees").frame["weather__degrees"].to_list() == [None, None, None, 1.0]
    closes = read(lake, asked, "weather:degrees", moment="close").frame
    assert closes["weather__degrees"].to_list() == [1.0, 1.0, 1.0, 2.0]
    assert closes["event_ts"].to_list() == asked["event_ts"].to_list()


def test_a_view_means_all_its_features_and_a_market_view_needs_no_key(lake: Lake):
    store(lake, WEATHER, row(0))
    store(lake, MOOD, row(0, mood=0.25))
    with pytest.deprecated_call(match="mood is deprecated: use `temper`"):
        found = read(lake, entities(1), "mood", "weather", "weather:count", with_times=True).frame
    wanted = ["mood__mood", "mood__event_ts", "mood__known_ts", *(f"weather__{name}" for name in WEATHER.features)]
    assert found.columns[3:-2] == wanted
    expected = row(0)
    assert found.row(0)[6:-2] == tuple(expected[name] for name in WEATHER.features)


def test_the_past_is_read_from_the_versions(lake: Lake):
    store(lake, FORECAST, row(0, 1, count=1), row(0, 2, count=2), row(0, 3, count=3))
    training = read(lake, entities(1, 2.5, 3), "forecast:count")
    assert training.frame["forecast__count"].to_list() == [1, 2, 3]
    assert set(training.snapshot_ids) == {"features.forecast_versions"}


def test_what_was_read_can_be_read_again(lake: Lake):
    first = store(lake, WEATHER, row(0, count=1))
    before = read(lake, entities(1), "weather:count")
    second = store(lake, WEATHER, row(0.5, count=2))
    now = read(lake, entities(1), "weather:count")
    again = read(lake, entities(1), "weather:count", snapshots=before.snapshot_ids)
    assert [one.frame["weather__count"].item() for one in (before, now, again)] == [1, 2, 1]
    assert [one.snapshot_ids["features.weather"] for one in (before, now, again)] == [first, second, first]


@pytest.mark.parametrize(
    "time",
    [
        pytest.param(pl.Series([datetime(2021, 1, 2)]), id="naive is UTC"),
        pytest.param(pl.Series([date(2021, 1, 2)]), id="a date is its first instant"),
        pytest.param(pl.Series([datetime(2021, 1, 2, 1, tzinfo=timezone(timedelta(hours=1)))]), id="another zone"),
        pytest.param(pl.Series([datetime(2021, 1, 2)]).dt.cast_time_unit("ms"), id="milliseconds"),
        pytest.param(
            pl.Series([datetime(2021, 1, 2)]).dt.cast_time_unit("ns") + pl.duration(nanoseconds=999), id="nano"
        ),
    ],
)
def test_times_of_all_kinds_are_taken(lake: Lake, time: pl.Series):
    if isinstance(time, pl.Expr):  # a literal series and a duration
        time = pl.select(time).to_series()
    store(lake, WEATHER, row(1, count=1), row(1 + 1 / 86_400_000_000, count=2))
    asked = entities(0).with_columns(time.alias("event_ts"))
    found = read(lake, asked, "weather:count").frame
    assert found["weather__count"].to_list() == [1]
    assert_frame_equal(found.drop("weather__count"), asked)


def test_keys_of_a_kindred_type_are_taken(lake: Lake):
    store(lake, WEATHER, row(0))
    kindred = entities(1).with_columns(pl.col("place").cast(pl.Categorical), pl.col("number").cast(pl.UInt8))
    assert read(lake, kindred, "weather:wet").frame["weather__wet"].item() is True
    nulls = entities(1).with_columns(place=pl.lit(None))
    assert read(lake, nulls.lazy(), "weather:wet").frame["weather__wet"].item() is None


def test_pandas_in_and_out(lake: Lake):
    pytest.importorskip("pandas")
    store(lake, WEATHER, row(0, degrees=4.0))
    found = read(lake, entities(1, 2).to_pandas(), "weather:degrees", as_pandas=True).frame
    assert found["weather__degrees"].tolist() == [4.0, 4.0]
    assert found["event_ts"].tolist() == [after(1), after(2)]


@pytest.mark.parametrize("asked", [entities(), entities(1).with_columns(event_ts=pl.lit(None))], ids=["none", "null"])
def test_without_times_all_is_null(lake: Lake, asked: pl.DataFrame):
    snapshot = store(lake, WEATHER, row(0))
    training = read(lake, asked, "weather:count")
    assert training.frame["weather__count"].null_count() == len(asked)
    assert training.snapshot_ids == {"features.weather": snapshot}


def test_only_files_of_the_time_asked_for_are_read(lake: Lake):
    store(lake, WEATHER, row(0, count=1), row(4000, count=2))
    table = lake.tables.table("features.weather")
    assert table is not None
    for file in table.inspect.files()["file_path"].to_pylist():
        if "event_ts_year=2021" not in file:
            table.io.delete(file)
    assert read(lake, entities(1), "weather:count").frame["weather__count"].item() == 1


def test_more_keys_than_are_worth_a_filter(lake: Lake):
    store(lake, WEATHER, *(row(0, number=number, count=number) for number in range(1500)))
    asked = pl.DataFrame({"number": range(2000)}).with_columns(place=pl.lit("Oslo"), event_ts=pl.lit(T0 + TTL))
    found = read(lake, asked, "weather:count").frame["weather__count"]
    assert found.to_list() == [*range(1500), *(None for _ in range(500))]


@pytest.mark.parametrize(
    ("asked", "features", "error", "told"),
    [
        (entities(1), ["wether"], KeyError, "no feature view 'wether'; there are forecast, mood, weather"),
        (entities(1), ["weather:rain"], KeyError, "no feature 'rain' in weather; it has degrees, count, wet"),
        (entities(1).drop("number"), ["weather:wet"], KeyError, "the entities lack number; they have event_ts, place"),
        (entities(1).drop("event_ts"), ["weather:wet"], KeyError, "the entities lack event_ts"),
        (entities(1).cast({"event_ts": pl.String}), ["weather:wet"], TypeError, "event_ts of the entities is String"),
        (entities(1).cast({"number": pl.Float64}), ["weather:wet"], TypeError, "is Float64; expected Int64"),
        (entities(1), ["forecast:wet"], LookupError, "no table features.forecast_versions yet: materialise forecast"),
    ],
)
def test_what_cannot_be_answered_is_told(
    lake: Lake, asked: pl.DataFrame, features: list[str], error: type[Exception], told: str
):
    store(lake, WEATHER, row(0))
    with pytest.raises(error, match=told):
        read(lake, asked, *features)


def test_a_snapshot_that_is_not_kept_is_told(lake: Lake):
    snapshot = store(lake, WEATHER, row(0))
    with pytest.raises(LookupError, match=f"features.weather has no snapshot 7; it keeps {snapshot}"):
        read(lake, entities(1), "weather:wet", snapshots={"features.weather": 7})


def test_features_keep_the_order_asked_for():
    wanted = chosen(VIEWS, ["forecast:wet", "weather:day", "forecast:count", "forecast:wet"])
    assert [(view.name, names) for view, names in wanted] == [("forecast", ["wet", "count"]), ("weather", ["day"])]


def test_the_first_and_the_last_time_there_is_can_be_asked_for(lake: Lake):
    store(lake, WEATHER, row(0))
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    asked = entities(1, 2, 3).with_columns(event_ts=pl.Series([first, after(1), last]))
    assert read(lake, asked, "weather:wet").frame["weather__wet"].to_list() == [None, True, None]
