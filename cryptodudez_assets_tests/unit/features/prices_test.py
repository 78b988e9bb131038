"""Daily features of coins and stocks, on candles few enough to reckon by hand."""

from collections.abc import Sequence
from datetime import timedelta
from math import log, sqrt

import polars as pl
import pytest

from cryptodudez_assets.features import all_views
from cryptodudez_assets_tests.feature_frames import computed, frame, utc

CRYPTO, STOCKS = all_views()["crypto_daily"], all_views()["stock_daily"]


def coin(day: str, close: float, symbol: str = "ETH", **other: object) -> dict[str, object]:
    time = f"{day} 23:59:59"
    usual = {"high": close * 2, "low": close, "volume": 100.0, "market_cap": 1000.0}
    return {"symbol": symbol, "close": close, **usual, **other, "event_ts": time, "known_ts": time}


def coins(*candles: dict[str, object]) -> dict[str, pl.LazyFrame]:
    floats = dict.fromkeys(["high", "low", "close", "volume", "market_cap"], pl.Float64)
    return {"market.crypto_prices": frame(candles, **floats)}


def stock(
    day: str, close: float, adjusted: float | None = None, volume: int = 10, symbol: str = "TSLA"
) -> dict[str, object]:
    times = {"event_ts": f"{day} 21:00:00", "known_ts": f"{day} 21:00:00"}
    prices = {
        "high": close * 2,
        "low": close,
        "close": close,
        "close_adjusted": close if adjusted is None else adjusted,
    }
    return {"symbol": symbol, "date": day, **prices, "volume": volume, **times}


def stocks(*candles: dict[str, object]) -> dict[str, pl.LazyFrame]:
    floats = dict.fromkeys(["high", "low", "close", "close_adjusted"], pl.Float64)
    rows = frame(candles, volume=pl.Int64, **floats)
    return {"market.stock_prices": rows.with_columns(pl.col("date").str.to_date())}


def days(start: str, number: int) -> list[str]:
    return [f"{utc(start) + timedelta(days=day):%Y-%m-%d}" for day in range(number)]


def candle(day: str, close: float, coin: str = "ETH", **other: object) -> dict[str, object]:
    known = f"{utc(day) + timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    return {
        "coin": coin,
        "high": close * 2,
        "low": close,
        "close": close,
        "volume": 5.0,
        **other,
        "event_ts": f"{day} 23:59:59",
        "known_ts": known,
    }


def with_candles(archive: Sequence[dict[str, object]], *candles: dict[str, object]) -> dict[str, pl.LazyFrame]:
    fetched = frame(candles, **dict.fromkeys(["high", "low", "close", "volume"], pl.Float64))
    return {**(coins(*archive) if archive else {}), "market.candle_days": fetched}


class TestCandlesThatWereFetched:
    def test_a_day_is_of_the_archive_where_it_has_it_and_else_of_a_candle(self) -> None:
        archive = [coin("2020-01-01", 100), coin("2020-01-02", 110), coin("2020-01-03", 7, symbol="DOGE")]
        frames = with_candles(
            archive, candle("2020-01-02", 999), candle("2020-01-03", 121), candle("2020-01-03", 0.5, coin="XRP")
        )

        rows = computed(CRYPTO, frames)

        told = rows.select("symbol", pl.col("event_ts").dt.day(), "close", "from_candle").rows()
        assert told == [
            ("DOGE", 3, 7, False),
            ("ETH", 1, 100, False),
            ("ETH", 2, 110, False),
            ("ETH", 3, 121, True),
            ("XRP", 3, 0.5, True),
        ]
        last = rows.row(3, named=True)
        assert last["return_1d"] == pytest.approx(0.1)
        assert last["turnover"] is None
        assert last["known_ts"] == utc("2020-01-04")

    def test_candles_alone_make_days_too(self) -> None:
        rows = computed(CRYPTO, with_candles([], candle("2020-01-02", 100), candle("2020-01-03", 110)))
        assert rows["from_candle"].to_list() == [True, True]
        assert rows["return_1d"].to_list() == [None, pytest.approx(0.1)]

    def test_volumes_of_two_sources_are_not_set_against_each_other(self) -> None:
        usual = [coin(day, 100, volume=float(1000 + number)) for number, day in enumerate(days("2020-01-01", 40))]
        fetched = [candle(day, 100, volume=float(5 + number)) for number, day in enumerate(days("2020-02-10", 40))]

        scores = computed(CRYPTO, with_candles(usual, *fetched)).select("volume_zscore_30d", "from_candle")

        mixed, own = scores.filter("from_candle").head(29), scores.filter("from_candle").slice(29)
        assert scores.filter(~pl.col("from_candle")).slice(20)["volume_zscore_30d"].null_count() == 0
        assert mixed["volume_zscore_30d"].null_count() == 29
        assert own["volume_zscore_30d"].null_count() == 0


class TestCoins:
    def test_returns_compare_calendar_days(self) -> None:
        candles = [coin("2020-01-01", 100), coin("2020-01-02", 110), coin("2020-01-04", 99), coin("2020-01-08", 200)]
        first, second, after_gap, week = computed(CRYPTO, coins(*candles)).iter_rows(named=True)
        assert first["return_1d"] is None
        assert second["return_1d"] == pytest.approx(0.1)
        assert second["log_return_1d"] == pytest.approx(log(1.1))
        assert after_gap["return_1d"] is None, "the day before has no candle"
        assert (week["return_1d"], week["return_7d"]) == (None, pytest.approx(1.0))

    def test_returns_of_a_month_and_of_other_coins(self) -> None:
        candles = [
            coin("2020-01-01", 100),
            coin("2020-01-31", 150),
            coin("2020-01-30", 1, "BTC"),
            coin("2020-01-31", 3, "BTC"),
        ]
        rows = {
            (row["symbol"], row["event_ts"].day): row for row in computed(CRYPTO, coins(*candles)).iter_rows(named=True)
        }
        assert rows["ETH", 31]["return_30d"] == pytest.approx(0.5)
        assert rows["ETH", 31]["return_1d"] is None
        assert rows["BTC", 31]["return_1d"] == pytest.approx(2.0)

    def test_a_day_is_known_when_its_candle_closes(self) -> None:
        (row,) = computed(CRYPTO, coins(coin("2020-01-01", 100))).iter_rows(named=True)
        assert (row["event_ts"], row["known_ts"]) == (utc("2020-01-01"), utc("2020-01-01 23:59:59"))

    def test_what_was_not_recorded_stays_null(self) -> None:
        candles = [
            coin("2020-01-01", 100, volume=None),
            coin("2020-01-02", 100, market_cap=None),
            coin("2020-01-03", 5, low=0),
        ]
        rows = computed(CRYPTO, coins(*candles))
        assert rows["turnover"].to_list() == [None, None, pytest.approx(0.1)]
        assert rows["high_low_range"].to_list() == [pytest.approx(log(2)), pytest.approx(log(2)), None]

    def test_volatility_needs_twenty_returns(self) -> None:
        candles = [coin(day, 100 if number % 2 else 110) for number, day in enumerate(days("2020-01-01", 40))]
        rows = computed(CRYPTO, coins(*candles))
        found = rows["volatility_30d"]
        assert found[:20].null_count() == 20
        assert found[20] == pytest.approx(log(1.1) * sqrt(20 / 19) * sqrt(365))
        assert found[39] == pytest.approx(log(1.1) * sqrt(30 / 29) * sqrt(365))

    def test_unusual_volume(self) -> None:
        candles = [
            coin(day, 1, volume=100.0 if number % 2 else 400.0) for number, day in enumerate(days("2020-01-01", 31))
        ]
        rows = computed(CRYPTO, coins(*candles))
        assert rows["volume_zscore_30d"][18] is None
        assert rows["volume_zscore_30d"][30] == pytest.approx(sqrt(29 / 30))
        same = computed(CRYPTO, coins(*(coin(day, 1) for day in days("2020-01-01", 31))))
        assert same["volume_zscore_30d"].null_count() == 31, "no deviation, no score"

    def test_drawdown_forgets_after_a_year(self) -> None:
        candles = [coin("2019-01-01", 200), coin("2019-06-01", 100), coin("2019-12-31", 50), coin("2020-01-01", 50)]
        assert computed(CRYPTO, coins(*candles))["drawdown_365d"].to_list() == [0.0, -0.5, -0.75, -0.5]


class TestStocks:
    def test_returns_over_a_weekend(self) -> None:
        friday, monday, tuesday = computed(
            STOCKS, stocks(stock("2020-01-03", 100), stock("2020-01-06", 120), stock("2020-01-07", 60))
        ).iter_rows(named=True)
        assert friday["return_1d"] is None
        assert (monday["return_1d"], monday["days_since_close"]) == (pytest.approx(0.2), 3)
        assert (tuesday["return_1d"], tuesday["days_since_close"]) == (pytest.approx(-0.5), 1)

    def test_a_week_ago_may_be_a_little_longer_ago(self) -> None:
        rows = computed(STOCKS, stocks(stock("2020-01-03", 100), stock("2020-01-13", 150), stock("2020-01-20", 75)))
        # The 6th and 5 days before hold the 3rd; the 13th is a week before the 20th exactly.
        assert rows["return_7d"].to_list() == [None, pytest.approx(0.5), pytest.approx(-0.5)]
        assert rows["return_1d"].to_list() == [None, None, None], "nothing within 5 days of the day before"

    def test_returns_are_of_the_adjusted_close(self) -> None:
        rows = computed(STOCKS, stocks(stock("2020-08-28", 2000, 400), stock("2020-08-31", 500, 500)))
        assert rows["return_1d"][1] == pytest.approx(0.25)
        assert rows["dollar_volume"].to_list() == [20_000.0, 5_000.0]

    def test_a_price_below_zero_has_no_return(self) -> None:
        rows = computed(
            STOCKS, stocks(stock("2020-01-06", 1, -0.5), stock("2020-01-07", 1, 2.0), stock("2020-01-08", 1, 4.0))
        )
        assert rows["return_1d"].to_list() == [None, None, pytest.approx(1.0)]
        assert rows["log_return_1d"].null_count() == 2

    def test_only_trading_days_have_rows_known_at_the_close(self) -> None:
        rows = computed(STOCKS, stocks(stock("2020-01-03", 100), stock("2020-01-06", 120)))
        assert rows["event_ts"].to_list() == [utc("2020-01-03"), utc("2020-01-06")]
        assert rows["known_ts"].to_list() == [utc("2020-01-03 21:00"), utc("2020-01-06 21:00")]

    def test_volatility_is_of_a_month_of_trading_days(self) -> None:
        weekdays = [day for day in days("2020-01-06", 40) if utc(day).weekday() < 5]
        rows = computed(
            STOCKS, stocks(*(stock(day, 100 if number % 2 else 110) for number, day in enumerate(weekdays)))
        )
        found = rows["volatility_30d"]
        assert found[:15].null_count() == 15
        assert found[15] is not None
        n = 22  # trading days among the 30 that end with the last, a Friday
        assert found[-1] == pytest.approx(log(1.1) * sqrt(n / (n - 1)) * sqrt(252))

    def test_no_volume_has_no_score(self) -> None:
        assert computed(STOCKS, stocks(stock("2020-01-03", 100, volume=0)))["volume_zscore_30d"].to_list() == [None]
