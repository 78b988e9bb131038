"""What the result table of a study holds: one number a row, with what it stands on beside it."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract


class DogecoinStudy(Contract):
    """The dogecoin study: what the coin's price did around tweets that name it, one number per row with its n.

    Windows count days from the event day, 0 being the day itself; both ends are included. Made anew whenever prices or
    tweets change. The report beside it puts it into words.
    """

    measure: str = pa.Field(description="What was measured.")
    term: str = pa.Field(description="The term in the tweets; empty where the number is about prices alone.")
    period: str = pa.Field(description="The year, or `all` of them.")
    window: str = pa.Field(description="Days from the event day, lead of the return in days, or dates.")
    value: float = pa.Field(description="The number; shares and logarithmic returns as fractions.", nullable=True)
    z: float = pa.Field(description="In standard deviations of the market model's residual.", nullable=True)
    n: pl.Int64 = pa.Field(description="How many days, windows or events the number stands on.", ge=0)
    p: float = pa.Field(
        description="How often chance alone does as much, two-sided: by placebo windows, shifts in time or permutation.",
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    q: float = pa.Field(
        description="Benjamini-Hochberg's adjusted p over all tests of terms.",
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )


KEY = ("measure", "term", "period", "window")
