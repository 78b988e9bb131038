"""Whether what a transform gives is what the contract says, and brought into its types where nothing is lost by that."""

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.declaration import Derived


def difference(table: Derived, found: pl.Schema) -> str | None:
    """In what columns differ from the contract's, in one line; None where they do not, or only in width."""
    expected = polars_schema(table.contract)
    missing, extra = [name for name in expected if name not in found], [name for name in found if name not in expected]
    if missing or extra:
        lacks = f"lacks {', '.join(missing)}" if missing else ""
        more = f"has {', '.join(extra)}, which the contract does not know" if extra else ""
        return f"the result {' and '.join(filter(None, (lacks, more)))}"
    for name, dtype in expected.items():
        if not _holds(dtype, found[name]):
            return f"the result's {name} is {found[name]}, the contract says {dtype}"
    return None


def conform(table: Derived, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the contract's columns and types, in its order. Raises ValueError where they are others."""
    if problem := difference(table, rows.schema):
        raise ValueError(f"{table.table}: {problem}")
    try:
        return rows.select(pl.col(name).cast(dtype) for name, dtype in polars_schema(table.contract).items())
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{table.table}: {error}") from None


def _holds(wide: pl.DataType, narrow: pl.DataType) -> bool:
    """Whether one type takes the values of the other. (SQL adds whole numbers up in 128 bits: one that does not fit is refused.)"""
    if narrow == wide or narrow == pl.Null:
        return True
    whole = narrow.is_integer() or (isinstance(narrow, pl.Decimal) and narrow.scale == 0)
    if isinstance(wide, pl.Decimal):
        return whole or (isinstance(narrow, pl.Decimal) and narrow.scale <= wide.scale)
    return (wide.is_integer() and whole) or (wide.is_float() and narrow.is_float())
