"""Features of the real archives, against what two other readings of the same bytes found."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.features.look_ahead import look_ahead, look_back, perturb
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets_tests.feature_frames import ingested, utc, with_views
from cryptodudez_assets_tests.stores import Store

TWEETS = dict(zip(range(2010, 2022), [1, 42, 272, 422, 188, 328, 753, 1161, 2288, 2932, 3330, 3107], strict=True))
ARCHIVES = {
    "crypto_prices": ["cryptocurrency_historical_prices.zip"],
    "elon_tweets": ["elon_musk_tweets.zip", "elon_musk_tweets_2010_2019.zip"],
    "stock_prices": ["stock_prices_2020_2021.zip"],
}

RECORDINGS = "bitso/order_book_recordings"
# Within what the archives hold; of most, the newest tweet of one of them.
LOOKED_AT = {"spread_minutely": "2024-07-30 22:05:17"}
NEWEST_TWEET = "2020-12-28 19:46:18"

# The candles of the stock market are many: `stock_market_real_test.py` is about them.
VIEWS = [view for view in all_views().values() if "market.stock_market" not in {one.table for one in view.inputs}]

each_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


@pytest.fixture(scope="module")
def started() -> datetime:
    """Before anything landed."""
    return now()


@pytest.fixture(scope="module")
def frames(real_data: Path, tmp_path_factory: pytest.TempPathFactory, started: datetime) -> dict[str, pl.LazyFrame]:
    """The tables made from the real archives, and all views over them."""
    archives = {source: [real_data / "teraflow" / name for name in names] for source, names in ARCHIVES.items()}
    archives["bitso_order_book"] = sorted((real_data / RECORDINGS).iterdir())
    return with_views(ingested(Store().settings(tmp_path_factory.mktemp("home")), archives))


def test_tweets_per_year(frames: dict[str, pl.LazyFrame]) -> None:
    newest = frames["features.tweet_daily"].sort("known_ts").unique(["author", "event_ts"], keep="last").collect()
    years = newest.group_by(pl.col("event_ts").dt.year()).agg(pl.col("n_tweets", "n_observed").sum())
    assert {year: n for year, n, _ in years.iter_rows()} == TWEETS
    assert {year: n for year, _, n in years.iter_rows()} == TWEETS, "in the end every tweet was observed"


def test_tweets_per_day(frames: dict[str, pl.LazyFrame]) -> None:
    newest = frames["features.tweet_daily"].select("event_ts", "n_tweets").unique().collect()
    days = frames["social.elon_tweets"].group_by(pl.col("event_ts").dt.date()).len().collect()
    assert {day.date(): n for day, n in newest.iter_rows() if n} == dict(days.iter_rows())
    assert len(newest) == len(newest.filter(pl.col("n_tweets") > 0)) + 1098, "days of zeros"


def test_the_newest_engagement_is_that_of_the_tweets(frames: dict[str, pl.LazyFrame]) -> None:
    columns = ["id", "likes", "retweets", "replies", "event_ts", "known_ts"]
    versions = frames["features.tweet_engagement"].sort("known_ts").collect()
    newest = versions.unique("id", keep="last", maintain_order=True).select(columns).sort("id")
    assert len(versions) == 14_824, "archives that land together are one look at each tweet"
    assert newest.equals(frames["social.elon_tweets"].select(columns).sort("id").collect())


def test_no_likes_are_known_before_the_archives_landed(frames: dict[str, pl.LazyFrame], started: datetime) -> None:
    engagement = frames["features.tweet_engagement"].collect()
    assert engagement["known_ts"].min() >= started  # type: ignore[operator]
    days = frames["features.tweet_daily"].filter(pl.col("n_tweets") > 0).collect()
    counts = ["likes", "retweets", "replies", "likes_mean", "likes_median", "likes_max"]
    before = days.filter(pl.col("known_ts") < started)
    assert len(before) > 2000
    assert set(before.select(counts).null_count().row(0)) == {len(before)}
    assert set(before["n_observed"]) == {0}
    assert days.filter(pl.col("likes").is_not_null())["known_ts"].min() >= started  # type: ignore[operator]


def test_dogecoin_in_2019(frames: dict[str, pl.LazyFrame]) -> None:
    rows = frames["features.term_frequency_daily"].filter(pl.col("n_tweets") > 0, term="dogecoin").collect()
    (row,) = rows.filter(pl.col("event_ts").dt.year() == 2019).iter_rows(named=True)
    assert row["event_ts"] == utc("2019-04-02")
    assert (row["n_tweets"], row["n_tweets_without_mentions"], row["n_tweets_all"]) == (4, 3, 8)
    assert row["known_ts"] == utc("2019-04-03")


def test_returns_around_dogecoins_day(frames: dict[str, pl.LazyFrame]) -> None:
    day = frames["features.crypto_daily"].filter(pl.col("event_ts") == utc("2019-04-02")).collect()
    returns = dict(day.select("symbol", "log_return_1d").iter_rows())
    assert returns["DOGE"] == pytest.approx(0.127, abs=5e-4)
    assert returns["BTC"] == pytest.approx(0.160, abs=5e-4)


def test_the_day_after_a_missing_candle_has_no_return(frames: dict[str, pl.LazyFrame]) -> None:
    ethereum = frames["features.crypto_daily"].filter(symbol="ETH").collect()
    without = ethereum.filter(pl.col("return_1d").is_null())["event_ts"].dt.date()
    assert utc("2018-09-08") not in ethereum["event_ts"]
    assert [str(day) for day in without] == [str(ethereum["event_ts"].dt.date().min()), "2018-09-09"]


def test_what_was_not_recorded_stays_null(frames: dict[str, pl.LazyFrame]) -> None:
    candles = frames["market.crypto_prices"].select(pl.any_horizontal(pl.col("volume", "market_cap").is_null()).sum())
    assert frames["features.crypto_daily"].collect()["turnover"].null_count() == candles.collect().item()


def test_every_day_of_ethereum_has_predictors(frames: dict[str, pl.LazyFrame]) -> None:
    rows = frames["features.eth_predictors_daily"].collect()
    assert len(rows) == 2159
    assert rows.select("market_factor_1", "coin_beta_90d_median", "n_tweets").tail(2000).null_count().row(0) == (
        0,
        0,
        0,
    )
    assert rows.select(pl.corr("market_factor_1", "eth_log_return_1d")).item() > 0.5


@each_view
def test_nothing_looks_ahead(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    t = utc(LOOKED_AT.get(view.name, NEWEST_TWEET))
    before, behind = (
        (timedelta(days=300), timedelta(days=8)) if view.name not in LOOKED_AT else [timedelta(minutes=9)] * 2
    )
    assert not look_ahead(view, frames, t)
    assert not perturb(view, frames, t - before)
    assert not look_back(view, frames, t + behind)
