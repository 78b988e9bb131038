"""What the rows of a view look like: how many are null, and how the others are distributed."""

import polars as pl

from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake


def statistics(lake: Lake, view: FeatureView, table: str) -> pl.DataFrame:
    """One line per numeric feature: how many are null, and how the others are distributed."""
    rows = lake.tables.scan(table)
    schema = rows.collect_schema() if rows is not None else pl.Schema()
    numeric = [name for name in view.features if name in schema and schema[name].is_numeric()]
    if rows is None or not numeric:
        return pl.DataFrame(schema={"feature": pl.String})
    told = {
        "nulls": pl.col(numeric).null_count(),
        "mean": pl.col(numeric).mean(),
        "std": pl.col(numeric).std(),
        "min": pl.col(numeric).min().cast(pl.Float64),
        "median": pl.col(numeric).median(),
        "max": pl.col(numeric).max().cast(pl.Float64),
    }
    lines = pl.collect_all([rows.select(expression) for expression in told.values()])
    columns = {name: line.row(0) for name, line in zip(told, lines, strict=True)}
    return pl.DataFrame({"feature": numeric, **columns})
