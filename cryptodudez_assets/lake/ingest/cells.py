"""Single values on their way into the columns of a contract: which of them a column cannot hold as they were written, what
an empty text is, and keys without the characters that nobody sees.

Text becomes numbers and days in `values.py`; the rules of a contract are judged in `contracts/rules.py`.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial, reduce
from itertools import chain
from operator import or_

import polars as pl
import pyarrow as pa

from cryptodudez_assets.contracts.base import TableContract, polars_schema
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.lake.formats.values import NOT_ZERO, convert
from cryptodudez_assets.sources.declaration import Layout, Source
from cryptodudez_assets.sources.text import MAYBE_INVISIBLE, identifier

# From here on not every whole number is a float of its own.
INEXACT = 1 << 53

SURELY_SECONDS = r"\d:\d\d:60(\D|$)"
LATER, NONE = 59, 99  # a second that there is, and one that no minute has
SIXTIES = 4
"""So many of a text are tried: a time hardly has more."""
MADE = " made"  # beside the raw columns, as `FILE` and `ROW` are
REFUSALS = (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError)


def misfits(layout: Layout, raw: pl.DataFrame, made: pl.DataFrame, fitting: pl.DataFrame) -> dict[str, pl.Series]:
    """Which values of `fitting` are not what was written, by rule.

    `raw` are the raw columns, `made` what the layout's expressions make of them, `fitting` the same in the contract's types.
    """
    found: dict[str, pl.Series] = {}
    for rule, flags in chain(
        _lost(made, fitting), _underflown(layout, raw, fitting), _leap_seconds(layout, raw, fitting)
    ):
        if flags.any():
            found[rule] = found[rule] | flags if rule in found else flags
    return found


def fitted(made: pl.DataFrame, contract: type[TableContract]) -> pl.DataFrame:
    """The same in the contract's types, null where a type cannot hold a value. Decimals are read digit by digit from text."""
    schema = polars_schema(contract)
    texts = [name for name, dtype in schema.items() if isinstance(dtype, pl.Decimal) and made.schema[name] == pl.String]
    if texts:
        made = made.with_columns(_decimals(made[name], schema[name]) for name in texts)
    return made.cast(schema, strict=False)


def _decimals(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    told = text.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
    read, _ = convert(told, pl.Series([], dtype=dtype).to_arrow().type)
    return pl.Series(text.name, read)


def with_empty_text(source: Source, layout: Layout, raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """`made` with the empty text where raw text is empty and its column holds that (the readers give null)."""
    for name in _holding_empty_text(source.contract):
        expression = layout.canonical.get(name)
        if name in source.key or expression is None or not made[name].null_count():
            continue
        texts = _texts(raw, expression)
        empty = reduce(or_, (raw[one].is_null() for one in texts), _none(len(raw))) & made[name].is_null()
        if empty.any():
            told = _read(raw.filter(empty).with_columns(pl.col(texts).fill_null("")), expression, pl.String())
            made = made.with_columns(made[name].scatter(empty.arg_true(), told))
    return made


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
        {finding.rule.partition(":")[0] for finding in evaluate_rules(contract, pl.DataFrame([row], schema))}
        for row in (empty, nothing)
    )
    return tuple(name for name in texts if name in refuses_nothing - refuses_empty)


def _lost(made: pl.DataFrame, fitting: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    for name, dtype in fitting.schema.items():
        if made.schema[name] != dtype:
            yield f"{name}:type", _is_lost(made[name], fitting[name])
            if dtype.is_float():
                yield f"{name}:underflow", ((fitting[name] == 0) & _is_not_zero(made[name])).fill_null(False)


def _underflown(layout: Layout, raw: pl.DataFrame, fitting: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Numbers that are written as more than nothing, and that an expression reads as nothing."""
    for name, expression in layout.canonical.items():
        if fitting.schema[name].is_float():
            at = (fitting[name] == 0).fill_null(False).arg_true()
            for text in _texts(raw, expression) if len(at) else ():
                told = raw[text].gather(at)
                nothing = (told.cast(pl.Float64, strict=False) == 0) & told.str.contains(NOT_ZERO)
                yield f"{name}:underflow", _none(len(raw)).scatter(at.filter(nothing.fill_null(False)), True)


def _is_lost(made: pl.Series, fitting: pl.Series) -> pl.Series:
    lost = made.is_not_null() & fitting.is_null()
    if isinstance(fitting.dtype, pl.Decimal) or isinstance(made.dtype, pl.Decimal):
        lost |= _loses_digits(made, fitting)
    elif made.dtype.is_float() and fitting.dtype.is_integer():
        lost |= ((fitting.cast(made.dtype) != made) | (made.abs() >= INEXACT)).fill_null(False)
    elif made.dtype.is_integer() and fitting.dtype.is_float():
        lost |= fitting.cast(made.dtype, strict=False).ne_missing(made)
    return lost


def _loses_digits(made: pl.Series, fitting: pl.Series) -> pl.Series:
    """Where one of both is a decimal, and the other another number. (As text a decimal has all its digits, as a float it is near.)"""
    if made.dtype == pl.String or fitting.dtype == pl.String or fitting.dtype.is_float():
        return _none(len(made))
    return (fitting.cast(made.dtype, strict=False) != made).fill_null(False)


def _is_not_zero(made: pl.Series) -> pl.Series:
    return made.str.contains(NOT_ZERO) if made.dtype == pl.String else made.cast(pl.Float64) != 0


def _leap_seconds(layout: Layout, raw: pl.DataFrame, fitting: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Times that are written with second 60. There is none here, and what reads it makes it the next minute without a word."""
    for name, expression in layout.canonical.items():
        if isinstance(fitting.schema[name], pl.Date | pl.Datetime):
            columns = [one for one in dict.fromkeys(expression.meta.root_names()) if _may_hold_times(raw.schema[one])]
            for column in columns:
                yield f"{name}:leap_second", _is_leap_second(raw, column, expression, fitting[name])


def _may_hold_times(dtype: pl.DataType) -> bool:
    return dtype == pl.String or dtype.is_integer()


def _is_leap_second(raw: pl.DataFrame, column: str, expression: pl.Expr, read: pl.Series) -> pl.Series:
    flags = _none(len(read))
    at = (read.is_not_null() if read.dtype == pl.Date else read.dt.second() == 0).arg_true()
    for another in _sixties(raw.schema[column]):
        at_here = at.filter(raw[column].gather(at).cast(pl.String).str.contains("60", literal=True).fill_null(False))
        if at_here.is_empty():
            break
        # With 59 in its place it is a second earlier, and with 99 it is no time; or else the sixty was something else.
        there, rows = read.gather(at_here), raw[at_here]
        earlier, none = (
            _read(rows.with_columns(another(column, seconds)), expression, read.dtype) for seconds in (LATER, NONE)
        )
        gained = (there - earlier).dt.total_milliseconds()
        surely = rows[column].cast(pl.String).str.contains(SURELY_SECONDS)
        rolled = (gained == 1000) & none.is_null() if read.dtype != pl.Date else (gained > 0) & surely
        flags = flags.scatter(at_here.filter(rolled.fill_null(False)), True)
    return flags


def _sixties(dtype: pl.DataType) -> list[Callable[[str, int], pl.Expr]]:
    """Ways to put other seconds in the place of a sixty: of the first in a text, the second, …; of the last two digits."""
    if dtype.is_integer():
        return [lambda name, seconds: pl.when(pl.col(name) % 100 == 60).then(pl.col(name) + (seconds - 60))]
    return [
        partial(
            lambda nth, name, seconds: pl.col(name).str.replace(nth, f"${{1}}{seconds}"), f"^((?:.*?60){{{n}}}.*?)60"
        )
        for n in range(SIXTIES)
    ]


def _read(raw: pl.DataFrame, expression: pl.Expr, dtype: pl.DataType) -> pl.Series:
    """What the expression makes of each row; null where it refuses, such as a mapping that has no place for a text."""
    try:
        return raw.with_columns(expression.alias(MADE))[MADE].cast(dtype)
    except REFUSALS:
        if len(raw) == 1:
            return pl.Series([None], dtype=dtype)
        middle = len(raw) // 2
        return pl.concat(_read(half, expression, dtype) for half in (raw[:middle], raw[middle:]))


def _texts(raw: pl.DataFrame, expression: pl.Expr) -> list[str]:
    """The raw text columns that an expression is made of."""
    return [name for name in dict.fromkeys(expression.meta.root_names()) if raw.schema[name] == pl.String]


def _none(n: int) -> pl.Series:
    return pl.repeat(False, n, dtype=pl.Boolean, eager=True)
