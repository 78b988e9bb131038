"""Contract of what was erased: `catalog.erasures`. Of an identity it holds what it takes to know it again with the key, and no more."""

from enum import StrEnum

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime


class Stage(StrEnum):
    """How far an erasure is."""

    BEGUN = "begun"  # what lands from now on is recognised; what was there is not all gone
    DONE = "done"


class Erasures(Contract):
    """The metastore's erasures: one row per identity that was erased, under its pseudonym, with what was done of it."""

    pseudonym: str = pa.Field(description="What stands in its place: `erased-` and a keyed hash of it.")
    kind: str = pa.Field(description="Kind of identity, as contracts tag their columns: account, post.")
    mode: str = pa.Field(
        description="What became of its rows: pseudonymise or remove.", isin=["pseudonymise", "remove"]
    )
    key_id: str = pa.Field(description="By which it is told whether a key is the one that was used.")
    shape: str = pa.Field(
        description="A regular expression of what looks like it: how long it is, and the signs in it."
    )
    stage: str = pa.Field(description="begun or done.", isin=[str(stage) for stage in Stage])
    places: pl.Int64 = pa.Field(
        description="Files, tables and databases in which it was found.", ge=0, metadata={"unit": "places"}
    )
    receipt: str = pa.Field(description="What was done where, as JSON; null while that goes on.", nullable=True)
    begun_at: UtcTime = pa.Field(description="When it was begun first.", metadata={"unit": "UTC"})
    done_at: UtcTime = pa.Field(
        description="When it was done last; null while that goes on.", nullable=True, metadata={"unit": "UTC"}
    )
