"""Identities out of Parquet: row group by row group, in columns of texts and in those that are tagged, whatever their type."""

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cryptodudez_assets.lake.erasing.edited import Edited, Form
from cryptodudez_assets.lake.erasing.identity import Mode, Names

MAGIC = b"PAR1"


def edit(content: BinaryIO, out: BinaryIO, form: Form, names: Names, edited: Edited) -> None:
    """Write the file without the identities. What was done is added to `edited`."""
    file = pq.ParquetFile(content)
    codec = file.metadata.row_group(0).column(0).compression if file.metadata.num_row_groups else "SNAPPY"
    schema = pa.schema([_type(field, form, names) for field in file.schema_arrow], file.schema_arrow.metadata)
    row = 1
    with pq.ParquetWriter(out, schema, compression=codec.lower() if codec != "UNCOMPRESSED" else "none") as writer:
        for number in range(file.metadata.num_row_groups):
            table = file.read_row_group(number)
            row, table = _without_rows(table, row, form, names, edited)
            if names.mode is Mode.PSEUDONYMISE:
                columns = [_column(one, name in form.tagged, names, edited) for name, one in _named(table)]
                table = pa.table(columns, names=table.column_names)
            writer.write_table(table.cast(schema))


def occur_in(content: BinaryIO, form: Form, names: Names) -> bool:
    """Whether one of them is in the file."""
    file = pq.ParquetFile(content)
    for number in range(file.metadata.num_row_groups):
        edited = Edited()
        table = file.read_row_group(number)
        _without_rows(table, 1, form, names, edited)
        if names.mode is Mode.PSEUDONYMISE:
            for name, one in _named(table):
                _column(one, name in form.tagged, names, edited)
        if edited.places:
            return True
    return False


def _named(table: pa.Table) -> Sequence[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


def _type(field: pa.Field, form: Form, names: Names) -> pa.Field:
    """A pseudonym is a text: so is a column of numbers that tells identities, from now on."""
    is_number = field.name in form.tagged and pa.types.is_integer(field.type)
    return field.with_type(pa.string()) if is_number and names.mode is Mode.PSEUDONYMISE else field


def _without_rows(table: pa.Table, row: int, form: Form, names: Names, edited: Edited) -> tuple[int, pa.Table]:
    tagged = [name for name in table.column_names if name in form.tagged]
    if names.mode is not Mode.REMOVE or not tagged:
        return row + len(table), table
    values = zip(*(table[name].to_pylist() for name in tagged), strict=True)
    goes = [any(names.of(value) is not None for value in one) for one in values]
    edited.removed += [row + index for index, gone in enumerate(goes) if gone]
    return row + len(table), table.filter(pa.array([not gone for gone in goes], pa.bool_()))


def _column(column: pa.ChunkedArray, is_tagged: bool, names: Names, edited: Edited) -> pa.ChunkedArray:
    told = column.type
    if pa.types.is_dictionary(told):
        column = column.cast(told.value_type)
    if pa.types.is_integer(column.type) and is_tagged:
        column = column.cast(pa.string())
    kind = column.type
    if not (pa.types.is_nested(kind) or _is_text(kind)):
        return column
    if _is_text(kind) and not _may_hold(column, names if is_tagged else names.distinctive):
        return column
    values = [_value(value, is_tagged, names, edited) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(values, kind)])


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_one(kind)
        for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary)
    ) or pa.types.is_large_binary(kind)


def _may_hold(column: pa.ChunkedArray, names: Names) -> bool:
    texts = column if pa.types.is_string(column.type) else column.cast(pa.large_binary())
    return any(bool(pc.any(pc.match_substring(texts, way)).as_py()) for way in names.hints)


def _value(value: object, is_tagged: bool, names: Names, edited: Edited) -> object:
    if isinstance(value, dict):
        return {name: _value(one, is_tagged, names, edited) for name, one in value.items()}
    if isinstance(value, list):
        return [_value(one, is_tagged, names, edited) for one in value]
    if isinstance(value, bytes):  # also of a tagged column: which text they are is not told
        return edited.counted(names.distinctive.out_of(value))
    if not isinstance(value, str):
        return value
    if is_tagged:  # taken at its word
        found = names.of(value)
        told = value if found is None else value.replace(found, names.instead[found])
    else:
        told = names.distinctive.out_of_text(value)
    edited.replaced += told != value
    return told
