"""Order books of Bitso, a record for each book and second: files of the recorder, and recordings of others."""

from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.order_book_spreads import OrderBookSpreads
from cryptodudez_assets.sources.common import book_name, iso_time
from cryptodudez_assets.sources.declaration import Layout, Source
from cryptodudez_assets.sources.order_book_completeness import COMPLETE_FILES, COMPLETE_SECONDS

STALEST = (1 << 40) - 1
"""Of the milliseconds in `precedence`: 35 years."""
NOT_TOLD = 1
ORIGIN_RANKS = {"ws": 4, "ticker": 3, "rest": 2, "carried": 0}


def precedence(origin: pl.Expr, is_gap: pl.Expr, staleness_ms: pl.Expr) -> pl.Expr:
    """How good an observation is, as the contract says it."""
    rank = origin.replace_strict(ORIGIN_RANKS, default=NOT_TOLD, return_dtype=pl.Int64).fill_null(NOT_TOLD)
    fresh = STALEST - staleness_ms.clip(0, STALEST).fill_null(STALEST)
    return (2 * rank + (~is_gap).cast(pl.Int64)) * (STALEST + 1) + fresh


second = iso_time("orderbook_timestamp")
exchange_time, received_time = iso_time("exchange_time"), iso_time("received_time")
is_gap = pl.when(pl.col("is_gap").str.to_lowercase().is_in(["true", "false"])).then(
    pl.col("is_gap").str.to_lowercase() == "true"
)
five_columns: dict[str, type[pl.DataType]] = {
    "orderbook_timestamp": pl.String,
    "book": pl.String,
    "bid": pl.Float64,
    "ask": pl.Float64,
    "spread": pl.Float64,
}
prices = {
    "book": book_name("book"),
    "event_ts": second,
    **{name: pl.col(name) for name in ("bid", "ask", "spread")},
}
amounts = ("bid_amount", "ask_amount", "bid_depth_10bps", "ask_depth_10bps")

SOURCE = Source(
    name="bitso_order_book",
    description="Best prices of Bitso's order books, second by second: a Parquet file for each book and ten minutes.",
    owner="team:market-data",
    table="market.order_book_spreads",
    contract=OrderBookSpreads,
    layouts=[
        Layout(
            name="recorder",
            columns={
                **five_columns,
                **dict.fromkeys(amounts, pl.Float64),
                "sequence": pl.Int64,
                "exchange_time": pl.String,
                "received_time": pl.String,
                "staleness_ms": pl.Int64,
                "source": pl.String,
                "is_gap": pl.String,
                "instance": pl.String,
            },
            canonical={
                **prices,
                **{name: pl.col(name) for name in (*amounts, "sequence", "staleness_ms", "source", "instance")},
                "exchange_time": exchange_time,
                "received_time": received_time,
                "is_gap": is_gap,
                "precedence": precedence(pl.col("source"), is_gap, pl.col("staleness_ms")),
                # At the second that it is about, or when that was received: a clock may have been set meanwhile.
                "known_ts": pl.max_horizontal(second, received_time),
            },
        ),
        Layout(
            name="recorded",
            columns=five_columns,
            names=list(five_columns),
            canonical={
                **prices,
                **{name: pl.lit(None, pl.Float64) for name in amounts},
                **{name: pl.lit(None, pl.Int64) for name in ("sequence", "staleness_ms")},
                **{name: pl.lit(None, pl.Datetime("us", "UTC")) for name in ("exchange_time", "received_time")},
                **{name: pl.lit(None, pl.String) for name in ("source", "instance")},
                "is_gap": pl.lit(value=False),
                "precedence": precedence(pl.lit(None, pl.String), pl.lit(value=False), pl.lit(None, pl.Int64)),
                # The text has no fraction: what was seen within the second was known at its end.
                "known_ts": second + pl.duration(seconds=1),
            },
        ),
    ],
    key=["book", "event_ts"],
    newest_by="precedence",
    partition_by="day",
    sort_by=["book", "event_ts"],
    fresh_within=timedelta(days=3),  # that nobody records is told within minutes, by the rule no_records
    checks=[COMPLETE_FILES, COMPLETE_SECONDS],
)
