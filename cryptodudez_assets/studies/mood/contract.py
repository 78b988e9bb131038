"""What the result table of the study of mood holds."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract


class MoodStudy(Contract):
    """The study of mood: how the posts of a source sound on a day, against a coin's return so many days later or before.

    One correlation a row, with the number of days it stands on and what so few days could show at all. Made anew whenever posts or
    prices change. The report beside it puts it into words.
    """

    source: str = pa.Field(description="The source of the posts.")
    symbol: str = pa.Field(description="The coin.")
    lead: pl.Int64 = pa.Field(
        description="How many days after the posts the return is; negative: before them.", metadata={"unit": "days"}
    )
    correlation: float = pa.Field(description="Of the day's mood with the return.", ge=-1, le=1)
    n: pl.Int64 = pa.Field(description="Days with both.", ge=3, metadata={"unit": "days"})
    n_candles: pl.Int64 = pa.Field(
        description="Of these, days whose return is of an exchange's candles, in USDT; of the others it is of the archive, in USD.",
        ge=0,
        metadata={"unit": "days"},
    )
    low: float = pa.Field(
        description="Lower end of the 95 % interval (Fisher), if days were independent; null below ten.", nullable=True
    )
    high: float = pa.Field(description="Its upper end.", nullable=True)
    detectable: float = pa.Field(
        description="The smallest correlation that so many days find in four of five cases, at p < 0.05; null below four.",
        nullable=True,
    )
    p: float = pa.Field(
        description="Share of the placebos, this one included, that correlate as strongly: the mood shifted through the days, in a "
        "circle. It cannot be below 1 / n.",
        ge=0,
        le=1,
    )
    q: float = pa.Field(
        description="Benjamini-Hochberg's adjusted p over all rows of 20 days or more; null of fewer, which no p below 0.05 is possible "
        "with.",
        ge=0,
        le=1,
        nullable=True,
    )


KEY = ("source", "symbol", "lead")
