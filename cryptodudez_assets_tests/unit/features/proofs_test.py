"""The proofs find views that look ahead: each toy here leaks in another way."""

from collections.abc import Callable
from datetime import timedelta

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.features import FeatureContract, FeatureView, Input
from cryptodudez_assets.features.declaration import Frames
from cryptodudez_assets.features.proofs import compare, look_ahead, look_back, perturb
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
def test_a_leak_is_found_by_both_proofs(view: FeatureView) -> None:
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
