"""Training data for ETH in a few lines: features as they were known at each day's close, and tomorrow's return as the label.

Run it after `make demo`: `.venv/bin/python docs/training_data.py`.
"""

import sys

import polars as pl

from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

lake = Lake.open(Settings(), all_sources())

# What to predict: one row per day, asked at the moment at which its candle closed.
candles = lake.tables.scan("market.crypto_prices").filter(pl.col("symbol") == "ETH").sort("event_ts")  # type: ignore[union-attr]
days = candles.select("symbol", "event_ts", label=pl.col("close").shift(-1) / pl.col("close") - 1).collect()

# What was known then: joined by `known_ts`, never by what was learnt later.
features = ["crypto_daily:return_7d", "crypto_daily:volatility_30d", "market_factors_daily", "tweet_daily:n_tweets"]
features += ["tweet_daily:likes"]
training = historical_features(lake, all_views().values(), days.with_columns(author=pl.lit("elonmusk")), features)

sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not be able to show frames
print(training.frame.tail())
likes = training.frame["tweet_daily__likes"]
print(
    f"likes are known on {likes.count():,} of {len(likes):,} days: not before the archives that tell them landed here"
)
print("made from the snapshots", training.snapshot_ids)
