"""Which columns of a sample tell when something happened, and how that is read: as text in a format, or as a number since 1970."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_

import polars as pl

from cryptodudez_assets.contracts.base import PLAUSIBLE
from cryptodudez_assets.drafting import spelling
from cryptodudez_assets.drafting.choices import NO_TIME, Choices, Undecided, Unusable
from cryptodudez_assets.drafting.formats import LOOKED_AT, Formats, formats_in
from cryptodudez_assets.drafting.names import quoted, quoted_list, snake
from cryptodudez_assets.sources.text import identifier

# Columns whose digits may be a time, by their names, or since they have none but their position; and those that nobody names so
# who means something else.
MAYBE = re.compile(
    r"(^|_)(date|time|datetime|timestamp|ts|day|epoch|unix|when|at|created|updated|opened?|closed|t)(_|$|\d)|^column_\d+$"
)
SURELY = re.compile(r"(^|_)(date|datetime|timestamp|ts)$|^(event_|local_|utc_)?time(_utc)?$")
OF_THE_EVENT = {"event_ts", "event_time", "event_timestamp", "timestamp", "ts", "time", "date", "datetime", "time_utc"}

MICROSECONDS = 10**6
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": MICROSECONDS, "nanoseconds": 10**9}
SINCE, UNTIL = 946_684_800, 4_102_444_800  # 2000 and 2100
MOST = 0.5
"""Of its values, so many are times, or the column tells none: those that are not are set aside."""
FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Time:
    """How the event's time is made of raw columns (with the types that they are read as), and what it is in each record."""

    columns: dict[str, str]
    code: str
    told: str
    values: pl.Series


@dataclass(frozen=True)
class Candidate:
    """Raw columns that together may tell the time: as text in one of these formats, or as a number in this unit."""

    raw: pl.DataFrame
    formats: Formats | None = None
    unit: str = ""

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return self.raw.columns

    @property
    def has_clock(self) -> bool:
        """Whether it tells more than days."""
        return bool(self.unit) or (self.formats is not None and self.formats.have_clock)

    def read(self, order: str | None) -> Time:
        """Raises Undecided where the order of day, month and year is open and not said."""
        return self._number() if self.formats is None else self._text(self.formats, order)

    def _number(self) -> Time:
        column = self.columns[0]
        whole = bool(self.raw[column].drop_nulls().str.contains(r"^-?\d+$").all())
        code = _epoch_code(column, self.unit, whole=whole)
        as_read = self.raw.cast(pl.Int64 if whole else pl.Float64, strict=False)
        dtype = "pl.Int64" if whole else "pl.Float64"
        per_microsecond = UNITS[self.unit] // MICROSECONDS
        cut = whole and per_microsecond > 1 and bool((as_read[column] % per_microsecond != 0).any())
        told = f"{column}, in {self.unit} since 1970{', kept to the microsecond' * cut}"
        return Time({column: dtype}, code, told, _made(as_read, code))

    def _text(self, formats: Formats, order: str | None) -> Time:
        name = " and ".join(self.columns)
        chosen = formats.decided(name, order)
        codes = [_format_code(f"{_joined_code(self.raw)}.str", form) for form in chosen]
        code = codes[0] if len(codes) == 1 else f"pl.coalesce({', '.join(codes)})"
        zone = "" if all(spelling.has_zone(form) for form in chosen) else ", taken for UTC"
        told = f"{name}, as {' or '.join(chosen)}{zone}"
        return Time(dict.fromkeys(self.columns, "pl.String"), code, told, _made(self.raw, code))


def time_of(rows: pl.DataFrame, choices: Choices) -> Time | None:
    """How the sample tells the time of an event; None where it tells none, or is not to. Raises Undecided, Unusable."""
    if list(choices.time) == [NO_TIME] and NO_TIME not in rows.columns:
        return None
    if choices.time:
        return _sensible(_named(rows, choices.time).read(choices.dates), certain=True)
    found = [one for name in rows.columns if name and (one := _candidate(rows.select(name)))]
    found = list(_with_time_of_day(rows, found))
    if not found:
        _insist_that_none_is_meant(rows)
        return None
    chosen = found[0] if len(found) == 1 else _preferred(found, choices)
    return _sensible(chosen.read(choices.dates), certain=False)


def _candidate(raw: pl.DataFrame, *, certain: bool = False) -> Candidate | None:
    """Columns as a candidate; None where what is in them is no time. `certain`: they are said to be one."""
    text = raw.select(expression(_joined_code(raw))).to_series()
    there = text.drop_nulls()
    if there.is_empty() or (len(there) <= MOST * len(text) and not certain):
        return None
    named = certain or bool(MAYBE.search(snake(raw.columns[0])))
    if named and len(raw.columns) == 1 and (unit := unit_of(there)):
        return Candidate(raw, unit=unit)
    if not named and there.head(LOOKED_AT).str.contains(r"^\d+$").all():
        return None  # numbers of eight digits are no days
    formats = formats_in(text)
    return Candidate(raw, formats) if formats and formats.share > MOST else None


def _named(rows: pl.DataFrame, names: Sequence[str]) -> Candidate:
    for name in names:
        if name not in rows.columns:
            raise Unusable(f"--time {name}: there is no such column; there are: {', '.join(rows.columns)}")
    if len(names) > 2:
        raise Unusable("--time takes a column, or two: the day and the time of day")
    raw = rows.select(names)
    found = _candidate(raw, certain=True)
    if found is None:
        example = " ".join(str(value) for value in raw.row(0))
        raise Unusable(f"--time {','.join(names)}: {example!r} is no time that can be read")
    return found


def _joined_code(raw: pl.DataFrame) -> str:
    """Columns as one text, without blanks around them where there are some."""
    codes = []
    for name in raw.columns:
        there = raw[name].drop_nulls()
        padded = bool((there != there.str.strip_chars()).any())
        codes.append(f"pl.col({quoted(name)}){'.str.strip_chars()' * padded}")
    joined = ' + " " + '.join(codes)
    return joined if len(codes) == 1 else f"({joined})"


def unit_of(texts: pl.Series) -> str:
    """The unit in which numbers count since 1970; empty where they do not."""
    if not texts.head(1000).str.contains(spelling.NUMBER).any():
        return ""
    values = texts.cast(pl.Float64, strict=False)
    for unit, per_second in UNITS.items():
        if (values.is_between(SINCE * per_second, UNTIL * per_second).sum() or 0) > MOST * len(texts):
            return unit
    return ""


def _with_time_of_day(rows: pl.DataFrame, found: list[Candidate]) -> Iterator[Candidate]:
    """Days with the times of day beside them."""
    clocks = [name for name in rows.columns if name and _share(rows[name], spelling.TIME_OF_DAY) > MOST]
    for one in found:
        joined = _candidate(rows.select(*one.columns, *clocks)) if len(clocks) == 1 and not one.has_clock else None
        if len(clocks) > 1 and not one.has_clock:
            day = one.columns[0]
            raise Undecided(
                f"{', '.join(clocks)} hold times of day: which belongs to {day}? Say --time {quoted_list([day, clocks[0]])} "
                f"(or another of them), or --time {day} for none"
            )
        yield joined or one


def _share(text: pl.Series, pattern: str) -> float:
    """How many of the values that are there look so."""
    there = text.drop_nulls()
    return int(there.str.contains(pattern).sum() or 0) / max(1, len(there))


def _insist_that_none_is_meant(rows: pl.DataFrame) -> None:
    for name in rows.columns:
        there = rows[name].drop_nulls()
        example = there.first()
        looks_so = not there.is_empty() and _share(there, spelling.DAY_AND_TIME) > MOST
        if example is None or not (looks_so or SURELY.search(snake(name))):
            continue
        n_missing = rows[name].null_count()
        if n_missing >= MOST * len(rows):
            raise Undecided(
                f"column {name} is named like a time, but {n_missing:,} of {len(rows):,} records have none there: say --time {name} "
                f"to set those aside, or --time {NO_TIME} to take the time of landing"
            )
        if numbers := _in_several_units(there):
            raise Undecided(
                f"column {name} has numbers {numbers}, which count since 1970 in no one unit: say --time COLUMN to name another, "
                f"or --time {NO_TIME} to take the time of landing"
            )
        called = "looks" if looks_so else "is named"
        raise Undecided(
            f"column {name} {called} like a time, but {example!r} cannot be read as one: say --time COLUMN to name another, "
            f"or --time {NO_TIME} to take the time of landing"
        )


def _in_several_units(texts: pl.Series) -> str:
    """From where to where numbers go that are times, though not all in one unit; empty where they are none."""
    values = texts.cast(pl.Float64, strict=False)
    are_times = [values.is_between(SINCE * one, UNTIL * one) for one in UNITS.values()]
    if not reduce(or_, are_times).fill_null(value=False).all():
        return ""
    ordered = texts.gather(values.arg_sort())
    return f"from {ordered[0]} to {ordered[-1]}"


def _preferred(found: list[Candidate], choices: Choices) -> Candidate:
    """Of several the one that is named like the event's time, or any where all tell the same."""
    named = [one for one in found if snake(one.columns[0]) in OF_THE_EVENT]
    if len(named) == 1:
        return named[0]
    ordered = sorted(found, key=lambda one: not one.has_clock)
    if _agree(ordered, choices):
        return ordered[0]
    names = [quoted_list(one.columns) for one in found]
    raise Undecided(
        f"{', '.join(names)} hold times: which tells when a fact happened? Say --time {names[0]}, or another of them"
    )


def _agree(found: list[Candidate], choices: Choices) -> bool:
    """Whether they tell the same times, as far as they tell them."""
    try:
        times = [one.read(choices.dates).values for one in found]
    except Undecided:
        return False
    return all(
        bool((times[0].dt.truncate(unit) == other.dt.truncate(unit)).all())
        for one, other in zip(found[1:], times[1:], strict=True)
        for unit in ["1s" if one.has_clock else "1d"]
    )


def _sensible(time: Time, *, certain: bool) -> Time:
    """Raises Undecided for times that nobody means, unless the column was named."""
    values = time.values.drop_nulls()
    if values.is_empty():
        raise Unusable(f"no record has a time that can be read ({time.told})")
    columns = quoted_list(list(time.columns))
    later = values.filter(values > datetime.now(UTC) + timedelta(days=1))
    if not certain and len(later):
        raise Undecided(
            f"times of {columns} are still to come, such as {later[0]:%Y-%m-%d %H:%M} ({time.told}): "
            f"say --time {columns} if they are meant, or name another column"
        )
    if not certain and (values.dt.date() == FIRST_DAY).sum() > MOST * len(values):
        raise Undecided(
            f"times of {columns} are all 1970-01-01 ({time.told}): say --time {columns} if that is meant, or name another column"
        )
    return time


def _epoch_code(column: str, unit: str, *, whole: bool) -> str:
    """The expression. Numbers of a coarser unit are no times: in this one they would all be in the first weeks of 1970."""
    name, per_second = f"pl.col({quoted(column)})", UNITS[unit]
    if per_second <= MICROSECONDS:
        factor = MICROSECONDS // per_second
        scaled = f"({name} * {factor:_})" if factor > 1 else name
    else:
        scaled = f"({name} // {per_second // MICROSECONDS:_})"
    scaled = scaled if whole else f"{scaled}.round().cast(pl.Int64)"
    made = f'{scaled}.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")'
    return made if per_second == 1 else f"pl.when({name} > {UNTIL * per_second // 1000:_}).then({made})"


def _format_code(raw: str, form: str) -> str:
    if not spelling.has_clock(form):
        return f'{raw}.to_date("{form}", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")'
    return f'{raw}.to_datetime("{form}", time_unit="us", time_zone="UTC", strict=False)'


def _made(raw: pl.DataFrame, code: str) -> pl.Series:
    """What an expression makes of raw columns; null where it is no time that a table holds."""
    made = raw.select(expression(code)).to_series()
    return made.set(~made.is_between(PLAUSIBLE["min_value"], PLAUSIBLE["max_value"]), None)


def expression(code: str) -> pl.Expr:
    """The expression that was written. What is in it was quoted here."""
    made: pl.Expr = eval(code, {"pl": pl, "identifier": identifier})  # noqa: S307
    return made
