"""Views of a coin, `<coin>_predictors_daily`: one row a day with everything that may say something about it tomorrow."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Column, columns_of
from cryptodudez_assets.declared_models.signal import Coin
from cryptodudez_assets.features.coin_days import MARKET, TTL, close_of, own_returns, table_of_days
from cryptodudez_assets.features.coin_sensitivity import MEASURES
from cryptodudez_assets.features.days import as_contract, end_of
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import deviation, mean, quotient
from cryptodudez_assets.features.main_coins import DAYS_OF, MAIN_COINS
from cryptodudez_assets.features.market_factors_daily import TRADED_WITHIN, MarketFactorsDailyFeatures
from cryptodudez_assets.features.prices import ratio
from cryptodudez_assets.features.silent_days import SILENCE
from cryptodudez_assets.features.term_frequency_daily import counts
from cryptodudez_assets.features.tweet_daily import activity

TWEETS = "social.elon_tweets"
STATISTICS = {"mean": mean, "median": pl.Expr.median, "dispersion": deviation}
SAID = {"mean": "Mean", "median": "Median", "dispersion": "Deviation"}
RELATION = {"beta": "betas to", "correlation": "correlations with"}
MEANING = """Everything known at the end of a UTC day that may bear on {coin}, one row per day on which it has a candle.

    It ties every ticker to {coin} and yet has the same columns for 20 symbols as for thousands: the main coins by
    name; all others through common factors, breadth and the mean stock (as in `market_factors_daily`), and through
    the middle and the dispersion of their betas and correlations. What concerns one symbol is in
    `{sensitivity}`, a row each. Stocks are as of the last trading day. Tweets are those of all recorded
    authors: on a day without, their number is 0, and null where none was recorded in the last 30 days.
    """


@cache
def predictors_view(coin: Coin) -> FeatureView:
    """The view of this coin."""
    contract = _contract(coin)
    days, sensitivity = table_of_days(coin), f"features.{coin.sensitivity}"
    of_days = [close_of(coin), *(own_returns(coin) if coin.symbol not in MAIN_COINS else ())]
    of_market = [column.name for column in _of_market()]
    # The markets' own coin has its close among them.
    read = {days: of_days, MARKET: of_market} if days != MARKET else {MARKET: [*of_days, *of_market]}

    def transform(frames: Frames) -> pl.LazyFrame:
        """Market, sensitivities and tweets to one row a day."""
        rows = frames[days].select("event_ts", *read[days])
        if days != MARKET:
            rows = rows.join(frames[MARKET].select("event_ts", *of_market), on="event_ts", how="left")
        rows = rows.join(_summary(frames[sensitivity], "coin"), on="event_ts", how="left")
        stocks = _summary(frames[sensitivity], "stock").rename({"event_ts": "trading_day"}).sort("trading_day")
        rows = rows.sort("event_ts").join_asof(
            stocks, left_on="event_ts", right_on="trading_day", tolerance=TRADED_WITHIN, coalesce=False
        )
        rows = _with_tweets(rows, frames[TWEETS], coin.terms)
        return as_contract(rows.with_columns(known_ts=end_of("event_ts")), contract)

    return FeatureView(
        name=coin.predictors,
        contract=contract,
        owner="team:quant-research",
        key=[],
        inputs=[
            *(Input(table, columns) for table, columns in read.items()),
            Input(sensitivity, ["kind", "symbol", *MEASURES]),
            Input(TWEETS, ["text", "is_reply"], known="event_ts"),
        ],
        transform=transform,
        window=SILENCE,
        ttl=TTL,
        tags={"domain": coin.name.lower()},
        made_for=(coin,),
    )


def _of_market() -> list[Column]:
    """The market's columns but for the close of the coin whose days it has."""
    left_out = {"event_ts", "known_ts", f"{DAYS_OF.lower()}_close"}
    return [column for column in columns_of(MarketFactorsDailyFeatures) if column.name not in left_out]


def _contract(coin: Coin) -> type[FeatureContract]:
    market = MarketFactorsDailyFeatures if coin.symbol == DAYS_OF else _market_on_days_of(coin)
    doc = MEANING.format(coin=coin.name, sensitivity=coin.sensitivity)
    return _made(f"{coin.prefix.capitalize()}PredictorsDailyFeatures", market, doc, dict(_own_columns(coin)))


def _market_on_days_of(coin: Coin) -> type[FeatureContract]:
    """What the market did on the days of another coin: some of them may be none of the market's."""
    close = pa.Field(description=f"Last price of {coin.name}.", metadata={"unit": "USD"})
    columns: dict[str, tuple[Any, Any]] = {close_of(coin): (float, close)}
    if coin.symbol not in MAIN_COINS:
        columns |= {name: (float, ratio(meaning)) for name, meaning in own_returns(coin).items()}
    for column in _of_market():
        field = pa.Field(description=column.description, nullable=True, metadata={"unit": column.unit})
        columns[column.name] = (pl.Int64 if column.dtype == pl.Int64 else float, field)
    return _made("Market", FeatureContract, "", columns)


def _made(
    name: str, base: type[FeatureContract], doc: str, columns: Mapping[str, tuple[Any, Any]]
) -> type[FeatureContract]:
    """A contract of columns with their types and fields."""
    told = {
        "__doc__": doc,
        "__module__": __name__,
        "__annotations__": {column: dtype for column, (dtype, _) in columns.items()},
        **{column: field for column, (_, field) in columns.items()},
    }
    return type(name, (base,), told)


def _own_columns(coin: Coin) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Name, type and field of each column beside the market's, in the table's order."""
    for kind in ("coin", "stock"):
        for measure in MEASURES:
            relation, days = measure.removesuffix("d").split("_")
            for statistic, said in SAID.items():
                meaning = f"{said} of the {kind}s' {RELATION[relation]} {coin.name}, {days} days."
                yield f"{kind}_{measure}_{statistic}", (float, ratio(meaning))
    yield "n_tweets", (pl.Int64, _count("Tweets of the day."))
    yield "share_replies", (float, ratio("Share of them that answer somebody else; null without tweets."))
    for term in coin.terms:
        yield f"n_tweets_{term}", (pl.Int64, _count(f"Tweets of the day that contain `{term}`."))
        meaning = f"Share of the day's tweets that contain `{term}`; null without tweets."
        yield f"frequency_{term}", (float, ratio(meaning))


def _count(description: str) -> Any:
    """A number of tweets that may be unknown."""
    return pa.Field(description=description, nullable=True, ge=0, metadata={"unit": "tweets"})


def _summary(sensitivities: pl.LazyFrame, kind: str) -> pl.LazyFrame:
    """Middle and dispersion of all symbols of a kind, per day."""
    return (
        sensitivities.filter(kind=kind)
        .group_by("event_ts")
        .agg(
            of(pl.col(measure)).alias(f"{kind}_{measure}_{name}")
            for measure in MEASURES
            for name, of in STATISTICS.items()
        )
    )


def _with_tweets(rows: pl.LazyFrame, tweets: pl.LazyFrame, terms: tuple[str, ...]) -> pl.LazyFrame:
    days = activity(tweets, ["event_ts"]).select("event_ts", "n_tweets", "share_replies")
    found = counts(tweets, ["event_ts"], terms)
    for term in terms:
        of_term = found.filter(term=term).select("event_ts", pl.col("n_tweets").alias(f"n_tweets_{term}"))
        days = days.join(of_term, on="event_ts")
    numbers = ["n_tweets", *(f"n_tweets_{term}" for term in terms)]
    heard = days.select(pl.col("event_ts").alias("heard")).sort("heard")
    rows = rows.join(days, on="event_ts", how="left").sort("event_ts")
    rows = rows.join_asof(heard, left_on="event_ts", right_on="heard", tolerance=SILENCE, coalesce=False)
    rows = rows.with_columns(pl.when(pl.col("heard").is_not_null()).then(pl.col(numbers).fill_null(0)))
    return rows.with_columns(
        quotient(pl.col(f"n_tweets_{term}"), pl.col("n_tweets")).alias(f"frequency_{term}") for term in terms
    )
