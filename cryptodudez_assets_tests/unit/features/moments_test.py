"""Moments of the look-ahead check are where something is out of the ordinary: in rows made so that each place is known."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
import pytest

from cryptodudez_assets.features import FeatureView, Input
from cryptodudez_assets.features.look_ahead import Rows
from cryptodudez_assets.features.moments import MOMENTS, Moment, choose
from cryptodudez_assets_tests.planted_leaks import COINS, of_value

DAY = timedelta(days=1)
START = datetime(2018, 1, 1, tzinfo=UTC)
N_DAYS = 1000
VIEW = replace(of_value(pl.col("close")), inputs=[Input(COINS, ["symbol", "close", "volume"])])
RISE, FALL, GAP, NULLS = 313, 414, (500, 504), (707, 708)


def close(day: int) -> datetime:
    """When the candle of a day is known."""
    return START + (day + 1) * DAY - timedelta(seconds=1)


@pytest.fixture(scope="module")
def candles() -> pl.DataFrame:
    """Two coins; A rises, falls, has a gap, and days without volume."""
    days = range(N_DAYS)
    frames = [
        pl.DataFrame({"symbol": symbol, "day": days, "event_ts": [close(day) for day in days]}).with_columns(
            close=pl.when(pl.col("day").is_between(RISE, FALL - 1) & (symbol == "A")).then(200.0).otherwise(100.0)
            + pl.col("day") % 7,
            volume=pl.when(~(pl.col("day").is_in(NULLS) & (symbol == "A"))).then(10.0),
            known_ts="event_ts",
        )
        for symbol in ("A", "B")
    ]
    in_gap = (pl.col("symbol") == "A") & pl.col("day").is_between(GAP[0], GAP[1] - 1)
    times = pl.col("event_ts", "known_ts").cast(pl.Datetime("us", "UTC"))
    return pl.concat(frames).filter(~in_gap).drop("day").with_columns(times)


def chosen(inputs: Rows, view: FeatureView = VIEW, seed: int = 1) -> list[Moment]:
    rows = view.transform({name: rows.lazy() for name, rows in inputs.items()}).collect()
    return choose(view, inputs, rows, Random(seed))


def of_kind(moments: list[Moment], kind: str) -> set[datetime]:
    return {moment.time for moment in moments if moment.kind == kind}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_seed_they_are_where_leaks_hide(candles: pl.DataFrame, seed: int) -> None:
    moments = chosen({COINS: candles}, seed=seed)
    assert len(moments) == len({moment.time for moment in moments}) == MOMENTS
    assert of_kind(moments, "first rows") == {close(0), close(1)}
    assert of_kind(moments, "newest rows") >= {close(N_DAYS - 2), close(N_DAYS - 3)}
    assert {close(RISE), close(FALL)} <= {moment.time for moment in moments}
    assert of_kind(moments, "beside gaps") >= {close(GAP[1] - 1), close(GAP[1])}, (
        "the last moment within, the first after"
    )
    assert close(NULLS[1]) in of_kind(moments, "beside nulls")
    turns = {date(year, month, day) for year in (2018, 2019, 2020) for month, day in ((1, 1), (12, 31))}
    assert {time.date() for time in of_kind(moments, "year ends")} < turns
    months = of_kind(moments, "month ends")
    assert {(time + DAY).month for time in months if (time + DAY).day == 1} == set(range(1, 13)), (
        "of each month one end"
    )
    assert {close(RISE + 1), close(FALL + 1)} <= {moment.time for moment in moments}


def test_none_is_so_late_that_there_is_no_future(candles: pl.DataFrame) -> None:
    assert max(moment.time for moment in chosen({COINS: candles})) < close(N_DAYS - 1)


def test_a_seed_chooses_the_same_again_and_another_seed_others(candles: pl.DataFrame) -> None:
    one, again, other = (chosen({COINS: candles}, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert of_kind(one, "any") != of_kind(other, "any")


def test_times_of_day_at_which_few_rows_become_known(candles: pl.DataFrame) -> None:
    early = pl.when(pl.col("event_ts") == close(600)).then(close(600) - timedelta(hours=4)).otherwise("known_ts")
    view = replace(VIEW, transform=lambda frames: VIEW.transform(frames).with_columns(known_ts=early))
    assert close(600) - timedelta(hours=4) in of_kind(chosen({COINS: candles}, view), "rare times of day")


def test_just_before_another_input_becomes_known(candles: pl.DataFrame) -> None:
    news = pl.DataFrame({"event_ts": [close(day) + timedelta(hours=1) for day in (222, 333)]}).with_columns(
        pl.col("event_ts").cast(pl.Datetime("us", "UTC")), known_ts="event_ts"
    )
    view = replace(VIEW, inputs=[*VIEW.inputs, Input("news", [])])
    moments = chosen({COINS: candles, "news": news}, view)
    assert {close(222), close(333)} & of_kind(moments, "before an input becomes known")


def test_inputs_of_which_no_row_is_made(candles: pl.DataFrame) -> None:
    view = replace(VIEW, transform=lambda frames: VIEW.transform(frames).clear())
    assert len(chosen({COINS: candles}, view)) == MOMENTS


def test_a_single_row_has_no_moment_with_a_future(candles: pl.DataFrame) -> None:
    assert chosen({COINS: candles.head(1)}) == []
