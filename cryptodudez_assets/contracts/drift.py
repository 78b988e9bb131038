"""Contract of the tables of drift: every look that was taken at a model."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime

SAMPLES = ("days", "requests")


class DriftLooks(Contract):
    """How unlike its training the champion's latest days were, one row per column and look."""

    looked_at: UtcTime = pa.Field(description="When somebody looked.")
    sample: str = pa.Field(
        description="What was looked at: the newest days of the training set, or the requests that were served.",
        isin=SAMPLES,
    )
    model_version: str = pa.Field(description="The champion.")
    column: str = pa.Field(description="A feature, or the probability of a class.")
    distance: float = pa.Field(description="From the reference; null where it is not monitored.", nullable=True)
    threshold: float = pa.Field(description="The distance that is an alarm; null likewise.", nullable=True)
    missing_reference: float = pa.Field(description="Share of the reference without a value.")
    missing_current: float = pa.Field(description="Share of the sample without a value.")
    drifted: bool = pa.Field(description="Whether this column is a reason for an alarm.")
    n_reference: pl.Int64 = pa.Field(description="Days in the reference.", ge=0)
    n_current: pl.Int64 = pa.Field(description="Rows in the sample.", ge=0)
