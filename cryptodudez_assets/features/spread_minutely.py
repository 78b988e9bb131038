"""The view `spread_minutely`: how wide the spread of an order book was within a minute, and how much of the minute somebody looked."""

from datetime import timedelta
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import mean, quotient

SPREADS = "market.order_book_spreads"
SECONDS = 60
THRESHOLDS = {"share_over_10bp": 0.1, "share_over_50bp": 0.5, "share_over_100bp": 1.0}
"""In percent."""
LOOKED = ~pl.col("is_gap")
CARRIED = (pl.col("source") == "carried").fill_null(value=False)


def seconds(description: str) -> pl.Int64:
    """A number of seconds of the minute."""
    field: pl.Int64 = pa.Field(description=description, ge=0, le=SECONDS, metadata={"unit": "s"})
    return field


def share(description: str) -> Any:
    """A share of the seconds whose spread is known."""
    return pa.Field(description=description, nullable=True, ge=0, le=1, metadata={"unit": "ratio"})


class SpreadMinutelyFeatures(FeatureContract):
    """The spread of each order book within a minute: mean, maximum, share of time over thresholds; and how much was looked at.

    `event_ts` is the minute's first instant; a row is known when the minute ends. Of its seconds those count that were known by
    then. The spread is that of seconds at which somebody was looking and both sides had a price; where there is none it is null.
    A minute of which no second was told has no row.
    """

    book: str = pa.Field(description="Market as the venue names it.")
    spread_mean: float = pa.Field(description="Mean spread.", nullable=True, metadata={"unit": "percent"})
    spread_max: float = pa.Field(description="Widest spread.", nullable=True, metadata={"unit": "percent"})
    share_over_10bp: float = share("Share of time with a spread over 0.1 %.")
    share_over_50bp: float = share("Share of time with a spread over 0.5 %.")
    share_over_100bp: float = share("Share of time with a spread over 1.0 %.")
    uptime: float = pa.Field(
        description="Share of the minute's 60 seconds at which somebody was looking.",
        ge=0,
        le=1,
        metadata={"unit": "ratio"},
    )
    n_observed: pl.Int64 = seconds("Seconds of which a message or an answer told.")
    n_carried: pl.Int64 = seconds("Seconds at which somebody was looking, and nothing was said.")
    n_gap: pl.Int64 = seconds("Seconds that are told as gaps. What is lacking of 60 nobody told.")


def transform(frames: Frames) -> pl.LazyFrame:
    """Seconds to minutes."""
    minute = pl.col("event_ts").dt.truncate("1m")
    timed = frames[SPREADS].with_columns(minute=minute, known=minute.dt.offset_by("1m"))
    on_time = timed.filter(pl.col("known_ts") <= pl.col("known"))
    spread = pl.when(LOOKED).then(pl.col("spread"))
    rows = on_time.group_by("book", "minute").agg(
        mean(spread).alias("spread_mean"),
        spread.max().alias("spread_max"),
        *(quotient((spread > limit).sum(), spread.count()).alias(name) for name, limit in THRESHOLDS.items()),
        quotient(LOOKED.sum(), pl.lit(SECONDS)).alias("uptime"),
        (LOOKED & ~CARRIED).sum().alias("n_observed"),
        (LOOKED & CARRIED).sum().alias("n_carried"),
        (~LOOKED).sum().alias("n_gap"),
    )
    dated = rows.rename({"minute": "event_ts"}).with_columns(known_ts=pl.col("event_ts").dt.offset_by("1m"))
    return as_contract(dated, SpreadMinutelyFeatures, ["book"])


VIEW = FeatureView(
    name="spread_minutely",
    contract=SpreadMinutelyFeatures,
    owner="team:quant-research",
    key=["book"],
    inputs=[Input(SPREADS, ["book", "spread", "source", "is_gap"])],
    transform=transform,
    window=timedelta(0),
    ttl=timedelta(hours=1),
    tags={"domain": "market"},
)
