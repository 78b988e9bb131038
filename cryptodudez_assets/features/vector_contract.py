"""The columns of a text's vector, shared by the views that hold one: what of its numbers is not zero (`text.as_matrix` has all)."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.features.declaration import FeatureContract
from cryptodudez_assets.features.exact import GRID
from cryptodudez_assets.features.text import DIMENSIONS

ROUNDING = 2 * DIMENSIONS**0.5 / GRID
"""By so much a mean may be too long (squared), since sums are exact on a grid."""


class VectorContract(FeatureContract):
    """Base of the contracts with a text vector."""

    dimensions: pl.List(pl.Int64) = pa.Field(  # type: ignore[valid-type]
        description=f"Which numbers of the vector are not zero, in order, of {DIMENSIONS:,} that are counted from 0."
    )
    values: pl.List(pl.Float64) = pa.Field(  # type: ignore[valid-type]
        description="These numbers.", metadata={"unit": "ratio"}
    )

    @pa.dataframe_check(name="one_value_each")
    def paired(cls, data: PolarsData) -> pl.LazyFrame:
        """As many values as dimensions."""
        return data.lazyframe.select(pl.col("dimensions").list.len() == pl.col("values").list.len())

    @pa.dataframe_check(name="no_such_dimension")
    def numbered(cls, data: PolarsData) -> pl.LazyFrame:
        """No dimension but these, and none twice."""
        last, n = pl.col("dimensions").list.max(), pl.col("dimensions").list
        return data.lazyframe.select((n.min() >= 0) & (last < DIMENSIONS) & (n.n_unique() == n.len()))

    @pa.dataframe_check(name="longer_than_one")
    def bounded(cls, data: PolarsData) -> pl.LazyFrame:
        """No vector is longer than a text's, whose length is one."""
        squares = pl.col("values").list.eval(pl.element() ** 2).list.sum()
        return data.lazyframe.select(squares <= 1 + ROUNDING)
