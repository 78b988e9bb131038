"""How the records of a CSV are written, for words: the fields of one, and why a line is none."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO

from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.records import MAX_RECORD_BYTES, TOO_LONG
from cryptodudez_assets.lake.formats.forms import TEXT_SHOWN, shown


@dataclass(frozen=True)
class CsvSpelling:
    """The words for files of one dialect."""

    dialect: Dialect

    def values(self, raw: str) -> Mapping[str, str]:
        """The fields by the names in the header."""
        return dict(zip(self.dialect.header, self._fields(raw), strict=False))

    def is_header(self, raw: str) -> bool:
        """Whether it is the header, repeated."""
        return [field.strip("\ufeff ") for field in self._fields(raw)] == [*self.dialect.header]

    def why_none(self, fault: str, raw: str) -> str:
        """Why a line is no record, or not of the header's shape."""
        line, delimiter = _shown(raw), shown(self.dialect.delimiter)
        if fault == "binary":
            values = self.values(raw)
            column = next((name for name, value in values.items() if "\0" in value), None)
            where = f"{column} is {_shown(values[column])}" if column else f"the line {line} is no text"
            return f"{where}, with a NUL character, which no text has: delete it"
        where = "" if self.dialect.may_lack_header else " as in the header"
        n_fields = len(self._fields(raw))
        counts = (
            f"the line {line} has {n_fields} field{'s' * (n_fields != 1)}, expected {len(self.dialect.header)}{where}"
        )
        return {
            "too_few_fields": f"{counts}: is a delimiter ({delimiter}) missing, or the line cut off?",
            "too_many_fields": f"{counts}: a text with {delimiter} in it must stand in quotes",
            "unclosed_quote": f"a quote is opened and not closed in the line {line}: close it, or double a quote that is meant",
            "stray_quote": f"a quote stands in the middle of a field in the line {line}: put the field in quotes, and double it",
            "stray_carriage_return": f"a carriage return stands alone in the line {line}: expected a line feed with it",
            TOO_LONG: f"the line is longer than {MAX_RECORD_BYTES:,} bytes, it begins with {line}",
        }.get(fault, f"the line {line}: {fault.replace('_', ' ')}")

    def why_no_value(self, column: str, fault: str) -> str | None:
        """There is nothing about a value that is of CSV alone."""
        return None

    def _fields(self, raw: str) -> list[str]:
        try:
            return next(csv.reader(StringIO(raw, newline=""), delimiter=self.dialect.delimiter), [])
        except csv.Error:  # what is wrong with its quotes is told by the rule
            return []


def _shown(text: str) -> str:
    return shown(text, TEXT_SHOWN) if text else "empty"
