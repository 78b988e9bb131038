"""Gaps of the order-book recorder: JSON lines beside its records."""

from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.order_book_gaps import OrderBookGaps
from cryptodudez_assets.sources.common import book_name, iso_time
from cryptodudez_assets.sources.declaration import Layout, Source

SOURCE = Source(
    name="bitso_order_book_gaps",
    description="When recorders did not know an order book of Bitso, why, and what repaired it: JSON lines, where there were gaps.",
    owner="team:market-data",
    table="market.order_book_gaps",
    contract=OrderBookGaps,
    layouts=[
        Layout(
            name="gap_lines",
            columns={
                **dict.fromkeys(("book", "instance", "started_at", "ended_at", "cause", "repair"), pl.String),
                **dict.fromkeys(("sequence_before", "sequence_after"), pl.Int64),
            },
            optional=("sequence_before", "sequence_after"),
            canonical={
                "book": book_name("book"),
                **{name: pl.col(name) for name in ("instance", "cause", "repair")},
                **{name: pl.col(name) for name in ("sequence_before", "sequence_after")},
                "ended_at": iso_time("ended_at"),
                "event_ts": iso_time("started_at"),
                "known_ts": iso_time("ended_at"),
            },
            format="jsonl",
        )
    ],
    key=["book", "instance", "event_ts"],
    newest_by="ended_at",
    partition_by="month",
    sort_by=["book", "event_ts"],
    fresh_within=timedelta(days=3650),  # no gap is no lack of data
)
