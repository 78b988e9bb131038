"""`market.candle_revisions`: every value that a final candle was told with, and when that could be known.

The first value is known at the candle's close, whenever it was asked for; but one that an earlier answer lacked, at the time of the
answer that first had it.
"""

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.candles import VALUES, CandleRevisions
from cryptodudez_assets.derived import Derived, Frames, Input

OBSERVED = "market.binance_kline_observations"
CANDLE = ["symbol", "interval", "open_time"]
END = pl.col("close_time") + pl.duration(milliseconds=1)


def revisions(frames: Frames) -> pl.LazyFrame:
    """Observations to those that told something new."""
    told = frames[OBSERVED].filter("is_final").sort(*CANDLE, "known_ts", "file_id", "file_row")
    # Answers say to the second when they were given: of two of one second nobody knows which was first, and one of them counts.
    told = told.unique([*CANDLE, "known_ts"], keep="last", maintain_order=True)
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in CANDLE)
    told = told.with_columns(begins=(pl.int_range(pl.len()) == 0) | begins)
    # Nearly all candles are told once, and windows of one row each would take most of the time.
    is_alone = pl.col("begins") & pl.col("begins").shift(-1, fill_value=True)
    told = told.with_columns(number=pl.col("begins").cum_sum(), is_alone=is_alone)
    once = told.filter("is_alone").with_columns(revision=pl.lit(0, pl.Int64))
    rows = pl.concat([once, _revised(told.filter(~pl.col("is_alone")))])
    known = pl.when((pl.col("revision") == 0) & ~pl.col("is_late")).then(END).otherwise("known_ts")
    rows = rows.join(_late(told), on=CANDLE, how="left").with_columns(is_late=pl.col("is_late").fill_null(value=False))
    return rows.with_columns(venue=pl.lit("binance"), known_ts=known).select(polars_schema(CandleRevisions).names())


def _late(told: pl.LazyFrame) -> pl.LazyFrame:
    """Candles that an earlier answer lacked, though it told some before and behind them: the venue had none of them then."""
    series = CANDLE[:2]
    of_venue = told.filter(pl.col("origin").is_in(["api", "archive"]))  # others lack what whoever wrote them missed
    answers = of_venue.group_by(*series, "file_id").agg(
        at=pl.col("known_ts").min(), first=pl.col("open_time").min(), last=pl.col("open_time").max()
    )
    begins = told.filter("begins").select(*CANDLE, "known_ts")
    # Nearly all candles are first told by the first answer that covers them: what is left is little.
    lacked = begins.join_where(
        answers.select(pl.all().name.suffix("_there")),
        *(pl.col(name) == pl.col(f"{name}_there") for name in series),
        pl.col("known_ts") > pl.col("at_there"),
        pl.col("open_time") > pl.col("first_there"),
        pl.col("open_time") < pl.col("last_there"),
    )
    return lacked.select(CANDLE).unique().with_columns(is_late=pl.lit(value=True))


def _revised(told: pl.LazyFrame) -> pl.LazyFrame:
    """Of candles that were told several times, the tellings that say something new. What one does not say is as it was told before."""
    told = told.with_columns(pl.col(VALUES).forward_fill().over("number"))
    is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift().over("number")) for name in VALUES)
    new = told.filter(pl.col("begins") | is_new)
    return new.with_columns(revision=pl.int_range(pl.len()).over("number").cast(pl.Int64))


DERIVED = Derived(
    "market.candle_revisions",
    CandleRevisions,
    owner="team:market-data",
    key=["venue", *CANDLE, "revision"],
    inputs=[
        Input(
            OBSERVED,
            [*CANDLE, *VALUES, "is_final", "origin", "known_ts", "file_id", "file_row"],
            time="open_time",
            reaches="later",  # an answer tells of a candle that it lacks by those before and behind it
        )
    ],
    transform=revisions,
    time="open_time",
)
