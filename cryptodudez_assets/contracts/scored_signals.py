"""Contract of live records: what became of each signal that was served."""

from typing import Literal, get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import Contract, UtcTime

Unscored = Literal[
    "its horizon is not over",
    "there is no price of its first close",
    "there is no price of its last close",
    "its receipt is damaged",
]
"""Why a signal has no score."""
Uncompared = Literal[
    "its receipt is damaged",
    "its model is gone or takes other features",
    "its receipt names no snapshot of a view",
    "a snapshot that it was served from is not kept",
]
"""Why the features of a signal could not be computed again."""
DECISIONS = ("BUY", "HODL", "SELL")


class ScoredSignals(Contract):
    """Every signal that was served, one row a receipt: its score once the horizon is over, or why it has none.

    A score is that of following this one signal from no position: BUY is long from the first close behind the answer to the
    last close of the horizon, and pays the cost twice; SELL and HODL stay out. Prices are the newest that are known: where one is
    corrected the score is made anew, and the first one stays beside it. Decisions stay as they were.
    """

    receipt_id: str = pa.Field(description="The receipt's id (`ml.receipts.id`).")
    made_at: UtcTime = pa.Field(description="When the answer was given.")
    model_version: str = pa.Field(description="What answered.")
    decision: str = pa.Field(description="What was served.", nullable=True, isin=DECISIONS)
    model_decision: str = pa.Field(description="What the model alone said.", nullable=True, isin=DECISIONS)
    horizon_days: pl.Int64 = pa.Field(description="Days from the first close to the last one.", gt=0)
    barrier_width: float = pa.Field(description="Of the barriers that tell what was right, as for training.", gt=0)
    cost_bps: float = pa.Field(
        description="Cost of a change of position.", ge=0, metadata={"unit": "hundredths of a percent"}
    )
    first_close: UtcTime = pa.Field(description="The first close behind the answer: the end of its UTC day.")
    last_close: UtcTime = pa.Field(description="The close at the end of the horizon.")
    unscored: str = pa.Field(
        description="Why there is no score; null where there is one.", nullable=True, isin=get_args(Unscored)
    )
    scored_at: UtcTime = pa.Field(description="When it was scored first.", nullable=True)
    first_price: float = pa.Field(description="At the first close.", nullable=True, gt=0, metadata={"unit": "USD"})
    last_price: float = pa.Field(description="At the last close.", nullable=True, gt=0, metadata={"unit": "USD"})
    label: str = pa.Field(
        description="What would have been right, by the rule of the training set; null where the deviation is not known.",
        nullable=True,
        isin=DECISIONS,
    )
    momentum: str = pa.Field(
        description="What the momentum rule said when the answer was given, by the prices of when the answer was written down.",
        nullable=True,
        isin=DECISIONS,
    )
    net_return: float = pa.Field(description="Log return of following the signal, less costs.", nullable=True)
    net_momentum: float = pa.Field(description="The same of the momentum rule.", nullable=True)
    net_buy_and_hold: float = pa.Field(description="The same of being long whatever is said.", nullable=True)
    restated_at: UtcTime = pa.Field(
        description="When a corrected price last changed the score; null where none did.", nullable=True
    )
    first_net_return: float = pa.Field(description="`net_return` as it was scored first.", nullable=True)
    compared_at: UtcTime = pa.Field(description="When its features were computed again.", nullable=True)
    uncompared: str = pa.Field(
        description="Why they could not be; null where they were.", nullable=True, isin=get_args(Uncompared)
    )
    n_differing: pl.Int64 = pa.Field(
        description="How many of its features the feature store gives another value for; null where not compared.",
        nullable=True,
        ge=0,
    )

    @pa.dataframe_check()
    def scored_or_why_not(cls, data: PolarsData) -> pl.LazyFrame:
        """Each has a score or a reason, and never both."""
        scored = pl.col("scored_at").is_not_null() & pl.col("net_return").is_not_null()
        return data.lazyframe.select(scored != pl.col("unscored").is_not_null())

    @pa.dataframe_check()
    def scored_when_over(cls, data: PolarsData) -> pl.LazyFrame:
        """No score is older than the end of its horizon."""
        return data.lazyframe.select((pl.col("scored_at") >= pl.col("last_close")).fill_null(True))
