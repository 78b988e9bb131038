"""The same records in every format in which they may come: for tests of what does not depend on the format."""

import csv
import io
import json
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

Names, Rows = Sequence[str], Sequence[Sequence[object]]


def _csv(names: Names, rows: Rows) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue().encode()


def _jsonl(names: Names, rows: Rows) -> bytes:
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()


def _json(names: Names, rows: Rows) -> bytes:
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=1).encode()


def _parquet(names: Names, rows: Rows) -> bytes:
    file = io.BytesIO()
    columns = {name: _column([row[index] for row in rows]) for index, name in enumerate(names)}
    pq.write_table(pa.table(columns), file, row_group_size=7)
    return file.getvalue()


def _column(values: list[object]) -> pa.Array:
    """Numbers where all are, text where any is."""
    is_numbers = all(isinstance(one, int | float) for one in values)
    return pa.array(values if is_numbers else [str(one) for one in values], pa.float64() if is_numbers else pa.string())


FORMS: dict[str, Callable[[Names, Rows], bytes]] = {"csv": _csv, "jsonl": _jsonl, "json": _json, "parquet": _parquet}
"""Writes records as a file."""
