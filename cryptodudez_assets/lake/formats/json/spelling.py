"""How JSON records are written, for words: the fields of one, and why a text is none."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptodudez_assets.lake.formats.forms import TEXT_SHOWN, shown
from cryptodudez_assets.lake.formats.json.fields import ABSENT, NO_OBJECT, told_twice, value_at
from cryptodudez_assets.lake.formats.json.parse import MARKING, MAX_DEPTH, Broken, as_json, end_of, parsed
from cryptodudez_assets.lake.formats.reader import KEPT_OF_RAW

MAX_LINE_BYTES = 16 << 20
AROUND = 20  # characters shown before the place where a text stops to be JSON


@dataclass(frozen=True)
class JsonSpelling:
    """The words for records of which these columns are read; `names` where they are lists, `beside` what the document tells."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    beside: tuple[tuple[str, str], ...] = ()

    def values(self, raw: str) -> Mapping[str, str]:
        """What each column is in the record; nothing of those which it has not."""
        try:
            record = parsed(raw, MARKING)
        except Broken:
            return dict(self.beside)
        if isinstance(record, list):
            record = dict(zip(self.names, record, strict=False))
        if not isinstance(record, dict):
            return dict(self.beside)
        found = {name: value_at(record, name, name.split(".")) for name in self.columns}
        there = {name: value for name, value in found.items() if value not in (ABSENT, NO_OBJECT, None)}
        return dict(self.beside) | {
            name: str(value) if isinstance(value, str) else as_json(value) for name, value in there.items()
        }

    def is_header(self, raw: str) -> bool:
        """JSON has none."""
        return False

    def why_none(self, fault: str, raw: str) -> str:
        """Why a text is no JSON, or no record."""
        text = shown(raw, TEXT_SHOWN)
        if fault in ("no_json", "more_than_one", "no_number", "repeated_field"):
            return _why_broken(raw, text)
        if fault in ("too_few_fields", "too_many_fields"):
            counts = f"the list {text} has {self._length(raw)} values, expected {len(self.names)}"
            return counts + ": was it cut off?" * (fault == "too_few_fields")
        told = {
            "no_object": f"{text} is no object, expected one with fields in braces",
            "too_deep": f"values lie in each other more than {MAX_DEPTH} deep in {text}",
            "encoding": f"{text} is no UTF-8: save the file as UTF-8",
            "surrogate": f"half a character (such as \\ud83d alone) is in {text}: write the whole of it",
            "binary": f"a NUL character is in {text}, which no text has: delete it",
            "too_long": f"the record is longer than {MAX_LINE_BYTES:,} bytes, it begins with {text}",
        }
        return told.get(fault, f"the record {text}: {fault.replace('_', ' ')}")

    def why_no_value(self, column: str, fault: str) -> str | None:
        """Why a record says nothing of a column."""
        above = column.rpartition(".")[0]
        if fault == "absent":
            around = f", or {above} is null" if above and not column.startswith("$") else ""
            return f"the field {column} is absent{around}: write it, or declare it as optional"
        return f"{above} is no object, expected one with the field {column}" if fault == "no_object" else None

    def _length(self, raw: str) -> str:
        try:
            return str(len(parsed(raw)))
        except Broken:  # a text of which only the beginning is kept
            return "other"


def _why_broken(raw: str, text: str) -> str:
    try:
        value = parsed(raw)
        if isinstance(value, dict) and (path := told_twice(value)) is not None:
            return (
                f"the field {path!r} is there twice in {text}, as this name and as this path: which of them is meant?"
            )
    except Broken as error:
        if error.fault == "repeated_field":
            return f"the field {error.told!r} is there twice in one object in {text}: which of them is meant?"
        if error.fault == "no_number":
            return f"{error.told} is no number in JSON, in {text}: write null where there is no value"
        if len(raw) > KEPT_OF_RAW:
            return f"{text} is no JSON"
        if error.fault == "more_than_one":
            return f"more than one value in a record: behind the first is {shown(raw[error.at :].strip(), AROUND)}"
        if raw.startswith(("{", "[")) and end_of(raw, 0) is None:
            return f"{text} ends in the middle of a value: was it cut off?"
        before = max(error.at - AROUND, 0)
        behind = shown("…" * bool(before) + raw[before : error.at + 1], TEXT_SHOWN)
        return (
            f"{text} is no JSON: {error.told[:1].lower()}{error.told[1:]} at character {error.at + 1}, behind {behind}"
        )
    return f"{text} is no JSON"
