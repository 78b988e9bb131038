"""What the columns of a sample hold: whole numbers, numbers, text; and how the table's columns are made of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from cryptodudez_assets.drafting import spelling
from cryptodudez_assets.drafting.names import is_unnamed, python_list, quoted, snake, table_names
from cryptodudez_assets.drafting.times import expression

# A column is one of numbers though so many of its values are none: they are set aside. A short one must be clean.
SLIPS, SHORT = 0.05, 10
EXACT_DIGITS = 15  # of any number that is a float
# Prices are no whole numbers, though a sample may hold but whole ones.
DIVISIBLE = re.compile(
    r"(^|_)(price|open|high|low|close|bid|ask|amount|value|rate|cost|fee|volume|gwei|cap|marketcap|return|spread|qty|quantity|balance)(_|$)"
)
TEXT, WHOLE, NUMBER = "pl.String", "pl.Int64", "pl.Float64"


@dataclass(frozen=True)
class Column:
    """A column of the table: its name, the raw column, as what that is read, how it is made of it, and its type."""

    name: str
    raw: str
    raw_type: str
    code: str
    type: str
    nullable: bool
    values: pl.Series
    """What it is in each record, null where there is none."""
    lost: pl.Series
    """In which records something else is written than the type can hold."""

    @property
    def has_letters(self) -> bool:
        """Whether most of its texts have a letter in them: others are numbers or times in a form of their own."""
        there = self.values.drop_nulls()
        return not self.is_text or there.is_empty() or (there.str.contains(r"\p{L}").sum() or 0) > len(there) / 2

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.type == TEXT


def columns_of(rows: pl.DataFrame, without: Mapping[str, str], *, exact: bool = False) -> list[Column]:
    """What each column holds, but for those that have no name or tell the time.

    `exact`: the format has types, so that numbers with more digits than a float keeps were written with care; they stay text.
    """
    texts = {name: rows[name] for name in rows.columns if not is_unnamed(name) and name not in without}
    names = table_names(texts)
    return [_column(names[raw], raw, text, exact=exact) for raw, text in texts.items()]


def _column(name: str, raw: str, text: pl.Series, *, exact: bool) -> Column:
    there = text.drop_nulls().str.strip_chars()
    none = ("", *spelling.NOTHING) if exact else spelling.NOTHING  # a CSV does not tell an empty text from none
    nothing = there.filter(there.is_in(none)).unique(maintain_order=True).to_list()
    numbers = there.filter(~there.is_in(none))
    column = f"pl.col({quoted(raw)})"
    if exact and _has_more_digits(numbers):
        return _made(name, raw, TEXT, column, TEXT, text)
    if nothing and (type_ := _type(raw, numbers)) != TEXT:
        padded = bool((there != text.drop_nulls()).any())
        stripped = f"{column}.str.strip_chars()" if padded else column
        code = f"{stripped}.replace({python_list(nothing)}, None)"
        return _made(name, raw, TEXT, code, type_, text)
    if (type_ := _type(raw, there)) != TEXT:
        return _made(name, raw, type_, column, type_, text)
    if _is_money(numbers):
        replaced = f"{column}.replace({python_list(nothing)}, None)" if nothing else column
        return _made(name, raw, TEXT, f'{replaced}.str.replace_all("[$€£, ]", "")', NUMBER, text)
    if _has_decimal_commas(numbers):
        replaced = f"{column}.replace({python_list(nothing)}, None)" if nothing else column
        return _made(name, raw, TEXT, f'{replaced}.str.replace(",", ".", literal=True)', NUMBER, text)
    if (there != text.drop_nulls()).any():
        return _made(name, raw, TEXT, f"identifier({column})", TEXT, text)
    return _made(name, raw, TEXT, column, TEXT, text)


def _made(name: str, raw: str, raw_type: str, code: str, type_: str, text: pl.Series) -> Column:
    as_read = text.alias(raw) if raw_type == TEXT else _cast(text.str.strip_chars(), raw_type).alias(raw)
    made = as_read.to_frame().select(expression(code).alias(name)).to_series()
    values = _cast(made, type_)
    # What is written and cannot be read as the type sets its row aside; nothing is lost of an empty field.
    lost = values.is_null() & (made.is_not_null() if raw_type == TEXT else text.is_not_null())
    return Column(name, raw, raw_type, code, type_, bool((values.is_null() & ~lost).any()), values, lost)


def _cast(values: pl.Series, type_: str) -> pl.Series:
    return values.cast(getattr(pl, type_.removeprefix("pl.")), strict=False)


def _type(raw: str, there: pl.Series) -> str:
    """Text, where anything would be lost of it as a number."""
    if there.is_empty() or there.str.contains(spelling.PADDED).any():
        return TEXT
    tolerated = int(SLIPS * len(there)) or (len(there) >= SHORT)
    if len(there) - (there.str.contains(spelling.NUMBER).sum() or 0) > tolerated:
        return TEXT
    digits = there.filter(there.str.contains(r"^-?\d+$"))
    if len(digits) and digits.cast(pl.Int64, strict=False).null_count():
        return TEXT if len(digits) >= len(there) - tolerated else NUMBER  # longer than any number here: an identifier
    whole = len(digits) >= len(there) - tolerated and not (there.str.contains(r"^-?\d*\.\d*$").any())
    return WHOLE if whole and not DIVISIBLE.search(snake(raw)) else NUMBER


def _has_more_digits(numbers: pl.Series) -> bool:
    """Whether digits of any would be lost as a float: whole numbers are kept up to 64 bits."""
    longer = numbers.filter(numbers.str.contains(spelling.NUMBER) & ~numbers.str.contains(spelling.INTEGER))
    longer = longer.filter(longer.str.count_matches("[0-9]") > EXACT_DIGITS)
    return any(Decimal(one) != Decimal(repr(float(one))) for one in longer)


def _is_money(numbers: pl.Series) -> bool:
    """Whether commas divide thousands, or signs of currencies stand before numbers."""
    return bool(
        len(numbers)
        and numbers.str.contains(spelling.MONEY).all()
        and numbers.str.contains(spelling.SURELY_MONEY).any()
    )


def _has_decimal_commas(numbers: pl.Series) -> bool:
    """Whether commas stand for points: with three digits behind each they might divide thousands."""
    if numbers.is_empty() or not numbers.str.contains(spelling.COMMA).all():
        return False
    return bool(numbers.str.contains(r",(?:\d{1,2}|\d{4,})$").any())
