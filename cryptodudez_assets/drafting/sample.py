"""Read a sample: whatever its format, what is to be landed of it, and its records as text.

How each format is read is in a file of its own; what columns mean is found out elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.csv_sample import csv_sample
from cryptodudez_assets.drafting.json_sample import json_sample
from cryptodudez_assets.drafting.opening import names_in, opened
from cryptodudez_assets.drafting.parquet_sample import parquet_sample
from cryptodudez_assets.drafting.shape import Read, Shape
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.faults import Fault
from cryptodudez_assets.lake.formats.json.formats import seen_in
from cryptodudez_assets.lake.formats.parquet.format import is_parquet
from cryptodudez_assets.lake.formats.seekable import Readable, seekable
from cryptodudez_assets.lake.formats.text import HEAD_BYTES


@dataclass(frozen=True)
class Sample:
    """A file's first records. `content` is what was read, as it would be landed; `rows` the records of it that are whole."""

    content: bytes
    rows: pl.DataFrame
    """One text column for each column or field, null where nothing is written."""
    shape: Shape
    member: str | None = None
    """The member of the archive that it is."""
    is_all: bool = True
    """Whether the file holds no more."""


def read_sample(path: Path, choices: Choices) -> Sample:
    """Read the beginning of a file, packed or not; of an archive, of the first member that is a table.

    Raises Unusable where there are no records in it that can be read.
    """
    try:
        names = names_in(path)
        if names == [None]:
            return _sample(path, None, choices)
        return _first_table(path, names, choices)
    except (FileRefused, Fault, OSError) as error:
        raise Unusable(f"{path}: {error}") from None


def _first_table(path: Path, names: list[str | None], choices: Choices) -> Sample:
    """The first member of an archive with several columns, or else the first that can be read."""
    told: list[str] = []
    of_one_column = None
    for name in names:
        try:
            found = _sample(path, name, choices)
        except Undecided:
            raise
        except (Unusable, FileRefused, Fault) as error:
            told.append(f"{name}: {error}")
            continue
        if found.rows.width > 1:
            return found
        of_one_column = of_one_column or found
    if of_one_column:
        return of_one_column
    raise FileRefused(f"no member of the archive is a table that can be read; {told[0]}")


def _sample(path: Path, member: str | None, choices: Choices) -> Sample:
    with opened(path, member) as text:
        content, rows, shape, is_all = _read(text, choices)
    return Sample(content, rows, shape, member, is_all)


def _read(text: Readable, choices: Choices) -> Read:
    head = text.read(HEAD_BYTES)
    if is_parquet(head):
        with seekable(text, head) as content:
            return parquet_sample(content)
    seen = None if choices.header else seen_in(head, is_all=len(head) < HEAD_BYTES)
    if seen is not None:
        return json_sample(seen, head, text, choices)
    if choices.rows:
        raise Unusable(f"--rows {choices.rows}: that is for JSON documents, and the sample is none")
    return csv_sample(head, text, choices)
