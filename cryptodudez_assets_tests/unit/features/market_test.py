"""The market as a whole: factors, breadth, sensitivities to Ethereum, and the one row a day made of all."""

import random
from datetime import timedelta
from itertools import pairwise
from math import log

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.components import FACTORS, MAY_MISS, SHARES, WINDOW, factors
from cryptodudez_assets_tests.dying_coins import FIRST, dying_market, market_of
from cryptodudez_assets_tests.feature_frames import TIME, computed, frame, utc

MARKET, SENSITIVITY, PREDICTORS = (
    all_views()[name] for name in ("market_factors_daily", "eth_sensitivity_daily", "eth_predictors_daily")
)
COINS, STOCKS, TWEETS = "features.crypto_daily", "features.stock_daily", "social.elon_tweets"
START = utc("2020-01-01")


def day(number: int) -> str:
    return f"{START + timedelta(days=number):%Y-%m-%d}"


def coin(number: int, symbol: str, change: float | None, close: float = 1.0) -> dict[str, object]:
    grown = None if change is None else log(1 + change)
    returns = {"return_1d": change, "log_return_1d": grown, "log_return_7d": None}
    return {"symbol": symbol, "close": close, **returns, "event_ts": day(number), "known_ts": f"{day(number)} 23:59:59"}


def stock(number: int, symbol: str, change: float | None, span: int | None = 1) -> dict[str, object]:
    returns = {
        "return_1d": change,
        "log_return_1d": None if change is None else log(1 + change),
        "days_since_close": span,
    }
    return {"symbol": symbol, **returns, "event_ts": day(number), "known_ts": f"{day(number)} 21:00:00"}


def coins(rows: list[dict[str, object]]) -> pl.LazyFrame:
    return frame(rows, **dict.fromkeys(["close", "return_1d", "log_return_1d", "log_return_7d"], pl.Float64))


def stocks(rows: list[dict[str, object]]) -> pl.LazyFrame:
    return frame(rows, return_1d=pl.Float64, log_return_1d=pl.Float64, days_since_close=pl.Int64)


def market(
    coin_rows: list[dict[str, object]], stock_rows: list[dict[str, object]] | None = None
) -> list[dict[str, object]]:
    stock_frame = stocks(stock_rows or [stock(-400, "OLD", 0.5)])
    return computed(MARKET, {COINS: coins(coin_rows), STOCKS: stock_frame}).to_dicts()


class TestMarket:
    def test_breadth_counts_coins_with_a_return(self) -> None:
        (row,) = market([coin(0, "ETH", 0.1), coin(0, "BTC", -0.2), coin(0, "NEW", None), coin(0, "XMR", 0.4)])
        assert (row["n_coins"], row["breadth"]) == (3, pytest.approx(2 / 3))
        assert row["coin_market_return"] == pytest.approx(0.1)
        assert row["known_ts"] == utc("2020-01-02")

    def test_only_days_of_ethereum_have_rows(self) -> None:
        rows = market([coin(0, "BTC", 0.1), coin(1, "BTC", 0.2), coin(1, "ETH", None)])
        assert [row["event_ts"] for row in rows] == [utc("2020-01-02")]

    def test_lags_are_calendar_days(self) -> None:
        rows = market([coin(0, "ETH", 0.1), coin(1, "ETH", 0.2), coin(3, "ETH", 0.3), coin(2, "BTC", 0.7)])
        last = rows[-1]
        assert last["eth_log_return_1d_lag_1"] is None
        assert last["eth_log_return_1d_lag_2"] == pytest.approx(log(1.2))
        assert last["eth_log_return_1d_lag_3"] == pytest.approx(log(1.1))
        assert (last["btc_log_return_1d"], last["btc_log_return_1d_lag_1"]) == (None, pytest.approx(log(1.7)))

    def test_stocks_are_those_of_the_last_trading_day(self) -> None:
        friday = [stock(2, "A", 0.1), stock(2, "B", 0.3), stock(2, "NEW", None)]  # 2020-01-03
        rows = market([coin(number, "ETH", 0.0) for number in range(1, 9)], [*friday, stock(5, "A", -0.1, 3)])
        told = [(row["stock_market_return"], row["n_stocks"], row["stock_market_age"]) for row in rows]
        assert told[0] == (None, None, None)
        assert told[1:4] == [(pytest.approx(0.2), 2, age) for age in (0, 1, 2)]
        assert told[4:] == [(pytest.approx(-0.1), 1, age) for age in (0, 1, 2, 3)]

    def test_stocks_that_no_longer_trade_are_forgotten(self) -> None:
        rows = market([coin(number, "ETH", 0.0) for number in range(7)], [stock(0, "A", 0.1)])
        assert [row["stock_market_age"] for row in rows] == [0, 1, 2, 3, 4, 5, None]

    def test_what_is_late_is_not_used(self) -> None:
        late = coin(0, "BTC", 0.5) | {"known_ts": "2020-01-05 00:00:00"}
        (row,) = market([coin(0, "ETH", 0.1), late])
        assert (row["n_coins"], row["btc_log_return_1d"]) == (1, None)


class TestUniverse:
    """Whoever takes part in the market of a day is whoever had a candle on it, whatever became of it later."""

    def test_a_coin_that_died_counts_until_its_last_day(self) -> None:
        everything, _ = dying_market(1, days=400)
        living = everything.group_by("event_ts").len("alive").sort("event_ts")
        told = market_of(everything).sort("event_ts")
        assert told["n_coins"].to_list() == living["alive"].to_list()
        assert told["n_coins"][0] > told["n_coins"][-1]

    def test_a_death_changes_nothing_before_it(self) -> None:
        everything, _ = dying_market(1, days=400)
        until = FIRST + timedelta(days=250)
        whole = market_of(everything).filter(pl.col("event_ts") < until)
        assert whole.equals(market_of(everything.filter(pl.col("event_ts") < until)))

    def test_survivors_alone_make_the_past_look_better(self) -> None:
        everything, alive = dying_market(2)
        assert everything["symbol"].n_unique() > alive["symbol"].n_unique() + 5
        means = [
            market_of(coins).select("coin_market_return", "breadth").mean().row(0) for coins in (everything, alive)
        ]
        assert means[1][0] > means[0][0] + 0.0002
        assert means[1][1] > means[0][1] + 0.002


def returns_of(symbols: str, number: int, seed: int = 1) -> pl.DataFrame:
    """A common factor and some noise of each symbol's own."""
    chance = random.Random(seed)
    rows = []
    for n in range(number):
        common = chance.gauss(0, 0.04)
        rows += [(START + timedelta(days=n), symbol, common + chance.gauss(0, 0.02)) for symbol in symbols]
    return pl.DataFrame(rows, schema={"event_ts": TIME, "symbol": pl.String, "log_return_1d": pl.Float64}, orient="row")


class TestFactors:
    def test_the_first_is_the_common_one(self) -> None:
        returns = returns_of("ABCDEF", WINDOW + 30)
        found = factors(returns)
        mean = returns.group_by("event_ts").agg(mean=pl.col("log_return_1d").mean())
        both = found.join(mean, on="event_ts")
        assert len(found) == 31
        assert both.select(pl.corr("market_factor_1", "mean")).item() > 0.98
        assert both["market_factor_1_share"].min() > 0.6
        assert (found.select(SHARES).sum_horizontal() <= 1).all()

    def test_they_are_the_principal_components(self) -> None:
        returns = returns_of("ABCD", WINDOW)
        matrix = returns.pivot("symbol", index="event_ts", values="log_return_1d").drop("event_ts").to_numpy()
        standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
        variances = np.linalg.eigvalsh(np.corrcoef(matrix.T))[::-1]
        found = factors(returns).row(0, named=True)
        assert [found[name] for name in SHARES] == pytest.approx((variances / 4)[:3].tolist())
        everything = np.linalg.svd(standard)[0][-1, :3] * np.sqrt(WINDOW)
        assert [abs(found[name]) for name in FACTORS] == pytest.approx(np.abs(everything).tolist())

    def test_more_symbols_than_days_give_the_same(self) -> None:
        letters = "".join(chr(0x4E00 + number) for number in range(WINDOW + 20))
        returns = returns_of(letters, WINDOW)
        matrix = returns.pivot("symbol", index="event_ts", values="log_return_1d").drop("event_ts").to_numpy()
        variances = np.linalg.eigvalsh(np.corrcoef(matrix.T))[::-1] / len(letters)
        assert factors(returns).select(SHARES).row(0) == pytest.approx(variances[:3].tolist())

    def test_what_is_listed_later_changes_nothing(self) -> None:
        returns = returns_of("ABCD", WINDOW + 5)
        late = returns.filter(symbol="B").tail(4).with_columns(symbol=pl.lit("AA"), log_return_1d=pl.lit(0.5))
        assert factors(pl.concat([returns, late])).equals(factors(returns))

    def test_a_few_days_may_be_missing(self) -> None:
        returns = returns_of("ABC", WINDOW)
        holes = (
            returns.with_row_index()
            .filter(~((pl.col("symbol") == "B") & (pl.col("index") < 3 * MAY_MISS)))
            .drop("index")
        )
        assert len(factors(holes)) == 1
        more = returns.with_row_index().filter(~((pl.col("symbol") == "B") & (pl.col("index") < 3 * MAY_MISS + 3)))
        assert factors(more.drop("index")).is_empty(), "two members are not enough for three factors"

    def test_symbols_that_never_move_take_no_part(self) -> None:
        returns = returns_of("ABC", WINDOW)
        peg = returns.filter(symbol="A").with_columns(symbol=pl.lit("PEG"), log_return_1d=pl.lit(0.0))
        assert factors(pl.concat([returns, peg])).equals(factors(returns))


class TestSensitivity:
    def sensitivities(self, coin_rows: list[dict[str, object]], stock_rows: list[dict[str, object]]) -> pl.DataFrame:
        ethereum = [row for row in coin_rows if row["symbol"] == "ETH"]
        market = frame([{name: row[name] for name in ("close", "event_ts", "known_ts")} for row in ethereum])
        inputs = {
            COINS: coins(coin_rows),
            STOCKS: stocks(stock_rows),
            MARKET.table: market.rename({"close": "eth_close"}),
        }
        return computed(SENSITIVITY, inputs)

    def test_beta_and_correlation_of_a_coin(self) -> None:
        rows, close = [coin(0, "ETH", None, 100.0)], 100.0
        for number in range(1, 31):
            change = 0.1 if number % 2 else -0.05
            close *= 1 + change
            rows += [coin(number, "ETH", change, close), coin(number, "TWIN", (1 + change) ** 2 - 1)]
        found = self.sensitivities(rows, [stock(0, "A", None)])
        assert found["symbol"].unique().to_list() == ["TWIN"], "Ethereum itself has none"
        assert found["event_ts"].min() == utc(day(20)), "twenty returns are needed"
        last = found.row(-1, named=True)
        assert (last["beta_30d"], last["correlation_30d"]) == (pytest.approx(2, rel=1e-6), pytest.approx(1))
        assert last["beta_90d"] is None
        assert last["known_ts"] == utc(day(31))

    def test_stocks_are_compared_over_the_same_days(self) -> None:
        chance = random.Random(3)
        ethereum, close, closes = [], 100.0, {}
        for number in range(31):
            closes[number] = close
            ethereum.append(coin(number, "ETH", None, close))
            close *= 1 + chance.uniform(-0.1, 0.1)
        trading = [number for number in range(31) if (START + timedelta(days=number)).weekday() < 5]
        rows = [stock(trading[0], "A", None, None)]
        for before, now in pairwise(trading):
            rows.append(stock(now, "A", (closes[now] / closes[before]) ** 0.5 - 1, now - before))
        last = self.sensitivities(ethereum, rows).row(-1, named=True)
        assert (last["kind"], last["symbol"]) == ("stock", "A")
        assert (last["beta_30d"], last["correlation_30d"]) == (pytest.approx(0.5, rel=1e-6), pytest.approx(1))


class TestPredictors:
    def predictors(
        self, sensitivities: list[dict[str, object]], tweets: list[dict[str, object]], days: int
    ) -> list[dict[str, object]]:
        market = computed(
            MARKET,
            {
                COINS: coins([coin(number, "ETH", 0.1) for number in range(days)]),
                STOCKS: stocks([stock(-400, "A", 0.1)]),
            },
        )
        inputs = {MARKET.table: market.lazy(), SENSITIVITY.table: frame(sensitivities), TWEETS: frame(tweets)}
        return computed(PREDICTORS, inputs).to_dicts()

    def sensitivity(self, number: int, symbol: str, value: float, kind: str = "coin") -> dict[str, object]:
        measures = dict.fromkeys(["beta_30d", "beta_90d", "correlation_30d", "correlation_90d"], value)
        return {"kind": kind, "symbol": symbol, **measures, "event_ts": day(number), "known_ts": day(number + 1)}

    def tweet(self, time: str, text: str = "", is_reply: bool = False) -> dict[str, object]:
        return {"text": text, "is_reply": is_reply, "event_ts": time}

    def test_sensitivities_are_summarised(self) -> None:
        values = [self.sensitivity(0, "A", 0.0), self.sensitivity(0, "B", 0.5), self.sensitivity(0, "C", 1.0)]
        first, second = self.predictors(
            [*values, self.sensitivity(0, "S", 0.3, "stock")], [self.tweet(f"{day(-9)} 10:00:00")], 2
        )
        assert (first["coin_beta_30d_mean"], first["coin_beta_30d_median"]) == (0.5, 0.5)
        assert first["coin_correlation_90d_dispersion"] == pytest.approx(0.5)
        assert first["stock_beta_90d_median"] == 0.3
        assert second["coin_beta_30d_mean"] is None
        assert second["stock_beta_90d_median"] == 0.3, "stocks are as of the last trading day"

    def test_tweets_of_the_day(self) -> None:
        today = [self.tweet("2020-01-01 23:59:59", "Dogecoin", True), self.tweet("2020-01-01 05:00:00", "@tesla")]
        tweets = [*today, self.tweet("2019-12-31 10:00:00")]
        first, second = self.predictors([self.sensitivity(0, "A", 1.0)], tweets, 2)
        assert (first["n_tweets"], first["share_replies"]) == (2, 0.5)
        assert (first["n_tweets_dogecoin"], first["frequency_dogecoin"], first["frequency_tesla"]) == (1, 0.5, 0.5)
        assert (second["n_tweets"], second["n_tweets_dogecoin"]) == (0, 0), "a quiet day"
        assert (second["share_replies"], second["frequency_dogecoin"]) == (None, None)

    def test_long_silence_is_not_zero_tweets(self) -> None:
        rows = self.predictors([self.sensitivity(0, "A", 1.0)], [self.tweet(f"{day(0)} 10:00:00")], 33)
        assert [row["n_tweets"] for row in rows] == [1, *[0] * 30, None, None]
