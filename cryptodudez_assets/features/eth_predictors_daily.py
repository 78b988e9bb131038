"""The view `eth_predictors_daily`: one row a day with everything that may say something about Ethereum tomorrow."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features.days import as_contract, end_of
from cryptodudez_assets.features.declaration import FeatureView, Frames, Input
from cryptodudez_assets.features.eth_sensitivity_daily import MEASURES
from cryptodudez_assets.features.exact import deviation, mean, quotient
from cryptodudez_assets.features.market_factors_daily import TRADED_WITHIN, MarketFactorsDailyFeatures
from cryptodudez_assets.features.prices import ratio
from cryptodudez_assets.features.term_frequency_daily import counts
from cryptodudez_assets.features.tweet_daily import activity

MARKET, SENSITIVITY, TWEETS = "features.market_factors_daily", "features.eth_sensitivity_daily", "social.elon_tweets"
TERMS = ("dogecoin", "bitcoin", "ethereum", "tesla")
SILENCE = timedelta(days=30)


def count(description: str, unit: str) -> pl.Int64:
    """A column with a number of things that may be unknown."""
    field: pl.Int64 = pa.Field(description=description, nullable=True, ge=0, metadata={"unit": unit})
    return field


class EthPredictorsDailyFeatures(MarketFactorsDailyFeatures):
    """Everything known at the end of a UTC day that may bear on Ethereum, one row per day on which it has a candle.

    It ties every ticker to Ethereum and yet has the same columns for 20 symbols as for thousands: the main coins by
    name; all others through common factors, breadth and the mean stock (as in `market_factors_daily`), and through
    the middle and the dispersion of their betas and correlations. What concerns one symbol is in
    `eth_sensitivity_daily`, a row each. Stocks are as of the last trading day. Tweets are those of all recorded
    authors: on a day without, their number is 0, and null where none was recorded in the last 30 days.
    """

    coin_beta_30d_mean: float = ratio("Mean of the coins' betas to Ethereum, 30 days.")
    coin_beta_30d_median: float = ratio("Median of the coins' betas to Ethereum, 30 days.")
    coin_beta_30d_dispersion: float = ratio("Deviation of the coins' betas to Ethereum, 30 days.")
    coin_beta_90d_mean: float = ratio("Mean of the coins' betas to Ethereum, 90 days.")
    coin_beta_90d_median: float = ratio("Median of the coins' betas to Ethereum, 90 days.")
    coin_beta_90d_dispersion: float = ratio("Deviation of the coins' betas to Ethereum, 90 days.")
    coin_correlation_30d_mean: float = ratio("Mean of the coins' correlations with Ethereum, 30 days.")
    coin_correlation_30d_median: float = ratio("Median of the coins' correlations with Ethereum, 30 days.")
    coin_correlation_30d_dispersion: float = ratio("Deviation of the coins' correlations with Ethereum, 30 days.")
    coin_correlation_90d_mean: float = ratio("Mean of the coins' correlations with Ethereum, 90 days.")
    coin_correlation_90d_median: float = ratio("Median of the coins' correlations with Ethereum, 90 days.")
    coin_correlation_90d_dispersion: float = ratio("Deviation of the coins' correlations with Ethereum, 90 days.")
    stock_beta_30d_mean: float = ratio("Mean of the stocks' betas to Ethereum, 30 days.")
    stock_beta_30d_median: float = ratio("Median of the stocks' betas to Ethereum, 30 days.")
    stock_beta_30d_dispersion: float = ratio("Deviation of the stocks' betas to Ethereum, 30 days.")
    stock_beta_90d_mean: float = ratio("Mean of the stocks' betas to Ethereum, 90 days.")
    stock_beta_90d_median: float = ratio("Median of the stocks' betas to Ethereum, 90 days.")
    stock_beta_90d_dispersion: float = ratio("Deviation of the stocks' betas to Ethereum, 90 days.")
    stock_correlation_30d_mean: float = ratio("Mean of the stocks' correlations with Ethereum, 30 days.")
    stock_correlation_30d_median: float = ratio("Median of the stocks' correlations with Ethereum, 30 days.")
    stock_correlation_30d_dispersion: float = ratio("Deviation of the stocks' correlations with Ethereum, 30 days.")
    stock_correlation_90d_mean: float = ratio("Mean of the stocks' correlations with Ethereum, 90 days.")
    stock_correlation_90d_median: float = ratio("Median of the stocks' correlations with Ethereum, 90 days.")
    stock_correlation_90d_dispersion: float = ratio("Deviation of the stocks' correlations with Ethereum, 90 days.")
    n_tweets: pl.Int64 = count("Tweets of the day.", "tweets")
    share_replies: float = ratio("Share of them that answer somebody else; null without tweets.")
    n_tweets_dogecoin: pl.Int64 = count("Tweets of the day that contain `dogecoin`.", "tweets")
    frequency_dogecoin: float = ratio("Share of the day's tweets that contain `dogecoin`; null without tweets.")
    n_tweets_bitcoin: pl.Int64 = count("Tweets of the day that contain `bitcoin`.", "tweets")
    frequency_bitcoin: float = ratio("Share of the day's tweets that contain `bitcoin`; null without tweets.")
    n_tweets_ethereum: pl.Int64 = count("Tweets of the day that contain `ethereum`.", "tweets")
    frequency_ethereum: float = ratio("Share of the day's tweets that contain `ethereum`; null without tweets.")
    n_tweets_tesla: pl.Int64 = count("Tweets of the day that contain `tesla`.", "tweets")
    frequency_tesla: float = ratio("Share of the day's tweets that contain `tesla`; null without tweets.")


def transform(frames: Frames) -> pl.LazyFrame:
    """Market, sensitivities and tweets to one row a day."""
    rows = frames[MARKET].drop("known_ts").join(_summary(frames[SENSITIVITY], "coin"), on="event_ts", how="left")
    stocks = _summary(frames[SENSITIVITY], "stock").rename({"event_ts": "trading_day"}).sort("trading_day")
    rows = rows.sort("event_ts").join_asof(
        stocks, left_on="event_ts", right_on="trading_day", tolerance=TRADED_WITHIN, coalesce=False
    )
    rows = _with_tweets(rows, frames[TWEETS])
    return as_contract(rows.with_columns(known_ts=end_of("event_ts")), EthPredictorsDailyFeatures)


def _summary(sensitivities: pl.LazyFrame, kind: str) -> pl.LazyFrame:
    """Middle and dispersion of all symbols of a kind, per day."""
    statistics = {"mean": mean, "median": pl.Expr.median, "dispersion": deviation}
    return (
        sensitivities.filter(kind=kind)
        .group_by("event_ts")
        .agg(
            of(pl.col(measure)).alias(f"{kind}_{measure}_{name}")
            for measure in MEASURES
            for name, of in statistics.items()
        )
    )


def _with_tweets(rows: pl.LazyFrame, tweets: pl.LazyFrame) -> pl.LazyFrame:
    days = activity(tweets, ["event_ts"]).select("event_ts", "n_tweets", "share_replies")
    found = counts(tweets, ["event_ts"], TERMS)
    for term in TERMS:
        of_term = found.filter(term=term).select("event_ts", pl.col("n_tweets").alias(f"n_tweets_{term}"))
        days = days.join(of_term, on="event_ts")
    numbers = ["n_tweets", *(f"n_tweets_{term}" for term in TERMS)]
    heard = days.select(pl.col("event_ts").alias("heard")).sort("heard")
    rows = rows.join(days, on="event_ts", how="left").sort("event_ts")
    rows = rows.join_asof(heard, left_on="event_ts", right_on="heard", tolerance=SILENCE, coalesce=False)
    rows = rows.with_columns(pl.when(pl.col("heard").is_not_null()).then(pl.col(numbers).fill_null(0)))
    return rows.with_columns(
        quotient(pl.col(f"n_tweets_{term}"), pl.col("n_tweets")).alias(f"frequency_{term}") for term in TERMS
    )


VIEW = FeatureView(
    name="eth_predictors_daily",
    contract=EthPredictorsDailyFeatures,
    owner="team:quant-research",
    key=[],
    inputs=[
        Input(MARKET, [name for name in polars_schema(MarketFactorsDailyFeatures) if not name.endswith("_ts")]),
        Input(SENSITIVITY, ["kind", "symbol", *MEASURES]),
        Input(TWEETS, ["text", "is_reply"], known="event_ts"),
    ],
    transform=transform,
    window=SILENCE,
    ttl=timedelta(days=3),
    tags={"domain": "ethereum"},
)
