"""Values and rows as people read them in Dagster's UI: no digits and no zeros that tell nothing.

What is shown of which asset, and whether rows may be shown at all, is not said here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from math import isfinite

import dagster as dg
import polars as pl

DIGITS = 6
"""Of a number that was computed: more than anybody compares by eye."""
WHOLE_BELOW = 1e15
"""Floats are spelled without an exponent up to here; beyond it their units are no longer exact."""
CELL_CHARACTERS = 200
"""Of a cell; what is longer is not shown."""


def rounded(value: float) -> float | int:
    """A number with so many digits as tell something; a count that came as a float is one again."""
    if not isfinite(value):
        return value
    short = (
        value
        if abs(value) >= WHOLE_BELOW
        else round(value)
        if abs(value) >= 10**DIGITS
        else float(f"{value:.{DIGITS}g}")
    )
    return int(short) if float(value).is_integer() or float(short).is_integer() else short


def number(value: float) -> dg.FloatMetadataValue:
    """A number that the UI draws over time, with so many digits as tell something."""
    return dg.FloatMetadataValue(float(rounded(value)))


def said(value: object) -> str:
    """A value as text. Exact numbers keep all their digits, times are UTC."""
    match value:
        case None:
            return ""
        case float():
            return str(rounded(value))
        case Decimal():
            plain = f"{value:f}"  # not `normalize`, which rounds to 28 digits
            return plain.rstrip("0").rstrip(".") if "." in plain else plain
        case datetime():
            return (
                value.replace(tzinfo=None).isoformat(" ").rstrip("0")
                if value.microsecond
                else f"{value:%Y-%m-%d %H:%M:%S}"
            )
        case Mapping():
            return "{" + ", ".join(f"{name}: {said(one)}" for name, one in value.items()) + "}"
        case str() | bytes():
            return str(value)
        case Sequence():
            return "[" + ", ".join(map(said, value)) + "]"
        case _:
            return str(value)


def table(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """A frame as a table that the UI shows at once, however long it is."""
    columns = [dg.TableColumn(name, type=str(dtype)) for name, dtype in frame.schema.items()]
    # As text: the browser reads numbers as floats, and ids of posts have more digits than these keep.
    records = [dg.TableRecord(dict(zip(frame.columns, map(_cell, row), strict=True))) for row in frame.iter_rows()]
    return dg.TableMetadataValue(records=records, schema=dg.TableSchema(columns))


def markdown(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """A frame as a table that the UI opens on a click once it has a thousand characters: for what few want to see."""

    def cell(value: object) -> str:
        return _cell(value).replace("|", "\\|").replace("\r", " ").replace("\n", " ")

    head = f"| {' | '.join(frame.columns)} |\n|{' --- |' * frame.width}"
    return dg.MarkdownMetadataValue(
        "\n".join([head, *(f"| {' | '.join(map(cell, row))} |" for row in frame.iter_rows())])
    )


def _cell(value: object) -> str:
    """A value whole, or how long it is: half of an identity would be found by nobody who has to erase it from what runs remember."""
    text = said(value)
    if len(text) <= CELL_CHARACTERS:
        return text
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"({len(value):,} values)"
    return f"({len(text):,} characters)"
