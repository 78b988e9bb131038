"""Read a chunk record by record: the careful way, which knows each record's physical line and raw text."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

MAX_FIELD_BYTES = 1 << 20
# A quote that stays open for this long was never meant to open anything.
MAX_OPEN_QUOTE_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """One record of a file: on which physical line it starts, its text, its fields; `fault` says why it has none."""

    line: int
    raw: str
    fields: list[str]
    fault: str | None = None


def records(text: str, first_line: int, delimiter: str) -> Iterator[Record]:
    """The records of `text`, blank lines left out. A quote that never closes costs its own line only."""
    csv.field_size_limit(MAX_FIELD_BYTES)
    lines = io.StringIO(text, newline="\n").readlines()
    at = 0
    while at < len(lines):
        if not lines[at].strip("\r\n"):
            at += 1
            continue
        record = _read(lines, at, first_line, delimiter)
        yield record
        at += record.raw.count("\n") + (not record.raw.endswith("\n"))


def _read(lines: list[str], at: int, first_line: int, delimiter: str) -> Record:
    taken: list[str] = []

    def feed() -> Iterator[str]:
        size = 0
        for index in range(at, len(lines)):
            size += len(lines[index])
            if taken and size > MAX_OPEN_QUOTE_BYTES:
                break
            taken.append(lines[index])
            yield lines[index]
        raise csv.Error("unclosed quote")

    try:
        fields = next(csv.reader(feed(), delimiter=delimiter))
        return Record(first_line + at, "".join(taken), fields)
    except csv.Error as error:
        fault = "unclosed_quote" if "unclosed" in str(error) else "unreadable"
        return Record(first_line + at, lines[at], [], fault)
