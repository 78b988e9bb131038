"""Single values on their way into the columns of a contract: which of them a column cannot hold as they were written, what
an empty text is, and keys without the characters that nobody sees.

Text becomes numbers and days in `parse.py`; the rules of a contract are judged in `contracts/rules.py`.
"""

from collections.abc import Iterator
from functools import cache, reduce
from operator import or_

import polars as pl

from cryptodudez_assets.contracts.base import TableContract, polars_schema
from cryptodudez_assets.contracts.rules import judge
from cryptodudez_assets.lake.parse import NOT_ZERO
from cryptodudez_assets.sources.declaration import Layout, Source
from cryptodudez_assets.sources.text import identifier

# From here on not every whole number is a float of its own.
INEXACT = 1 << 53

# Sixty where it may be a time's seconds: on its own, or at the end of HHMMSS, with or without a date before it.
SIXTY = r"(^|\D)(\d{4}|\d{10}|\d{12})?60(\D|$)"
SURELY_SECONDS = r"\d:\d\d:60(\D|$)"
MADE = " made"  # beside the raw columns, as `FILE` and `ROW` are
REFUSALS = (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError)

# What begins or ends with anything but a visible character of ASCII is looked at.
MAYBE_INVISIBLE = "^[^!-~]|[^!-~]$"


def misfits(layout: Layout, raw: pl.DataFrame, made: pl.DataFrame, fitting: pl.DataFrame) -> dict[str, pl.Series]:
    """Which values of `fitting` are not what was written, by rule.

    `raw` are the raw columns, `made` what the layout's expressions make of them, `fitting` the same in the contract's types.
    """
    found = [*_lost(made, fitting), *_leap_seconds(layout, raw, fitting)]
    return {rule: flags for rule, flags in found if flags.any()}


def with_empty_text(source: Source, layout: Layout, raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """`made` with the empty text where raw text is empty and its column holds that (the readers give null)."""
    for name in _holding_empty_text(source.contract):
        expression = layout.canonical.get(name)
        if name in source.key or expression is None or not made[name].null_count():
            continue
        texts = _texts(raw, expression)
        empty = reduce(or_, (raw[one].is_null() for one in texts), _none(len(raw))) & made[name].is_null()
        if empty.any():
            told = _made_of_empty(raw.filter(empty), texts, expression)
            made = made.with_columns(made[name].scatter(empty.arg_true(), told))
    return made


def _made_of_empty(raw: pl.DataFrame, texts: list[str], expression: pl.Expr) -> pl.Series:
    try:
        return raw.with_columns(pl.col(texts).fill_null("")).with_columns(expression.alias(MADE))[MADE].cast(pl.String)
    except REFUSALS:  # such as a mapping that has no place for the empty text: then there is no value, of that row
        if len(raw) == 1:
            return pl.Series([None], dtype=pl.String)
        middle = len(raw) // 2
        return pl.concat(_made_of_empty(half, texts, expression) for half in (raw[:middle], raw[middle:]))


def clean_keys(source: Source, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series | None]:
    """The rows without the invisible characters around the texts of their keys, and which had some; None where none had."""
    changed = _none(len(rows))
    for name in source.key:
        key = rows[name]
        # The same key often follows itself: only the first of a run is looked at.
        if key.dtype == pl.String and key.filter(key.ne_missing(key.shift())).str.contains(MAYBE_INVISIBLE).any():
            rows = rows.with_columns(identifier(pl.col(name)).alias(name))
            changed |= (key != "").fill_null(False) & key.ne_missing(rows[name])
    return rows, changed if changed.any() else None


@cache
def _holding_empty_text(contract: type[TableContract]) -> tuple[str, ...]:
    """Text columns of which the contract asks that there be a value, but not that it be longer than nothing."""
    schema = polars_schema(contract)
    texts = [name for name, dtype in schema.items() if dtype == pl.String]
    empty, nothing = ({name: text if name in texts else None for name in schema} for text in ("", None))
    refuses_empty, refuses_nothing = (
        {finding.rule.partition(":")[0] for finding in judge(contract, pl.DataFrame([row], schema))}
        for row in (empty, nothing)
    )
    return tuple(name for name in texts if name in refuses_nothing - refuses_empty)


def _lost(made: pl.DataFrame, fitting: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    for name, dtype in fitting.schema.items():
        if made.schema[name] != dtype:
            yield f"{name}:type", _is_lost(made[name], fitting[name])
            if dtype.is_float():
                yield f"{name}:underflow", ((fitting[name] == 0) & _is_not_zero(made[name])).fill_null(False)


def _is_lost(made: pl.Series, fitting: pl.Series) -> pl.Series:
    lost = made.is_not_null() & fitting.is_null()
    if made.dtype.is_float() and fitting.dtype.is_integer():
        lost |= ((fitting.cast(made.dtype) != made) | (made.abs() >= INEXACT)).fill_null(False)
    elif made.dtype.is_integer() and fitting.dtype.is_float():
        lost |= fitting.cast(made.dtype, strict=False).ne_missing(made)
    return lost


def _is_not_zero(made: pl.Series) -> pl.Series:
    return made.str.contains(NOT_ZERO) if made.dtype == pl.String else made.cast(pl.Float64) != 0


def _leap_seconds(layout: Layout, raw: pl.DataFrame, fitting: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Times whose text says second 60. There is none here, and what reads it makes it the next minute without a word."""
    for name, expression in layout.canonical.items():
        texts = _texts(raw, expression)
        if texts and isinstance(fitting.schema[name], pl.Date | pl.Datetime):
            yield f"{name}:leap_second", _is_leap_second(raw, texts, expression, fitting[name])


def _is_leap_second(raw: pl.DataFrame, texts: list[str], expression: pl.Expr, read: pl.Series) -> pl.Series:
    flags = _none(len(read))
    at = (read.is_not_null() if read.dtype == pl.Date else read.dt.second() == 0).arg_true()
    at = at.filter(_any_says(raw, texts, at, "60", literal=True))
    if at.is_empty():
        return flags
    # With 59 in its place it is a second earlier, or else the sixty was something else.
    earlier = raw[at].with_columns(pl.col(texts).str.replace_all(SIXTY, "${1}${2}59${3}")).select(expression)
    gained = (read.gather(at) - earlier.to_series().cast(read.dtype)).dt.total_milliseconds()
    rolled = (gained == 1000) | ((gained > 0) & _any_says(raw, texts, at, SURELY_SECONDS))
    return flags.scatter(at.filter(rolled.fill_null(False)), True)


def _any_says(raw: pl.DataFrame, texts: list[str], at: pl.Series, what: str, *, literal: bool = False) -> pl.Series:
    said = (raw[name].gather(at).str.contains(what, literal=literal).fill_null(False) for name in texts)
    return reduce(or_, said)


def _texts(raw: pl.DataFrame, expression: pl.Expr) -> list[str]:
    """The raw text columns that an expression is made of."""
    return [name for name in dict.fromkeys(expression.meta.root_names()) if raw.schema[name] == pl.String]


def _none(n: int) -> pl.Series:
    return pl.repeat(False, n, dtype=pl.Boolean, eager=True)
