"""What an expression says, and what it looks at: its own row alone, or others too."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl


def looks_around(expression: pl.Expr, schema: Mapping[str, Any]) -> bool:
    """Whether what the expression gives in a row may depend on other rows: their values, their order, their number.

    Such are sums, sorts and windows, formats that are inferred from the first value, and functions of one's own that do not
    say `is_elementwise=True`. `schema` has the columns over which the expression is evaluated, with their types.
    """
    roots = expression.meta.root_names()
    # A frame takes its time for each column, and there is an expression for each.
    seen = (
        {name: schema[name] for name in roots}
        if roots and _is_of_names(expression) and {*roots} <= {*schema}
        else schema
    )
    rows = pl.LazyFrame(schema=seen).select(expression.alias(" looked at"), *seen)
    # Polars takes a slice before the expression is evaluated only if every row of it stands by itself.
    try:
        return rows.slice(1, 1).explain().lstrip().startswith("SLICE")
    except pl.exceptions.PolarsError:
        return False  # it cannot be evaluated over these columns at all


def _is_of_names(expression: pl.Expr) -> bool:
    """Whether it names its columns one by one, so that others are none of its business."""
    try:
        told = str(expression.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        return False
    return "Selector" not in told and "Wildcard" not in told


def told_by(expression: pl.Expr) -> str:
    """All that an expression says (its text leaves out formats and mappings), but for the code of functions of one's own."""
    try:
        told = json.loads(expression.meta.serialize(format="json"), object_hook=_without_code)
    except (pl.exceptions.PolarsError, TypeError, ValueError, AttributeError):
        return str(expression)  # a function that cannot be written down
    return json.dumps(told)


def formats_in(expression: pl.Expr) -> list[str]:
    """The formats as which it reads times, in chrono's terms; none where it leaves them open, or cannot be written down."""
    found: list[str] = []

    def note(node: dict[str, Any]) -> dict[str, Any]:
        if isinstance(format_ := node.get("format"), str) and "strict" in node:
            found.append(format_)
        return node

    try:
        json.loads(expression.meta.serialize(format="json"), object_hook=note)
    except (pl.exceptions.PolarsError, TypeError, ValueError, AttributeError):
        return []
    return list(dict.fromkeys(found))


def _without_code(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "function" or not isinstance(value, list)}
