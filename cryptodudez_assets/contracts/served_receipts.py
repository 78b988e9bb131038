"""Contract of `ml.receipts`: the receipts of what was served, of all homes of a lake."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime


class ServedReceipts(Contract):
    """One row a receipt, brought here some seconds after its answer; one that a kill had brought twice is there twice, by one id."""

    id: str = pa.Field(description="The receipt's id, as the answer told it.")
    made_at: UtcTime = pa.Field(description="When the answer was given.")
    endpoint: str = pa.Field(description="What answered.")
    model: str = pa.Field(description="Name of the model in the registry.")
    version: pl.Int64 = pa.Field(description="Its version.")
    receipt: str = pa.Field(description="All of it, as JSON.")
