"""The documented way to training data, on the real archives: features of a day stand beside that day's candle."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake, take_in_archives

SCRIPT = Path(__file__).parents[2] / "docs" / "training_data.py"
ARCHIVES = {
    "crypto_prices": ["cryptocurrency_historical_prices.zip"],
    "stock_prices": ["stock_prices_2020_2021.zip"],
    "elon_tweets": ["elon_musk_tweets.zip", "elon_musk_tweets_2010_2019.zip"],
}
VIEWS = ("crypto_daily", "stock_daily", "market_factors_daily", "tweet_daily")


@pytest.fixture(scope="module")
def lake(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The archives taken in, and the views that the script asks for."""
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("home"), settle_seconds=0))
    folder = real_data / "teraflow"
    take_in_archives(lake, {name: [folder / one for one in archives] for name, archives in ARCHIVES.items()})
    for name in VIEWS:
        materialize(lake, all_views()[name])
    return lake


def test_the_script_prints_days_that_are_aligned(lake: Lake) -> None:
    environment = {**os.environ, "CRYPTODUDEZ_HOME": str(lake.settings.home)}
    told = subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=True, timeout=300
    ).stdout
    counts = {view: tuple(map(_number, found)) for view, *found in re.findall(r"(\w+): on ([\d,]+) of ([\d,]+)", told)}
    assert counts == {
        "crypto_daily": (2159, 2159),
        "market_factors_daily": (2159, 2159),
        "tweet_daily": (counts["tweet_daily"][0],) * 2,
    }
    assert counts["tweet_daily"][0] > 1800


def test_a_day_without_tweets_has_none(lake: Lake) -> None:
    """Asked at the candle's own second, the day before would answer, and on a day without tweets the last one with some."""
    candles = lake.tables.scan("market.crypto_prices").filter(pl.col("symbol") == "ETH").select("event_ts").collect()
    asked = candles.with_columns(author=pl.lit("elonmusk"))
    found = historical_features(lake, all_views().values(), asked, ["tweet_daily:n_tweets"], moment="close").frame
    tweets = lake.tables.scan("social.elon_tweets").group_by(day=pl.col("event_ts").dt.date()).len("wrote").collect()
    days = found.with_columns(day=pl.col("event_ts").dt.date()).join(tweets, on="day", how="left")
    answered = days.drop_nulls("tweet_daily__n_tweets")
    assert answered.select((pl.col("wrote").fill_null(0) == pl.col("tweet_daily__n_tweets")).all()).item()
    assert answered["wrote"].null_count() > 400, "days without tweets are among them"


def _number(text: str) -> int:
    return int(text.replace(",", ""))
