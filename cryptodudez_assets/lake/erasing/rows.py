"""Identities out of the rows of a table as it is now. What it was before is in `history.py`.

A row stays where it is, under the pseudonym, and so does whatever it counts; columns that are made of the identity alone, such as a
key, are made of the pseudonym. Files that tell of nobody are not touched.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from cryptodudez_assets.contracts.base import personal_of, polars_schema
from cryptodudez_assets.lake.erasing.identity import Mode, Names
from cryptodudez_assets.lake.iceberg.change import TableTransaction, committed
from cryptodudez_assets.lake.iceberg.scan import PATH, data_files, frame_schema, scan_files
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.sources.declaration import Source

TEXTS = pl.List(pl.String)
RAW = "raw"
"""The column of a table of what was set aside that has the text of records."""


class NoPlace(Exception):
    """A tagged column cannot hold a pseudonym; the message says which, and what to do."""


@dataclass(frozen=True)
class Holding:
    """Where a table may tell of identities.

    `tagged`: columns that hold them. `follows`: what columns that are made of one of these alone are for each pseudonym.
    `is_said`: whether its text is what was said about data, rather than data. `left`: columns that name places, which stay.
    `raw`: what the column of that name is without them, where it is text of records.
    """

    tagged: frozenset[str] = frozenset()
    follows: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    is_said: bool = False
    left: frozenset[str] = frozenset()
    raw: Callable[[pl.DataFrame, Names], pl.Series] | None = None


@contextmanager
def changing(tables: IcebergTables, name: str) -> Iterator[TableTransaction]:
    """Change a table as it is found, whatever contract it was made from."""
    with (
        tables.alone(name),
        committed(TableTransaction(tables.load(name), tables.records)) as change,
    ):
        yield change


def holding_of(source: Source, names: Names) -> Holding:
    """Where the tables of a source tell of identities of this kind. Raises `NoPlace` where no pseudonym could stand there."""
    schema = polars_schema(source.contract)
    tagged = frozenset(name for name, kind in personal_of(source.contract).items() if kind == names.kind)
    if names.mode is Mode.REMOVE:
        return Holding(tagged)
    for name in tagged:
        if schema[name] != pl.String:
            raise NoPlace(
                f"{source.table}.{name} holds {schema[name]}, in which no pseudonym can stand: rows that tell of a "
                f"{names.kind} can only be removed"
            )
    return Holding(tagged, {one: _made_of(source, tagged, one) for one in names.instead.values()})


def _made_of(source: Source, tagged: Collection[str], pseudonym: str) -> dict[str, object]:
    schema = polars_schema(source.contract)
    found: dict[str, object] = {}
    for layout in source.layouts:
        roots = {
            root for name in tagged if name in layout.canonical for root in layout.canonical[name].meta.root_names()
        }
        for name, expression in layout.canonical.items():
            if name not in tagged and set(expression.meta.root_names()) == roots and len(roots) == 1:
                raw = pl.DataFrame({root: [pseudonym] for root in roots})
                found[name] = raw.select(expression.cast(schema[name])).item()
    return found


def keys_of(source: Source, names: Names) -> dict[str, str]:
    """As text, the keys that the source makes of the identities alone, with those that it makes of their pseudonyms."""
    tagged = [name for name, kind in personal_of(source.contract).items() if kind == names.kind]
    found: dict[str, str] = {}
    for value, instead in names.instead.items() if names.mode is Mode.PSEUDONYMISE else ():
        before, after = _made_of(source, tagged, value), _made_of(source, tagged, instead)
        found |= {str(key): str(after[name]) for name, key in before.items() if str(key) != value}
    return found


def erase_from_rows(
    tables: IcebergTables, name: str, holding: Holding, names: Names, before: Callable[[], object] = lambda: None
) -> int:
    """Erase the identities from the rows that there are now, in one commit; returns how many rows told of them.

    `before` is called where there are any, before they are changed.
    """
    table = tables.table(name)
    if table is None or table.current_snapshot() is None:
        return 0
    told = _telling(frame_schema(table), holding, names)
    if told is None:
        return 0
    paths = [file.file_path for file in data_files(table)]
    found = scan_files(table, paths, with_path=True).filter(told).collect()
    rows = found.drop(PATH)
    n_rows = _differing(rows, _without(rows, holding, names))
    if not n_rows:
        return 0
    before()
    with changing(tables, name) as change:
        change.rewrite(set(found[PATH]), lambda rows: _without(rows, holding, names))
    return n_rows


def _differing(rows: pl.DataFrame, without: pl.DataFrame) -> int:
    if len(without) < len(rows):
        return len(rows) - len(without)
    differs = [rows[name].ne_missing(without[name]).alias(name) for name in rows.columns]
    return int(pl.DataFrame(differs).select(pl.any_horizontal(pl.all()).sum()).item())


def _loose(holding: Holding, names: Names) -> Names:
    return names.telling if holding.is_said else names.distinctive


def _telling(schema: pl.Schema, holding: Holding, names: Names) -> pl.Expr | None:
    """Whether a row may tell of one of them."""
    values = list(names.instead)
    loose = _loose(holding, names).hints
    flags: list[pl.Expr] = []
    for name, dtype in schema.items():
        column = pl.col(name)
        if name == RAW and holding.raw:
            flags.append(column.str.contains_any(list({*names.hints, *loose})))
        elif name in holding.tagged and dtype.is_integer():
            flags.append(column.is_in([int(one) for one in values if one.lstrip("-").isdigit()]))
        elif name in holding.tagged and dtype == pl.String:
            flags.append(column.str.contains_any(values))
        elif loose and _is_open(name, holding, names) and dtype == pl.String:
            flags.append(column.str.contains_any(loose))
        elif loose and _is_open(name, holding, names) and dtype == TEXTS:
            flags.append(column.list.join("\n", ignore_nulls=True).str.contains_any(loose))
    return pl.any_horizontal(*(flag.fill_null(value=False) for flag in flags)) if flags else None


def _is_open(name: str, holding: Holding, names: Names) -> bool:
    """Whether text in this column may be changed: of rows that are removed whole it need not be."""
    is_text_of_records = name == RAW and holding.raw is not None
    is_kept = name in holding.left or name in holding.tagged or is_text_of_records
    return not is_kept and (holding.is_said or names.mode is Mode.PSEUDONYMISE)


def _without(rows: pl.DataFrame, holding: Holding, names: Names) -> pl.DataFrame:
    for name in holding.tagged & set(rows.columns):
        values = rows[name].unique().drop_nulls().to_list()
        found = {value: known for value in values if (known := names.of(value)) is not None}
        if names.mode is Mode.REMOVE:
            rows = rows.filter(~pl.col(name).is_in(list(found)).fill_null(value=False))
            continue
        if found:
            instead = {value: str(value).replace(known, names.instead[known]) for value, known in found.items()}
            rows = _follow(rows, name, {value: names.instead[known] for value, known in found.items()}, holding)
            rows = rows.with_columns(pl.col(name).replace(instead))
    if holding.raw:
        rows = rows.with_columns(holding.raw(rows, names))
    loose = _loose(holding, names)
    if holding.is_said and names.mode is Mode.REMOVE and RAW in rows.columns:
        rows = rows.filter(~pl.col(RAW).map_elements(_mentions(loose), return_dtype=pl.Boolean))
    return rows.with_columns(
        _loosely(rows[name], loose)
        for name, dtype in rows.schema.items()
        if dtype in (pl.String, TEXTS) and loose.instead and _is_open(name, holding, names)
    )


def _mentions(names: Names):  # type: ignore[no-untyped-def]
    return lambda text: names.out_of_text(text) != text


def _follow(rows: pl.DataFrame, name: str, pseudonyms: Mapping[object, str], holding: Holding) -> pl.DataFrame:
    """What is made of the identity alone becomes what the pseudonym makes."""
    columns = {column for told in holding.follows.values() for column in told} & set(rows.columns)
    if not columns:
        return rows
    made = pl.DataFrame(
        [[value, *(holding.follows[one][column] for column in sorted(columns))] for value, one in pseudonyms.items()],
        schema={" value": rows.schema[name], **{f" {column}": rows.schema[column] for column in sorted(columns)}},
        orient="row",
    )
    joined = rows.join(made, left_on=name, right_on=" value", how="left", maintain_order="left")
    is_theirs = pl.col(name).is_in(list(pseudonyms))
    followed = (pl.when(is_theirs).then(f" {one}").otherwise(one).alias(one) for one in sorted(columns))
    return joined.with_columns(followed).select(rows.columns)


def _loosely(texts: pl.Series, names: Names) -> pl.Series:
    ways = names.hints
    if texts.dtype == TEXTS:
        hit = texts.list.join("\n", ignore_nulls=True).str.contains_any(ways).fill_null(value=False)
        if not hit.any():
            return texts
        told = [value if value is None else [_out(one, names) for one in value] for value in texts.to_list()]
        return pl.Series(texts.name, told, TEXTS)
    hit = texts.str.contains_any(ways).fill_null(value=False)
    if not hit.any():
        return texts
    values = texts.filter(hit).unique().to_list()
    return texts.replace({value: names.out_of_text(value) for value in values})


def _out(text: str | None, names: Names) -> str | None:
    return None if text is None else names.out_of_text(text)
