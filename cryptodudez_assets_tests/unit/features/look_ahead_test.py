"""What another future changes shows that a view looks ahead: each toy here leaks in another way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.features import FeatureContract, FeatureView, Input
from cryptodudez_assets.features.declaration import Frames
from cryptodudez_assets.features.look_ahead import (
    compare,
    computed,
    look_ahead,
    look_ahead_at,
    look_back,
    perturb,
    something_else,
)
from cryptodudez_assets_tests.feature_frames import frame, utc

T = utc("2020-01-06")
PRICES = frame(
    [
        {
            "symbol": "ETH",
            "close": float(number * number),
            "event_ts": f"2020-01-{number:02}",
            "known_ts": f"2020-01-{number:02} 23:59:59",
        }
        for number in range(1, 11)
    ]
)
LIKES = frame(
    [
        {"id": 1, "likes": 10 * number, "event_ts": "2020-01-01", "known_ts": f"2020-01-{number:02} 12:00:00"}
        for number in (2, 5, 9)
    ]
)


class Toy(FeatureContract):
    """A number for each symbol and day."""

    symbol: str = pa.Field(description="Ticker.")
    value: float = pa.Field(description="The number.", nullable=True)


class LikesToy(FeatureContract):
    """Likes of a tweet."""

    id: pl.Int64 = pa.Field(description="Tweet.")
    value: pl.Int64 = pa.Field(description="Likes.")


def price_view(
    transform: Callable[[pl.LazyFrame], pl.LazyFrame], window: timedelta | None = timedelta(days=1)
) -> FeatureView:
    def of_prices(frames: Frames) -> pl.LazyFrame:
        return transform(frames["prices"].sort("event_ts")).select("symbol", "value", "event_ts", "known_ts")

    inputs = [Input("prices", ["symbol", "close"])]
    return FeatureView("toy", Toy, "team:tests", ["symbol"], inputs, of_prices, window, timedelta(days=1))


def likes_view(known: str) -> FeatureView:
    def newest(frames: Frames) -> pl.LazyFrame:
        rows = frames["likes"].sort("known_ts").unique("id", keep="last")
        return rows.select("id", pl.col("likes").alias("value"), "event_ts", pl.col(known).alias("known_ts"))

    return FeatureView(
        "toy", LikesToy, "team:tests", ["id"], [Input("likes", ["id", "likes"])], newest, None, timedelta(days=1)
    )


HONEST = price_view(lambda rows: rows.with_columns(value=pl.col("close") / pl.col("close").shift(1) - 1))
LEAKS = {
    "the next day's close": price_view(lambda rows: rows.with_columns(value=pl.col("close").shift(-1))),
    "a mean over all time": price_view(lambda rows: rows.with_columns(value=pl.col("close") / pl.col("close").mean())),
    "a rank over all time": price_view(lambda rows: rows.with_columns(value=pl.col("close").rank(descending=True))),
    "gaps filled from behind": price_view(
        lambda rows: rows.with_columns(
            value=pl.when(pl.col("close") != 25).then("close").fill_null(strategy="backward")
        )
    ),
    "knowledge dated back": price_view(
        lambda rows: rows.with_columns(value=pl.col("close"), known_ts=pl.col("event_ts") - pl.duration(days=1))
    ),
}


@pytest.mark.parametrize("view", LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_shows_without_a_future_and_with_another(view: FeatureView) -> None:
    assert look_ahead(view, {"prices": PRICES}, T)
    assert perturb(view, {"prices": PRICES}, T)


def test_the_newest_likes_are_not_known_when_the_tweet_is_written() -> None:
    view = likes_view(known="event_ts")
    assert look_ahead(view, {"likes": LIKES}, T)
    assert perturb(view, {"likes": LIKES}, T)


def test_a_later_version_must_not_replace_what_was_known() -> None:
    (found,) = look_ahead(likes_view(known="known_ts"), {"likes": LIKES}, T)
    assert found.columns == ("the row itself",), "known then, and gone now"


def test_an_honest_view_passes() -> None:
    for t in (T, T + timedelta(hours=23, minutes=59, seconds=59), utc("2019-01-01"), utc("2021-01-01")):
        assert look_ahead(HONEST, {"prices": PRICES}, t) == []
        assert perturb(HONEST, {"prices": PRICES}, t) == []
    assert look_back(HONEST, {"prices": PRICES}, T) == []


def tomorrow(value: pl.Expr, instead: pl.Expr) -> FeatureView:
    """Whether something holds tomorrow; a view that guards against the end, so that it is the same without a future."""
    found = value.shift(-1).fill_null(instead)
    return price_view(lambda rows: rows.with_columns(value=found.cast(pl.Float64)))


CLOSE = pl.col("close")
GUARDED = {
    "the value itself": tomorrow(CLOSE, CLOSE + 2 * CLOSE.sqrt() + 1),  # as if every day went on as days do
    "a threshold far above": tomorrow(CLOSE > 60, pl.lit(value=False)),
    "a threshold far below": tomorrow(CLOSE < 15, pl.lit(value=False)),
    "a flag": tomorrow(pl.col("is_open"), pl.lit(value=True)),
    "a word": tomorrow(pl.col("word") == "calm", pl.lit(value=True)),
    "a count": tomorrow(pl.col("n") == 1, pl.lit(value=True)),
    "a day": tomorrow(pl.col("day") - pl.col("event_ts").dt.date() == timedelta(0), pl.lit(value=True)),
    "a time": tomorrow(pl.col("seen") == pl.col("event_ts"), pl.lit(value=True)),
    "whether there is a next day": tomorrow(pl.col("event_ts").diff() == timedelta(days=1), pl.lit(value=True)),
}


@pytest.mark.parametrize("view", GUARDED.values(), ids=GUARDED.keys())
def test_a_leak_that_does_not_show_without_a_future_shows_with_another(view: FeatureView) -> None:
    inputs = [Input("prices", ["symbol", "close", "is_open", "word", "n", "day", "seen"])]
    read_more = replace(view, inputs=inputs)
    days = [pl.col("event_ts").dt.date().alias("day"), pl.col("event_ts").alias("seen")]
    prices = PRICES.with_columns(*days, is_open=pl.lit(value=True), word=pl.lit("calm"), n=pl.lit(1))
    assert not look_ahead(read_more, {"prices": prices}, T)
    assert any(perturb(read_more, {"prices": prices}, T, seed) for seed in range(10))


def test_what_inputs_are_joined_by_stays_joined() -> None:
    rows = PRICES.with_columns(id=pl.int_range(pl.len())).collect()
    inputs = [Input(table, ["symbol", "id", "close"]) for table in ("prices", "others")]
    change = something_else(replace(HONEST, inputs=inputs), seed=1)
    one, other = (change(rows.sort("close", descending=number > 0), each) for number, each in enumerate(inputs))
    assert {*one["id"], *other["id"]} <= {number * 3 + 1 for number in range(10)}, "the same other number in both"
    assert not {*one["close"]} & {*rows["close"]}, "values that share a name are none to join by"


def test_last_digits_are_no_leak() -> None:
    def noisy(by: float) -> FeatureView:
        return price_view(lambda rows: rows.with_columns(value=CLOSE * (1 + by * pl.len())))

    rows = PRICES.collect()
    for by, differs in ((1e-15, False), (1e-10, True)):
        view = noisy(by)
        compared = look_ahead_at(view, {"prices": rows}, computed(view, {"prices": rows}), T, seed=1)
        assert compared.rows == 5
        assert bool(compared.differences) == differs
        assert look_ahead(view, {"prices": PRICES}, T), "where bits are asked for, bits count"


def test_an_error_under_another_future_says_so() -> None:
    def needs_ten(rows: pl.LazyFrame) -> pl.LazyFrame:
        n_rows = rows.select(pl.len()).collect().item()
        if n_rows < 10:
            raise ValueError("too few")
        return rows.with_columns(value=CLOSE)

    view, rows = price_view(needs_ten), PRICES.collect()
    with pytest.raises(ValueError, match="too few") as caught:
        look_ahead_at(view, {"prices": rows}, computed(view, {"prices": rows}), T, seed=1)
    assert caught.value.__notes__ == [f"toy: while its inputs had another future after {T}"]


def test_it_says_where_and_what() -> None:
    (found,) = look_ahead(LEAKS["the next day's close"], {"prices": PRICES}, T)
    assert found.row == {"symbol": "ETH", "event_ts": utc("2020-01-05"), "known_ts": utc("2020-01-05 23:59:59")}
    assert str(found) == "symbol ETH, event_ts 2020-01-05 00:00:00+00:00, known_ts 2020-01-05 23:59:59+00:00: value"


def test_a_window_that_is_declared_too_short_is_found() -> None:
    longer = price_view(lambda rows: rows.with_columns(value=pl.col("close").shift(2)))
    assert look_back(longer, {"prices": PRICES}, T)
    everything = price_view(lambda rows: rows.with_columns(value=pl.col("close").cum_sum()), window=None)
    assert look_back(everything, {"prices": PRICES}, T) == []


def test_rows_that_are_not_unique_are_refused() -> None:
    rows = HONEST.transform({"prices": PRICES}).collect()
    with pytest.raises(ValueError, match="not unique by symbol, event_ts, known_ts"):
        compare(HONEST, rows, pl.concat([rows, rows]))
