"""Views that look ahead, each in another way, on simulated archives: what the look-ahead check must find, and what it cannot.

The archives have gaps, nulls and jumps planted, since some leaks show only there.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.candles.candle_days import REVISIONS, candle_days
from cryptodudez_assets.candles.candle_revisions import revisions
from cryptodudez_assets.features import FeatureContract, FeatureView, Input, all_views
from cryptodudez_assets.features.declaration import Frames
from cryptodudez_assets.features.look_ahead_check import check, read_for_check
from cryptodudez_assets.simulator import Size, simulate
from cryptodudez_assets_tests.feature_frames import ingested, with_views
from cryptodudez_assets_tests.stores import Store

SEEDS = 20
# Coins and stocks over the same years, so that every view has rows with values.
LAST_DAY = date(2021, 6, 30)
SIZE = Size(coins=6, crypto_days=420, tweets=400, stock_symbols=5, stock_days=280)
COINS, STOCKS, SEEN = "market.crypto_prices", "market.stock_prices", "social.elon_tweet_observations"
BOOKS, CANDLES, ARCHIVES = "market.order_book_spreads", "market.candle_days", "market.binance_archives"
ACCOUNTS = ("deposits", "withdrawals", "events", "users", "user_levels")
SHIFT = pl.col("close").shift(-1).over("symbol")
MOVE = pl.col("close") / pl.col("close").shift(1).over("symbol") - 1
DAY, WEEKDAY = pl.col("event_ts").dt.truncate("1d"), pl.col("event_ts").dt.weekday()
MONTH_END = DAY.dt.month_end() == DAY


class Toy(FeatureContract):
    """A number for each symbol and time."""

    symbol: str = pa.Field(description="Ticker.")
    value: float = pa.Field(description="The number.", nullable=True)


class ToyText(FeatureContract):
    """A word for each symbol and time."""

    symbol: str = pa.Field(description="Ticker.")
    value: str = pa.Field(description="The word.", nullable=True)


class ToyLikes(FeatureContract):
    """Likes of a tweet."""

    id: pl.Int64 = pa.Field(description="Tweet.")
    value: pl.Int64 = pa.Field(description="Likes.")


Step = Callable[[pl.LazyFrame], pl.LazyFrame]


def of_coins(step: Step, contract: type[FeatureContract] = Toy) -> FeatureView:
    """A view of coins' candles, in the shape of `crypto_daily`."""

    def transform(frames: Frames) -> pl.LazyFrame:
        return step(frames[COINS].sort("symbol", "event_ts")).select("symbol", "value", "event_ts", "known_ts")

    inputs = [Input(COINS, ["symbol", "high", "low", "close", "volume", "market_cap"])]
    return _view("toy_coins", contract, ["symbol"], inputs, transform)


def of_value(value: pl.Expr, contract: type[FeatureContract] = Toy) -> FeatureView:
    """A view of coins' candles with one expression over them."""
    return of_coins(lambda rows: rows.with_columns(value=value), contract)


def with_ether(join: Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]) -> FeatureView:
    """A view of stocks' candles and Ether's, known at the stock's close, in the shape of `eth_sensitivity_daily`."""

    def transform(frames: Frames) -> pl.LazyFrame:
        ether = frames[COINS].filter(symbol="ETH").sort("event_ts").select(ether="close", at="event_ts")
        rows = join(frames[STOCKS].sort("event_ts"), ether)
        return rows.select("symbol", (pl.col("close") / pl.col("ether")).alias("value"), "event_ts", "known_ts")

    inputs = [Input(STOCKS, ["symbol", "date", "close"]), Input(COINS, ["symbol", "close"])]
    return _view("toy_stocks", Toy, ["symbol"], inputs, transform)


def of_likes(step: Step, known: str = "known_ts") -> FeatureView:
    """A view of tweets' likes, in the shape of `tweet_engagement`; rows are known when the input's are."""

    def transform(frames: Frames) -> pl.LazyFrame:
        rows = frames[SEEN].sort(known, "likes").unique(["id", known], keep="last", maintain_order=True)
        return step(rows).select("id", pl.col("likes").alias("value"), "event_ts", pl.col(known).alias("known_ts"))

    return _view("toy_likes", ToyLikes, ["id"], [Input(SEEN, ["id", "likes"], known)], transform)


def wrapped(name: str, step: Step) -> FeatureView:
    """A view of the project with a step after its own."""
    view = all_views()[name]
    return replace(view, transform=lambda frames: step(view.transform(frames)))


def _view(
    name: str,
    contract: type[FeatureContract],
    key: list[str],
    inputs: list[Input],
    transform: Callable[[Frames], pl.LazyFrame],
) -> FeatureView:
    month = timedelta(days=30)
    return FeatureView(name, contract, "team:tests", key, inputs, transform, month, month)


def where(condition: pl.Expr, leak: pl.Expr = SHIFT) -> FeatureView:
    """The close, but something else where a condition holds."""
    return of_value(pl.when(condition).then(leak).otherwise("close"))


def _filled_backwards(rows: pl.LazyFrame) -> pl.LazyFrame:
    """A row for every day, also where there is no candle."""
    days = rows.with_columns(day=DAY).collect().upsample("day", every="1d", group_by="symbol", maintain_order=True)
    end = pl.col("day").dt.offset_by("1d")
    return days.lazy().with_columns(
        pl.col("symbol").forward_fill(), pl.col("close").backward_fill().alias("value"), event_ts="day", known_ts=end
    )


def _weekly(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The week's last close, on the week's first day."""
    week = rows.group_by_dynamic("event_ts", every="1w", label="left", group_by="symbol", start_by="monday")
    return week.agg(value=pl.col("close").last()).with_columns(known_ts=pl.col("event_ts").dt.offset_by("1d"))


def _early(condition: pl.Expr) -> Step:
    """Known at the day's beginning where a condition holds."""
    return lambda rows: rows.with_columns(value="close", known_ts=pl.when(condition).then(DAY).otherwise("known_ts"))


def _of_the_day(stocks: pl.LazyFrame, ether: pl.LazyFrame) -> pl.LazyFrame:
    return stocks.join(ether.with_columns(date=pl.col("at").dt.date()), on="date", how="left")


def _nearest(stocks: pl.LazyFrame, ether: pl.LazyFrame) -> pl.LazyFrame:
    return stocks.join_asof(ether, left_on="event_ts", right_on="at", strategy="nearest")


def _before(stocks: pl.LazyFrame, ether: pl.LazyFrame) -> pl.LazyFrame:
    return stocks.join_asof(ether, left_on="event_ts", right_on="at")


def _at_the_event(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.unique("id", keep="last").with_columns(known_ts="event_ts")


ONE_DAY = datetime(2020, 10, 14, tzinfo=UTC)
FORWARD = SHIFT / pl.col("close") - 1
RECENT = pl.col("event_ts") >= pl.lit(datetime(2021, 6, 10, tzinfo=UTC))

LEAKS: Mapping[str, FeatureView] = {
    "centred window": of_value(pl.col("close").rolling_mean(5, center=True).over("symbol")),
    "scaled by the mean of all time": of_value(pl.col("close") / pl.col("close").mean().over("symbol")),
    "rank in all time": of_value(pl.col("close").rank().over("symbol")),
    "quantile bins of all time, as words": of_value(
        (pl.col("close").rank().over("symbol") / pl.len().over("symbol") * 4).ceil().cast(pl.String), ToyText
    ),
    "known at the day's beginning": of_coins(_early(pl.lit(value=True))),
    "known at the day's beginning, on Fridays only": of_coins(_early(WEEKDAY == 5)),
    "known at the day's beginning, without volume only": of_coins(_early(pl.col("volume").is_null())),
    "next close at month ends": where(MONTH_END),
    "next close at the year's end": where(MONTH_END & (DAY.dt.month() == 12)),
    "next close at month starts": where(DAY.dt.day() == 1),
    "next close of one symbol at month ends": where(MONTH_END & (pl.col("symbol") == "DOGE")),
    "next close after moves over 25 %": where(MOVE.abs() > 0.25),
    "next close after rises over 25 %": where(MOVE > 0.25),
    "next close after falls over 25 %": where(MOVE < -0.25),
    "next close after a record volume": where(pl.col("volume") > pl.col("volume").cum_max().shift().over("symbol")),
    "next close in the last 5 % of history": where(RECENT),
    "next close of one symbol": where(pl.col("symbol") == "DOGE"),
    "next volume, at weekends only": where(WEEKDAY > 5, pl.col("volume").shift(-1).over("symbol")),
    "gaps filled backwards": of_coins(_filled_backwards),
    "nulls filled backwards": of_value(pl.col("volume").backward_fill().over("symbol")),
    "nulls interpolated": of_value(pl.col("volume").interpolate().over("symbol")),
    "next close before a gap": where(DAY.shift(-1).over("symbol") - DAY > timedelta(days=1)),
    "whether the next day has a candle": of_value(
        (DAY.shift(-1).over("symbol") - DAY == timedelta(days=1)).fill_null(value=False).cast(pl.Float64)
    ),
    "highest of the calendar year": of_value(pl.col("close") / pl.col("high").max().over("symbol", DAY.dt.year())),
    "whether the next close is higher, as a word": of_value(
        pl.when(pl.col("close") < SHIFT).then(pl.lit("up")).otherwise(pl.lit("down")), ToyText
    ),
    "mean next return of the weekday, of all time": of_value(FORWARD.mean().over("symbol", WEEKDAY)),
    "sum from the last row to the first": of_value(pl.col("volume").cum_sum(reverse=True).over("symbol")),
    "close half a year later": of_value(pl.col("close").shift(-180).over("symbol")),
    "only rows before a rise": of_coins(lambda rows: rows.filter(pl.col("close") < SHIFT).with_columns(value="close")),
    "weeks labelled by their first day": of_coins(_weekly),
    "stock at its close with Ether's close of the day": with_ether(_of_the_day),
    "stock with the nearest of Ether's closes": with_ether(_nearest),
    "likes known when the tweet was written": of_likes(_at_the_event),
    "only the newest likes, since then": of_likes(lambda rows: rows.unique("id", keep="last")),
    "`crypto_daily` with next day's return at month ends": wrapped(
        "crypto_daily",
        lambda rows: rows.with_columns(
            return_1d=pl.when(MONTH_END).then(pl.col("return_1d").shift(-1).over("symbol")).otherwise("return_1d")
        ),
    ),
    "`stock_daily` with volatility scaled over all time": wrapped(
        "stock_daily", lambda rows: rows.with_columns(pl.col("volatility_30d") / pl.col("volatility_30d").max())
    ),
    "`eth_predictors_daily` with tomorrow's tweets": wrapped(
        "eth_predictors_daily", lambda rows: rows.with_columns(pl.col("n_tweets").shift(-1))
    ),
}
"""Each must be found."""

HARD: Mapping[str, tuple[FeatureView, str]] = {
    "next close on four ordinary days of a year": (
        where((DAY.dt.ordinal_day() % 100).is_in([50])),
        "too rare: found only if one of the moments at random is such a day",
    ),
    "next close on one ordinary day": (where(pl.lit(ONE_DAY) == DAY), "the same"),
    "divided by a constant that was found in all time": (
        of_value(pl.col("close") / 731.25),
        "what is written in the code was known to whoever wrote it, whatever the inputs hold",
    ),
    "likes of an input that says it is known at the event": (
        of_likes(lambda rows: rows.unique("id", keep="last"), known="event_ts"),
        "`known_ts` of an input is taken for granted; who declares it too early is believed",
    ),
}
"""These need not be found: too rare, or by construction."""

HONEST: Mapping[str, FeatureView] = {
    "return since the day before": of_value(MOVE),
    "stock with the last of Ether's closes": with_ether(_before),
    "all observations of likes": of_likes(lambda rows: rows),
}


def planted_archives(folder: Path) -> dict[str, pl.LazyFrame]:
    """The tables made from simulated archives, and all views over them; coins have gaps, nulls and jumps."""
    archives, home = folder / "archives", folder / "home"
    simulate(archives, SIZE, last_day=LAST_DAY)
    of_markets = (
        "binance_archives",
        "binance_klines",
        "bitso_order_book",
        "crypto_prices",
        "stock_market",
        "stock_prices",
    )
    sources = (*of_markets, "bitcoin_tweets", "elon_tweets", *ACCOUNTS)
    tables = ingested(Store().settings(home), {name: sorted((archives / name).iterdir()) for name in sources})
    odd = {
        ARCHIVES: _told_otherwise(tables[ARCHIVES].collect()),
        BOOKS: _told_late(tables[BOOKS].collect()),
        COINS: _with_oddities(tables[COINS].collect()),
        SEEN: _seen_over_years(tables[SEEN].collect()),
    }
    candles = _days_the_archive_lacks(candle_days({REVISIONS: revisions(tables)}).collect(), odd[COINS])
    return with_views({**tables, CANDLES: candles.lazy(), **{name: rows.lazy() for name, rows in odd.items()}})


def _days_the_archive_lacks(candles: pl.DataFrame, coins: pl.DataFrame) -> pl.DataFrame:
    """Candles of its gaps and of two months after its end, each told an hour after its day."""
    last = candles["event_ts"].max()
    after = candles.filter(pl.col("event_ts") > last - timedelta(days=60)).with_columns(
        pl.col("event_ts") + pl.duration(days=60)
    )
    gaps = candles.join(coins, left_on=["coin", "event_ts"], right_on=["symbol", "event_ts"], how="anti")
    return pl.concat([gaps, after]).with_columns(known_ts=pl.col("event_ts") + pl.duration(hours=1))


def _with_oddities(coins: pl.DataFrame) -> pl.DataFrame:
    """Three days without candles, a few without volume, and two jumps that stay."""
    days = coins["event_ts"].unique().sort()
    symbol, time = pl.col("symbol"), pl.col("event_ts")
    gap = (symbol == "DOGE") & time.is_in(days[[100, 201, 202]].implode())
    no_volume = (symbol == "LTC") & time.is_in(days[[150, 151, 300]].implode())
    risen = pl.when((symbol == "ETH") & (time >= days[130])).then(1.4)
    factor = risen.when((symbol == "DOGE") & (time >= days[333])).then(0.6).otherwise(1.0)
    prices = pl.col("open", "high", "low", "close", "market_cap") * factor
    return coins.filter(~gap).with_columns(prices, pl.when(~no_volume).then("volume").alias("volume"))


def _told_otherwise(candles: pl.DataFrame) -> pl.DataFrame:
    """One candle in five has another volume than the exchange's API tells."""
    odd = pl.int_range(pl.len()) % 5 == 2
    return candles.with_columns(volume=pl.when(odd).then(pl.col("volume") + 1).otherwise("volume"))


def _told_late(seconds: pl.DataFrame) -> pl.DataFrame:
    """One second in seven is known so late that its minute is over."""
    late = pl.col("known_ts") + pl.duration(seconds=95)
    odd = pl.int_range(pl.len()) % 7 == 3
    return seconds.sort("book", "event_ts").with_columns(known_ts=pl.when(odd).then(late).otherwise("known_ts"))


def _seen_over_years(observations: pl.DataFrame) -> pl.DataFrame:
    """As if somebody had looked at a tweet's likes each New Year after it was written."""
    number = pl.int_range(pl.len()).over("id")
    year = pl.datetime(pl.col("event_ts").dt.year() + 1 + number, 1, 1, 4, 55, 56, time_unit="us", time_zone="UTC")
    return observations.sort("id", "file_id", "file_row").with_columns(known_ts=year)


def is_caught(view: FeatureView, frames: Frames, seed: int) -> bool:
    """Whether the check finds anything, with the moments of this seed."""
    random = Random(f"{seed} {view.name}")
    rows, _ = read_for_check(view, frames, random)
    return any(looked.compared.differences for looked in check(view, rows, random))


def caught(view: FeatureView, frames: Frames, seeds: range = range(SEEDS)) -> int:
    """With how many of these seeds the check finds anything."""
    return sum(is_caught(view, frames, seed) for seed in seeds)
