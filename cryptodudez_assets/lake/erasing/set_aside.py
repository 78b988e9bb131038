"""Identities out of records that were set aside, column by column, as the catalogue knows their file: where a column says that it
holds identities its text is taken at its word, short ones too, and an amount stays an amount.

Where columns cannot be told (a text that was cut off, a file of no known form), what can hardly be anything else goes, as out of any text.
"""

import json
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from cryptodudez_assets.contracts.base import personal_of
from cryptodudez_assets.lake.erasing import csv
from cryptodudez_assets.lake.erasing import json as json_text
from cryptodudez_assets.lake.erasing.edited import Edited, Form, Tagged
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.formats.csv.records import records
from cryptodudez_assets.lake.formats.json.fields import value_at
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.sources.declaration import Source

Forms = Mapping[str, Form]
"""How the records of files are written, by `file_id`."""


def texts_without(lake: Lake, rows: pl.DataFrame, names: Names) -> pl.Series:
    """The texts of these rows of `quarantine.rows` without the identities."""
    mentions = pl.col("raw").str.contains_any(list({*names.hints, *names.telling.hints}))
    found = rows.filter(mentions)
    forms: dict[tuple[str, str], Form] = {}
    for (name,), part in found.group_by("source"):
        source = lake.sources.get(str(name))
        known = _forms(lake, source, part["file_id"].unique().to_list(), names.kind) if source else {}
        forms |= {(str(name), file_id): form for file_id, form in known.items()}
    columns = rows.select("source", "file_id", "raw", told=mentions).iter_rows()
    told = [
        _without(raw, forms.get((name, file_id)), names) if is_told else raw for name, file_id, raw, is_told in columns
    ]
    return pl.Series("raw", told, pl.String)


def identities_in(lake: Lake, sources: Collection[Source], names: Names) -> Iterator[str]:
    """What the tagged columns of records that were set aside hold, of those that mention one of these."""
    for source in sources:
        rows = quarantine.rows_of(lake.tables, source.name)
        found = rows.filter(pl.col("raw").str.contains_any(names.hints)).select("file_id", "raw").collect()
        forms = _forms(lake, source, found["file_id"].unique().to_list(), names.kind) if len(found) else {}
        for file_id, raw in found.iter_rows():
            if form := forms.get(file_id):
                fields = _fields(raw, form) or {}
                yield from (value for name in form.tagged if isinstance(value := fields.get(name), str))


def _forms(lake: Lake, source: Source, file_ids: Collection[str], kind: str) -> Forms:
    tagged = Tagged(frozenset(name for name, of in personal_of(source.contract).items() if of == kind))
    layouts = {layout.name: layout for layout in source.layouts}
    rows = file_entries.files_of(lake.tables, source.name).filter(
        pl.col("file_id").is_in(list(file_ids)), pl.col("header").is_not_null(), pl.col("layout").is_in(list(layouts))
    )
    found = rows.select("file_id", "record_format", "delimiter", "header", "layout").collect()
    return {
        file_id: Form(
            written or "csv", delimiter=delimiter or ",", names=tuple(header), tagged=tagged.in_layout(layouts[layout])
        )
        for file_id, written, delimiter, header, layout in found.iter_rows()
    }


def _fields(raw: str, form: Form) -> Mapping[str, object] | None:
    """The record's fields; None where they cannot be told."""
    if form.format == "csv":
        found = list(records(raw.encode("utf-8", "surrogatepass"), 1, form.delimiter))
        is_whole = len(found) == 1 and len(found[0].fields) == len(form.names)
        return dict(zip(form.names, found[0].fields, strict=True)) if is_whole else None
    try:
        told = json.loads(raw)
    except ValueError:
        return None
    return {name: value_at(told, name, name.split(".")) for name in form.tagged} if isinstance(told, dict) else None


def _without(raw: str, form: Form | None, names: Names) -> str:
    if form is None or _fields(raw, form) is None:
        return names.telling.out_of_text(raw)
    text, edited = raw.encode("utf-8", "surrogatepass"), Edited()
    if form.format == "csv":
        out = b"".join(csv.edit_records(text, form, names, edited))
    else:
        out = json_text.edit_record(text, form, names, edited)
    return out.decode("utf-8", "surrogatepass")
