"""The same records in every format in which they may come: for tests of what does not depend on the format."""

import csv
import io
import json
from collections.abc import Callable, Sequence

Names, Rows = Sequence[str], Sequence[Sequence[object]]


def _csv(names: Names, rows: Rows) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue().encode()


def _jsonl(names: Names, rows: Rows) -> bytes:
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()


def _json(names: Names, rows: Rows) -> bytes:
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=1).encode()


FORMS: dict[str, Callable[[Names, Rows], bytes]] = {"csv": _csv, "jsonl": _jsonl, "json": _json}
"""Writes records as a file."""
