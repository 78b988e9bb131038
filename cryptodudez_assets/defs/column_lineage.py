"""Of which columns a column is made, as far as declarations know it.

As `dagster/column_lineage`, for whatever draws that, and in words that are links: Dagster's open-source UI (1.13) draws none, and shows
a column's description as Markdown. What is in the columns is not said here, but by contracts (`metadata.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.derived.declaration import Derived, Input
from cryptodudez_assets.sources.declaration import Source

FEW = 5
"""Of so many columns one is said to be made beside its description; of more only the whole table is, once."""
Origins = Mapping[str, Iterable[dg.TableColumnDep]]
"""By column; what is not in it is made of nothing that is known."""


def columns(schema: dg.TableSchema, origins: Origins) -> dict[str, Any]:
    """A table's columns as metadata of its asset, with what they are made of."""
    told = {name: deps for name, found in origins.items() if (deps := list(dict.fromkeys(found)))}
    many = dict.fromkeys(dep for deps in told.values() if len(deps) > FEW for dep in deps)
    return {
        "dagster/column_schema": dg.TableSchema([_described(one, told.get(one.name, ())) for one in schema.columns]),
        **({"dagster/column_lineage": dg.TableColumnLineage(told)} if told else {}),
        **({"made of": dg.MetadataValue.md(_in_words(many))} if many else {}),
    }


def of_source(source: Source, raw: dg.AssetKey) -> Origins:
    """A source's table: which raw columns the layouts' expressions read."""
    return {
        name: [
            dg.TableColumnDep(raw, root)
            for layout in source.layouts
            if name in layout.canonical
            for root in layout.canonical[name].meta.root_names()
            if root in layout.columns
        ]
        for name in polars_schema(source.contract).names()
    }


def of_derived(table: Derived) -> Origins:
    """A derived table: a column may depend on whatever is read, but for those of the key, which an input has by the same name."""

    def read(name: str, one: Input) -> list[str]:
        is_key = name in table.shared_key(one) and table.reaches(one) != "all"
        return [name] if is_key else table.reads(one)

    made = [*table.key, *table.made_columns]
    return {
        name: [dg.TableColumnDep(key_of(one.table), column) for one in table.inputs for column in read(name, one)]
        for name in made
    }


def same_as(key: dg.AssetKey, names: Iterable[str]) -> Origins:
    """A copy of an asset: each column is what it is there."""
    return {name: [dg.TableColumnDep(key, name)] for name in names}


def _described(column: dg.TableColumn, deps: Sequence[dg.TableColumnDep]) -> dg.TableColumn:
    if not 0 < len(deps) <= FEW:
        return column
    description = (
        f"{column.description}\n\nFrom {_in_words(deps)}." if column.description else f"From {_in_words(deps)}."
    )
    return dg.TableColumn(column.name, column.type, description, column.constraints, column.tags)


def _in_words(deps: Iterable[dg.TableColumnDep]) -> str:
    by_asset: dict[str, list[str]] = {}
    for dep in deps:
        by_asset.setdefault(dep.asset_key.to_user_string(), []).append(f"`{dep.column_name}`")
    return "; ".join(f"[{key}](/assets/{key}): {', '.join(names)}" for key, names in by_asset.items())
