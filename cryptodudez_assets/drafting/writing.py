"""The text of a declaration: what was found out, as a file of `sources/`."""

from collections.abc import Iterable, Sequence

from cryptodudez_assets.drafting.columns import Column
from cryptodudez_assets.drafting.keys import Key
from cryptodudez_assets.drafting.names import is_unnamed, python_list, quoted
from cryptodudez_assets.drafting.shape import Shape
from cryptodudez_assets.drafting.times import Time

TEMPLATE = '''"""{title}. Drafted from a sample: check the key, the times, the units and the rules."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import {declaration}
{text}

class {contract}(TableContract):
    """{title}."""
{fields}


event_time = {event_time}

SOURCE = Source(
    name="{name}",
    description="{title}.",
    owner="team:platform",
    table="market.{name}",
    contract={contract},
    layouts=[
        Layout(
            name="{layout}",
            columns={{
{columns}
            }},{shape}
            canonical={{
{canonical}
                "event_ts": event_time,
            }},
        )
    ],
    key={key},
    newest_by=BY_LANDING,  # of files that repeat a key, the one that landed last tells it
)
'''
LANDING = "pl.col(CATALOGUED)  # the data tell no time: it is when the file landed"
IDENTIFIER = "from cryptodudez_assets.sources.text import identifier\n"
HIDING = {"TableContract", "Layout", "Source"}
"""Classes of which a contract may not have the name."""


def written(
    name: str, columns: Sequence[Column], time: Time | None, key: Key, header: Sequence[str], shape: Shape
) -> str:
    """The text of `sources/<name>.py`."""
    raw = (time.columns if time else {}) | {column.raw: column.raw_type for column in columns}
    in_key = {column.raw for column in columns if column.name in key.columns}
    optional = [column for column in shape.optional if column in raw and column not in in_key]
    told = {
        "rows": quoted(shape.rows) if shape.rows else "",
        "names": python_list(shape.names) if shape.names else "",
        "optional": python_list(optional) if optional else "",
        "ignored": python_list(unnamed) if (unnamed := [column for column in header if is_unnamed(column)]) else "",
    }
    contract = name.title().replace("_", "")
    return TEMPLATE.format(
        title=name.replace("_", " ").capitalize(),
        name=name,
        declaration=", ".join(["BY_LANDING", *([] if time else ["CATALOGUED"]), "Layout", "Source"]),
        text=IDENTIFIER if any("identifier(" in column.code for column in columns) else "",
        contract=f"{contract}Table" if contract in HIDING else contract,
        fields="".join(f"\n    {_field(column, key, optional)}" for column in columns),
        event_time=time.code if time else LANDING,
        columns=_lines(f"{quoted(column)}: {dtype}," for column, dtype in raw.items()),
        layout=shape.format,
        shape="".join(f"\n            {argument}={value}," for argument, value in told.items() if value),
        canonical=_lines(f"{quoted(column.name)}: {column.code}," for column in columns),
        key=python_list(key.columns),
    )


def _field(column: Column, key: Key, optional: Sequence[str]) -> str:
    nullable = (column.nullable or column.raw in optional) and column.name not in key.columns
    return f"{column.name}: {column.type} = pa.Field(description={quoted(column.raw)}, nullable={nullable})"


def _lines(items: Iterable[str]) -> str:
    return "\n".join(f"                {item}" for item in items)
