"""Look for identities where columns say that they hold such: for those that mean other things elsewhere, as a number that is an amount.

For all others `scan.py` looks at every byte.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from cryptodudez_assets.contracts.base import Contract, personal_of
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.lake.erasing.contents import rewritten
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.erasing.raw import kind_of, sharing
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.sources.declaration import Source

Left = tuple[str, str]


def in_columns(lake: Lake, names: Names, sources: Sequence[Source], derived: Sequence[Derived]) -> Iterator[Left]:
    """The raw files, tables and exports that hold one of them in a column of their kind, each with what was found."""
    for folder, source in {lake.raw_folder(one.name): one.name for one in sources}.items():
        yield from _in_raw_files(lake, folder, source, names)
    contracts: dict[str, type[Contract]] = {}
    for one in sources:
        contracts |= {table: one.contract for table in (one.table, one.observations) if table}
    contracts |= {spec.name: one.contract for one in derived for spec in table_specs(one)}
    for table, contract in contracts.items():
        tagged = {name for name, kind in personal_of(contract).items() if kind == names.kind}
        rows = lake.tables.scan(table) if tagged else None
        if rows is not None:
            yield from _in_rows(table, rows, tagged, names)
    for export in exports_of(sources, derived):
        tagged = {name for name, kind in personal_of(export.contract).items() if kind == names.kind}
        if tagged and not export.by_month and export.is_there(lake):
            told = {name for name, of in export.columns.items() if of in tagged}
            yield from _in_rows(export.place(lake), _rows_of(lake, export.key), told, names)


def _in_raw_files(lake: Lake, folder: str, source: str, names: Names) -> Iterator[Left]:
    for found in lake.store.list(folder):
        for one in sharing(lake, source) if not found.oddity else ():
            with lake.store.open(found.key) as content:
                try:
                    made = rewritten(content, kind_of(one, names.kind), names)
                except (FileRefused, OSError, ValueError):
                    continue  # it is told when it cannot be rewritten
            if made:
                made.content.close()
                yield lake.store.uri(found.key), f"it is still there, {made.whole.edited.places} times"


def _rows_of(lake: Lake, key: str) -> pl.LazyFrame:
    with lake.store.open(key) as content:
        if key.endswith(".parquet"):
            return pl.read_parquet(content).lazy()
        return pl.read_csv(content, infer_schema=False).lazy()


def _in_rows(place: str, rows: pl.LazyFrame, tagged: set[str], names: Names) -> Iterator[Left]:
    for name in sorted(tagged & set(rows.collect_schema().names())):
        is_one = pl.col(name).cast(pl.String).is_in(list(names.instead))
        n = rows.filter(is_one).select(pl.len()).collect().item()
        if n:
            yield place, f"it is still there, in {name} of {n} rows"
