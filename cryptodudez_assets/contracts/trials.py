"""Contract of `ml.trials`: the ledger of everything that was ever tried, which the luck of the best is measured by."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime


class Trials(Contract):
    """Every recipe that was judged on a state of the training set, one row each; rows are only ever added.

    Whoever tries many recipes finds one that looks good by luck: the deflated Sharpe ratio counts the distinct
    configurations here.
    """

    trained_at: UtcTime = pa.Field(description="When it was judged first.")
    run: str = pa.Field(description="The training run that judged it first.")
    model: str = pa.Field(description="Name of the model in the registry.")
    recipe: str = pa.Field(description="What was fitted.")
    parameters: str = pa.Field(description="Its parameters, as JSON.")
    options: str = pa.Field(description="Labels, folds and costs, as JSON.")
    configuration: str = pa.Field(
        description="Hash of recipe, parameters, options and feature names: equal ones are one trial."
    )
    training_snapshot: pl.Int64 = pa.Field(description="Snapshot of the training set.")
    n_days: pl.Int64 = pa.Field(description="Out-of-sample days.", ge=0)
    sharpe_daily: float = pa.Field(description="Sharpe ratio per day, net of the judged cost.")
    log_loss: float = pa.Field(description="Out-of-sample log loss.")
    balanced_accuracy: float = pa.Field(description="Out-of-sample balanced accuracy.")
    skill: bool = pa.Field(description="The verdict.")
