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

# What to predict: one row per day, by its candle. A candle ends in the last second of its day.
candles = lake.tables.scan("market.crypto_prices").filter(pl.col("symbol") == "ETH").sort("event_ts")  # type: ignore[union-attr]
days = candles.select("symbol", "event_ts", label=pl.col("close").shift(-1) / pl.col("close") - 1).collect()

# What was known when the day was over: joined by `known_ts`, never by what was learnt later.
features = ["crypto_daily:close", "crypto_daily:return_7d", "crypto_daily:volatility_30d", "market_factors_daily"]
features += ["tweet_daily:n_tweets", "tweet_daily:likes"]
asked = days.with_columns(author=pl.lit("elonmusk"))
training = historical_features(lake, all_views().values(), asked, features, moment="close", with_times=True)
rows = training.frame

sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not be able to show frames
print(rows.select(days.columns, pl.col("^.*__n_tweets$", "^.*__return_7d$", "^.*__breadth$")).tail())
for view in ("crypto_daily", "market_factors_daily", "tweet_daily"):
    taken = rows[f"{view}__event_ts"].drop_nulls()
    same = rows.filter(pl.col(f"{view}__event_ts").dt.date() == pl.col("event_ts").dt.date())
    print(f"{view}: on {len(same):,} of {len(taken):,} days with features these are of the day itself")
likes = rows.filter(pl.col("tweet_daily__n_tweets") > 0)["tweet_daily__likes"]
print(f"likes are known on {likes.count():,} of {len(likes):,} days with tweets: not before their archives landed here")
print("made from the snapshots", training.snapshot_ids)
