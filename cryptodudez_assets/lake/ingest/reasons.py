"""Why a record is set aside, in the terms of who brought the file: the raw column, what stands in it, what was expected.

Made of the declaration alone: which raw columns a canonical one is made of, in which format times are read, what a check asks.
What is wrong with a record as such is told by its format, why whole files are set aside there, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import EXACT, TableContract, polars_schema
from cryptodudez_assets.contracts.expressions import formats_in
from cryptodudez_assets.contracts.rules import rules_of
from cryptodudez_assets.lake.formats.forms import (
    ISO_DAY,
    TEXT_SHOWN,
    digits_hint,
    example_of,
    is_number,
    number_hint,
    shown,
    time_hint,
)
from cryptodudez_assets.lake.formats.reader import Spelling
from cryptodudez_assets.sources.declaration import Layout, Source

OF_TEXT = ("type", "encoding", "underflow")
"""Rules that are told of raw columns; of canonical ones, too, where what is made of them does not fit."""


class Wording:
    """Says why records of files with this layout, and written so, are set aside."""

    def __init__(self, source: Source, layout: Layout, spelling: Spelling) -> None:
        self.source, self.layout, self.spelling = source, layout, spelling
        self._expected: dict[tuple[str, str], str] = {}

    def reason(self, raw: str, rules: Sequence[str]) -> str:
        """Why a record with this text breaks these rules."""
        if self.spelling.is_header(raw):
            return "the header is repeated here: delete the line"
        values = self.spelling.values(raw)
        return "; ".join(dict.fromkeys(self._sentence(rule, raw, values) for rule in self._causes(rules)))

    def _causes(self, rules: Sequence[str]) -> Iterator[str]:
        """The rules without those that are broken by the same raw columns: what is made of nothing is missing, too."""
        told = set[tuple[str, ...]]()
        for rule in rules:
            name, _, kind = rule.partition(":")
            columns = tuple(self._made_of(name)) if kind == "missing" else ()
            if not columns or columns not in told:
                yield rule
            told.add(columns)

    def _sentence(self, rule: str, raw: str, values: Mapping[str, str]) -> str:
        name, _, kind = rule.partition(":")
        if name == "record":
            return self.spelling.why_none(kind, raw)
        if name in self.layout.columns and (told := self.spelling.why_no_value(name, kind)):
            return told
        is_raw = kind in OF_TEXT and (name in self.layout.columns or name not in self.layout.canonical)
        columns = [name] if is_raw else self._made_of(name) if kind else self._judged(name)
        found = " and ".join(f"{column} is {_shown(values.get(column, ''))}" for column in columns)
        expected = self._expectation(name, kind, is_raw=is_raw)
        if not found:
            return f"{name}{expected}"
        texts = [values.get(column, "").strip() for column in columns]
        return found + expected + self._hint(name, kind, texts, is_raw=is_raw)

    def _made_of(self, name: str) -> list[str]:
        """The raw columns that a canonical column is made of."""
        expression = self.layout.canonical.get(name)
        roots = expression.meta.root_names() if expression is not None else []
        return [column for column in dict.fromkeys(roots) if column in self.layout.columns]

    def _judged(self, rule: str) -> list[str]:
        """The raw columns of all that a rule over whole rows looks at."""
        names = dict.fromkeys(self._looked_at.get(rule, []))
        return list(dict.fromkeys(column for name in names for column in self._made_of(name)))

    @cached_property
    def _looked_at(self) -> dict[str, list[str]]:
        return {name: holds.meta.root_names() for name, holds in rules_of(self.source.contract)}

    def _expectation(self, name: str, kind: str, *, is_raw: bool) -> str:
        key = name, kind
        if key not in self._expected:
            told = (
                self._of_raw(name, kind)
                if is_raw
                else _of_canonical(self.source.contract, name, kind, self._form(name))
            )
            self._expected[key] = told
        return self._expected[key]

    def _of_raw(self, name: str, kind: str) -> str:
        if kind == "encoding":
            return ", which is no UTF-8: save the file as UTF-8"
        if kind == "underflow":
            return UNDERFLOW
        form = {
            pl.Int64: "a whole number such as 42",
            pl.Date: "a date such as 2021-12-31",
            pl.Decimal: "a number such as 1234.5",
        }
        return f", expected {form.get(self.layout.columns.get(name, pl.Float64), 'a number such as 1234.5')}"

    def _form(self, name: str) -> str:
        """What a canonical column's text should look like."""
        dtype = polars_schema(self.source.contract).get(name)
        if dtype is None or not dtype.is_temporal():
            return (
                "text"
                if dtype == pl.String
                else "a whole number"
                if dtype is not None and dtype.is_integer()
                else "a number"
            )
        what = "a date" if dtype == pl.Date else "a time"
        examples = [example_of(one) for one in self._formats(name)]
        return f"{what} such as {' or '.join(dict.fromkeys(examples))}" if examples else what

    def _formats(self, name: str) -> list[str]:
        expression = self.layout.canonical.get(name)
        told = formats_in(expression) if expression is not None else []
        as_day = any(self.layout.columns[column] is pl.Date for column in self._made_of(name))
        return told or ([ISO_DAY] if as_day else [])

    def _hint(self, name: str, kind: str, texts: Sequence[str], *, is_raw: bool) -> str:
        """What else may be seen in a value that cannot be read."""
        if kind not in ("type", "missing") or not all(texts):
            return ""
        if is_raw and self.layout.columns.get(name) is not pl.Date:
            is_exact = self.layout.columns.get(name) is pl.Decimal
            return digits_hint(EXACT) if is_exact and is_number(texts[0]) else number_hint(texts[0])
        return time_hint(" ".join(texts), [ISO_DAY] if is_raw else self._formats(name))


UNDERFLOW = ", so close to zero that only zero could be kept"


def _of_canonical(contract: type[TableContract], name: str, kind: str, form: str) -> str:
    if kind == "missing" or kind == "type":
        return f", expected {form}"
    if kind == "not_finite":
        return ", expected a finite number"
    if kind == "underflow":
        return UNDERFLOW
    if kind == "leap_second":
        return ", with the second 60, which no time here can have: only the next minute could be kept"
    return _of_check(contract, name, kind)


def _of_check(contract: type[TableContract], name: str, kind: str) -> str:
    schema = contract.to_schema()
    if not kind:
        found = next((check for check in schema.checks if check.name == name), None)
        return f": {((found.description if found is not None else None) or name).rstrip('.')}"
    check = (
        next((one for one in schema.columns[name].checks if one.name == kind), None) if name in schema.columns else None
    )
    if check is None:
        return f", against the rule {kind}"
    asked = next(_asked(str(check.name), check.statistics), None)
    return f", expected {asked or str(check.error or check.name).replace('_', ' ').replace('(', ' (')}"


def _asked(kind: str, told: Mapping[str, Any]) -> Iterator[str]:
    """What a check of Pandera's asks for."""
    low, high = told.get("min_value"), told.get("max_value")
    if kind == "str_length":
        yield f"{low or 0} to {high} characters" if high is not None else f"at least {low} characters"
    if kind == "in_range":
        yield f"something from {_plain(low)} to {_plain(high)}"
    if kind == "isin":
        yield f"one of {', '.join(map(repr, told['allowed_values']))}"
    words = {
        "greater_than": ("more than", low),
        "greater_than_or_equal_to": ("at least", low),
        "less_than": ("less than", high),
        "less_than_or_equal_to": ("at most", high),
        "equal_to": ("exactly", told.get("value")),
    }
    if kind in words:
        yield " ".join(map(str, words[kind]))


def _plain(value: object) -> str:
    return re.sub(r" 00:00:00.*", "", str(value))


def _shown(text: str) -> str:
    return shown(text, TEXT_SHOWN) if text else "empty"
