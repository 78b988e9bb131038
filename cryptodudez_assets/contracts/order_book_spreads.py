"""Contract of `market.order_book_spreads`: what was seen of an order book at a second, and by whom."""

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import OF_THE_OBSERVER, TableContract, UtcTime

ORIGINS = ("ws", "ticker", "rest", "carried")
"""Where prices come from, the best first."""
BOOK = r"^[a-z0-9]+_[a-z0-9]+$"
# Recordings of others may be rounded to two decimals of a percent.
ROUNDING = 0.005 + 1e-9

BID, ASK = pl.col("bid"), pl.col("ask")


def amount(description: str) -> Any:
    """An amount of the book's first currency."""
    return pa.Field(description=description, nullable=True, ge=0, metadata={"unit": "major"})


def of_the_observer(description: str, **rules: Any) -> Any:
    """A column about whoever looked, rather than about the book: two who saw the same may differ in it."""
    return pa.Field(description=description, metadata=OF_THE_OBSERVER | rules.pop("metadata", {}), **rules)


def unless_nobody_looked_or_bid(side: str) -> pl.Expr:
    """Whether the best price of a side is there, or may be missing: nobody was looking, or nobody had an order on that side."""
    seen_empty = pl.col(f"{side}_amount").is_null() & pl.col("received_time").is_not_null()
    return pl.col(side).is_not_null() | pl.col("is_gap") | seen_empty


class OrderBookSpreads(TableContract):
    """Best prices of order books, one row per book and second: the best observation that any recorder made.

    A row says how the book stood at the instant `event_ts`, and was known then, or when what it stands on was received, if that is
    later. Of several who tell of one second the one with the greatest `precedence` is kept, in whatever order files land: prices of
    the socket before those of a ticker, these before an order book over REST, these before what a recording does not date, and what
    is carried last; of equals one who was looking before one who was not; then the freshest.
    """

    book: str = pa.Field(description="Market as the venue names it, such as btc_mxn.", str_matches=BOOK)
    bid: float = pa.Field(description="Best price bid.", nullable=True, gt=0, metadata={"unit": "minor"})
    ask: float = pa.Field(description="Best price asked.", nullable=True, gt=0, metadata={"unit": "minor"})
    spread: float = pa.Field(
        description="(ask - bid) * 100 / ask, as it was recorded.", nullable=True, metadata={"unit": "percent"}
    )
    bid_amount: float = amount("Amount at the best bid.")
    ask_amount: float = amount("Amount at the best ask.")
    bid_depth_10bps: float = amount("Amount bid within 10 basis points of the best bid.")
    ask_depth_10bps: float = amount("Amount asked within 10 basis points of the best ask.")
    sequence: pl.Int64 = pa.Field(description="The venue's number of the book's last change.", nullable=True)
    exchange_time: UtcTime = of_the_observer(
        "When the venue sent the newest message behind it.", nullable=True, metadata={"unit": "UTC"}
    )
    received_time: UtcTime = of_the_observer(
        "When that was received, by the recorder's clock.", nullable=True, metadata={"unit": "UTC"}
    )
    staleness_ms: pl.Int64 = of_the_observer(
        "From `exchange_time` to the second.", nullable=True, metadata={"unit": "ms"}
    )
    source: str = of_the_observer(
        "Where the prices come from; null where a recording does not say.", nullable=True, isin=list(ORIGINS)
    )
    is_gap: pl.Boolean = of_the_observer(
        "Nobody was looking: not connected, out of sequence, not running. Prices, if any, are those known before."
    )
    instance: str = of_the_observer("Name of the recorder; null where a recording does not say.", nullable=True)
    precedence: pl.Int64 = of_the_observer(
        "How good an observation it is: (2 * origin + looking) * 2^40 + 2^40 - 1 - staleness in ms, with origin 4 for ws, 3 ticker, "
        "2 rest, 1 not told and 0 carried, looking 1 where it is no gap, and the greatest staleness where none is told.",
        ge=0,
    )

    @pa.dataframe_check(name="second_has_a_fraction")
    def whole_seconds(cls, data: PolarsData) -> pl.LazyFrame:
        """Rows stand on the grid of whole seconds."""
        return data.lazyframe.select(pl.col("event_ts").dt.truncate("1s") == pl.col("event_ts"))

    @pa.dataframe_check(name="bid_missing")
    def bid_is_there(cls, data: PolarsData) -> pl.LazyFrame:
        """A bid is missing only where nobody looked, or nobody bid."""
        return data.lazyframe.select(unless_nobody_looked_or_bid("bid"))

    @pa.dataframe_check(name="ask_missing")
    def ask_is_there(cls, data: PolarsData) -> pl.LazyFrame:
        """An ask is missing only where nobody looked, or nobody asked."""
        return data.lazyframe.select(unless_nobody_looked_or_bid("ask"))

    @pa.dataframe_check(name="spread_is_another")
    def spread_is_that_of_prices(cls, data: PolarsData) -> pl.LazyFrame:
        """The spread is there where both prices are, and is theirs, but for rounding."""
        differs = ((ASK - BID) * 100 / ASK - pl.col("spread")).abs()
        both = BID.is_not_null() & ASK.is_not_null()
        return data.lazyframe.select(
            (differs <= ROUNDING).fill_null(value=False) | (~both & pl.col("spread").is_null())
        )

    @pa.dataframe_check(name="crossed", raise_warning=True)
    def not_crossed(cls, data: PolarsData) -> pl.LazyFrame:
        """The best bid lies below the best ask: otherwise somebody would have traded. It is what was seen, so it stays."""
        return data.lazyframe.select(BID < ASK)
