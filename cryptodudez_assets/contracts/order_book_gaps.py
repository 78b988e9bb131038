"""Contract of `market.order_book_gaps`: when a recorder did not know a book, why, and what repaired it."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import TableContract, UtcTime
from cryptodudez_assets.contracts.order_book_spreads import BOOK


class OrderBookGaps(TableContract):
    """Times in which a recorder did not know a book, one row per book, instance and beginning of the gap.

    A gap is known when it has ended. One that is told again, since it lasted longer, is told as the longest.
    """

    book: str = pa.Field(description="Market as the venue names it.", str_matches=BOOK)
    instance: str = pa.Field(description="Name of the recorder.", str_length={"min_value": 1})
    ended_at: UtcTime = pa.Field(description="When the book was known again.", metadata={"unit": "UTC"})
    cause: str = pa.Field(
        description="Why it was not known, such as disconnected or not running.", str_length={"min_value": 1}
    )
    repair: str = pa.Field(description="What ended it, such as restart.", str_length={"min_value": 1})
    sequence_before: pl.Int64 = pa.Field(
        description="The venue's last number before it; null where there was none.", nullable=True
    )
    sequence_after: pl.Int64 = pa.Field(description="The first behind it; null where there was none.", nullable=True)

    @pa.dataframe_check(name="ends_before_it_begins")
    def goes_forward(cls, data: PolarsData) -> pl.LazyFrame:
        """Time goes on."""
        return data.lazyframe.select(pl.col("ended_at") >= pl.col("event_ts"))
