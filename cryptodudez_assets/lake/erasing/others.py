"""Who stays, though the name has an erased one in it: what tagged columns hold, of tables and of records that were set aside.

A column is taken at its word anyway; this is for text beside it, and for the search at the end.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import polars as pl

from cryptodudez_assets.contracts.base import personal_of, polars_schema
from cryptodudez_assets.lake.erasing.identity import Names, bare, is_telling
from cryptodudez_assets.lake.erasing.set_aside import identities_in
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.declaration import Source

APART = frozenset(',;|\t"\r\n')
"""With one of these in it, a name cannot be told from fields side by side: it counts in its column alone."""


def others_beside(lake: Lake, sources: Collection[Source], names: Names) -> frozenset[str]:
    """Identities of the kind that have one of these in them and are somebody else's."""
    values = [value for value in names.instead if is_telling(value)]
    if not values:
        return frozenset()
    longer = replace(names, instead={value: names.instead[value] for value in values})
    found = {bare(one) for one in (*_in_tables(lake, sources, longer), *identities_in(lake, sources, longer))}
    return frozenset(one for one in found - set(names.instead) if not APART & set(one))


def _in_tables(lake: Lake, sources: Collection[Source], names: Names) -> Iterator[str]:
    for source in sources:
        schema = polars_schema(source.contract)
        tagged = [name for name, kind in personal_of(source.contract).items() if kind == names.kind]
        for table in filter(None, (source.table, source.observations)):
            rows = lake.tables.scan(table)
            if rows is None:
                continue
            for name in tagged:
                if schema[name] == pl.String:
                    has_one = pl.col(name).str.contains_any(list(names.instead))
                    yield from rows.filter(has_one).select(pl.col(name).unique()).collect()[name]
