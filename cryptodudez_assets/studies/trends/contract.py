"""What the result table of the study of trends holds."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract


def related(description: str, *, nullable: bool = False) -> float:
    """A column with a correlation."""
    field: float = pa.Field(description=description, ge=-1, le=1, nullable=nullable)
    return field


class TrendsStudy(Contract):
    """The study of trends: each signal against each price so many days later or before, one rank correlation a row.

    What is found in all days but the last year is looked at again in that year, which was kept aside. Made anew whenever prices or
    tweets change. The report beside it puts it into words.
    """

    family: str = pa.Field(
        description="What is asked: whether prices go with tweets, or with the leading coin.", isin=["tweets", "leader"]
    )
    signal: str = pa.Field(description="The term in the tweets, `(sentiment)` of all of them, or the leading coin.")
    market: str = pa.Field(description="Of what the price is.", isin=["coin", "stock"])
    symbol: str = pa.Field(description="Its ticker.")
    outcome: str = pa.Field(description="What the price did.", isin=["return", "volume", "volatility"])
    lead: pl.Int64 = pa.Field(
        description="How many days after the signal the outcome is; negative: before it.", metadata={"unit": "days"}
    )
    n: pl.Int64 = pa.Field(description="Days with both.", ge=0, metadata={"unit": "days"})
    correlation: float = related("Rank correlation.")
    low: float = related("Lower end of its 95 % interval, by the deviation of the block bootstrap.")
    high: float = related("Its upper end.")
    p: float = pa.Field(
        description="By block bootstrap, two-sided; null on the same day as the leading coin, where nobody leads.",
        nullable=True,
        ge=0,
        le=1,
    )
    q: float = pa.Field(
        description="Benjamini-Hochberg's adjusted p over all rows of the family.", nullable=True, ge=0, le=1
    )
    n_later: pl.Int64 = pa.Field(description="Days with both in the year kept aside.", ge=0, metadata={"unit": "days"})
    correlation_later: float = related("Rank correlation in that year; null where days are too few.", nullable=True)
    p_later: float = pa.Field(
        description="That it goes the same way there by chance alone, one-sided.", nullable=True, ge=0, le=1
    )


KEY = ("family", "signal", "market", "symbol", "outcome", "lead")
