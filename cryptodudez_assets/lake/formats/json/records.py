"""From the texts of JSON records to typed raw columns. Where the records are, lines or documents tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from cryptodudez_assets.lake.formats.json.fields import ABSENT, NO_OBJECT, flattened, told_twice, unknown_in, value_at
from cryptodudez_assets.lake.formats.json.parse import MARKING, PLAIN, Broken, as_json, parsed
from cryptodudez_assets.lake.formats.json.spelling import JsonSpelling
from cryptodudez_assets.lake.formats.reader import ARROW_TYPES, EXTRA, ROW, Reject, kept
from cryptodudez_assets.lake.formats.values import convert
from cryptodudez_assets.sources.declaration import Layout


class Found(NamedTuple):
    """A record's text and where it is; `fault` where it need not be looked at."""

    text: str
    line: int
    place: str | None = None
    fault: str | None = None


class Typed(NamedTuple):
    """What became of records: the good ones, with `ROW`, and the others."""

    table: pa.Table
    rejects: list[Reject]


@dataclass(frozen=True)
class RecordReader:
    """Reads records of one layout. `beside`: what the document says beside its rows, by column."""

    layout: Layout
    keeps_extra: bool
    beside: Mapping[str, Any]

    def read(self, found: Sequence[Found], first_row: int) -> Typed:
        """The records, of which the first is the file's record number `first_row`."""
        records: list[Mapping[str, Any]] = []
        at: list[int] = []
        rejects: list[Reject] = []
        for index, one in enumerate(found):
            try:
                records.append(self._record(one))
                at.append(index)
            except Broken as error:
                rejects.append(reject(one, first_row + index, [f"record:{error.fault}"]))
        broken: list[list[str]] = [[] for _ in records]
        columns = {
            name: self._column(name, records, [found[index] for index in at], broken) for name in self.layout.columns
        }
        if self.keeps_extra:
            columns[EXTRA] = pa.array([self._extra(record) for record in records], pa.string())
        columns[ROW] = pa.array(np.asarray(at, np.int64) + first_row, pa.int64())
        table = pa.table(columns)
        if any(broken):
            rejects += [
                reject(found[index], first_row + index, rules) for index, rules in zip(at, broken, strict=True) if rules
            ]
            table = table.filter(pa.array([not rules for rules in broken], pa.bool_()))
        return Typed(table, rejects)

    @property
    def spelling(self) -> JsonSpelling:
        """How the records are written."""
        beside = tuple((name, _shown(value)) for name, value in self.beside.items())
        return JsonSpelling(tuple(self.layout.columns), tuple(self.layout.names), beside)

    def _record(self, found: Found) -> Mapping[str, Any]:
        if found.fault:
            raise Broken(found.fault)
        value = parsed(found.text, MARKING if self.keeps_extra else PLAIN)
        if isinstance(value, dict):
            if (path := told_twice(value)) is not None:
                raise Broken("repeated_field", path)
            return value
        if not isinstance(value, list) or not self.layout.names:
            raise Broken("no_object")
        if len(value) != len(self.layout.names):
            raise Broken("too_few_fields" if len(value) < len(self.layout.names) else "too_many_fields")
        return dict(zip(self.layout.names, value, strict=True))

    def _column(
        self, name: str, records: Sequence[Mapping[str, Any]], found: Sequence[Found], broken: Sequence[list[str]]
    ) -> pa.Array:
        """The values of a column, null where a record has none; notes in `broken` what is wrong with them."""
        values = self._values(name, records)
        if not {*map(type, values)} <= {str, type(None)}:
            values = [self._text(name, *one) for one in zip(values, found, broken, strict=True)]
        column, failed = convert(pa.array(values, pa.string()), ARROW_TYPES[self.layout.columns[name]])
        for index, rule in failed:
            broken[index].append(f"{name}:{rule}")
        return column

    def _values(self, name: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
        if name in self.layout.told_beside_rows:
            return [self.beside.get(name, ABSENT)] * len(records)
        path = name.split(".")
        if len(path) == 1:
            return [record.get(name, ABSENT) for record in records]
        return [value_at(record, name, path) for record in records]

    def _text(self, name: str, value: Any, found: Found, broken: list[str]) -> str | None:
        if value is ABSENT:
            if name not in self.layout.optional:
                broken.append(f"{name}:absent")
        elif value is NO_OBJECT:
            broken.append(f"{name}:no_object")
        elif isinstance(value, bool):
            return "true" if value else "false"
        elif isinstance(value, dict | list):
            return self._texts_beside.get(name) or as_json(self._marked(name, found))
        elif value is not None:
            return str(value)
        return None

    @cached_property
    def _texts_beside(self) -> Mapping[str, str]:
        """What the document says beside its rows in objects and lists: the same text in each row, so made once."""
        return {name: as_json(value) for name, value in self.beside.items() if isinstance(value, dict | list)}

    def _marked(self, name: str, found: Found) -> Any:
        """A value that is more than a text, with its numbers told from texts."""
        record = parsed(found.text, MARKING)
        if isinstance(record, list):
            record = dict(zip(self.layout.names, record, strict=True))
        return value_at(record, name, name.split("."))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset([*self.layout.columns, *self.layout.ignored])

    def _extra(self, record: Mapping[str, Any]) -> str | None:
        told = flattened(record)
        added = _unknown(tuple(told), self._known)
        return as_json({name: told[name] for name in added}) if added else None


@lru_cache(1024)  # most records of a file have the same fields
def _unknown(names: tuple[str, ...], known: frozenset[str]) -> list[str]:
    return unknown_in(names, known)


def reject(found: Found, row: int, rules: Sequence[str]) -> Reject:
    """A record that breaks these rules."""
    raw = kept(found.text) if found.fault != "too_long" else found.text
    return Reject(row, found.line, raw, tuple(rules), found.place)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str) else as_json(value)
