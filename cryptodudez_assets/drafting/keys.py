"""Which columns tell the facts of a sample apart: the smallest set of the time and of texts that name something, or what the user says."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.columns import SLIPS, WHOLE, Column
from cryptodudez_assets.drafting.names import quoted_list, snake
from cryptodudez_assets.drafting.times import Time, unit_of

TIME = "event_ts"
# Columns that are made to tell rows apart, whatever else there is.
UNIQUE = {"id", "uuid", "guid", "hash", "tx_hash", "txid", "transaction_hash", "trade_id", "tweet_id"}
# Names of columns that say of what a fact is.
NAMING = re.compile(
    r"(^|_)(id|symbol|ticker|pair|coin|asset|currency|market|venue|exchange|book|isin|station|sensor|code|key)$"
)
CLASSIFYING = re.compile(r"(^|_)(code|key)$")
"""Of names that say of what a fact is, those that as often number what it is like: a weather code."""
SMALLEST = "the smallest set that tells all rows apart"
FEW_FACTS = 10  # of fewer, any number is likely to differ
LONG_TEXT = 40
MOST_NAMES = 3
# Of so many columns, the likeliest, sets are tried: there are thousands of sets of three among fifty.
MOST_CANDIDATES = 12


@dataclass(frozen=True)
class Key:
    """Columns of the table that tell a fact, and why these."""

    columns: list[str]
    why: str
    also: tuple[str, ...] = ()
    """Other columns, as the file names them, each of which tells the sample's rows apart without their time."""


def key_of(rows: pl.DataFrame, columns: Sequence[Column], time: Time | None, choices: Choices) -> Key:
    """The key of the records in `rows`. Raises Undecided where no set of columns is one, Unusable where none is named."""
    if choices.key:
        return Key(_named(choices.key, columns, time), "as you say")
    facts = _facts(rows, columns, time)
    always = [TIME] if time else []
    candidates = _candidates(columns, facts)
    for found in _sets(candidates, always):
        if _tells_apart(facts, found):
            if always and TIME not in found:
                return Key(found, SMALLEST)
            return _with_other_names(found, candidates, facts, _could_be_ids(columns, facts) if always else ())
    raise Undecided(_question(columns, facts, [one.name for one in candidates], always, time))


def _facts(rows: pl.DataFrame, columns: Sequence[Column], time: Time | None) -> pl.DataFrame:
    """What the rows that can be read say. One that repeats another as it is says nothing more: no key tells these apart."""
    values = [column.values for column in columns]
    good = pl.repeat(True, len(rows), eager=True)
    for column in columns:
        good &= ~column.lost
    if time:
        values.append(time.values.alias(TIME))
        good &= time.values.is_not_null()
    first = rows.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    return pl.DataFrame(values).filter(good & first)


def _named(names: Sequence[str], columns: Sequence[Column], time: Time | None) -> list[str]:
    known = dict.fromkeys((TIME, *time.columns), TIME) if time else {}
    known |= {column.name: column.name for column in columns} | {column.raw: column.name for column in columns}
    if wrong := [name for name in names if name not in known]:
        raise Unusable(f"--key {quoted_list(wrong)}: there is no such column; there are: {', '.join(known)}")
    return list(dict.fromkeys(known[name] for name in names))


def _candidates(columns: Sequence[Column], facts: pl.DataFrame) -> list[Column]:
    """Columns that may name something, the likeliest first: named so, of few different values, short."""

    def names_something(column: Column) -> bool:
        values = facts[column.name]
        if values.null_count() > SLIPS * len(values) or (column.type == "pl.Float64") or _counts_rows(column, values):
            return False
        if snake(column.raw) in UNIQUE or not column.is_text or not column.has_letters:
            return _is_named(column)
        return float(values.str.len_chars().mean() or 0) <= LONG_TEXT  # type: ignore[arg-type]

    found = [column for column in columns if names_something(column)]
    return sorted(found, key=lambda column: (not _is_named(column), facts[column.name].n_unique()))


def _is_named(column: Column) -> bool:
    return snake(column.raw) in UNIQUE or bool(NAMING.search(snake(column.raw)))


def _counts_rows(column: Column, values: pl.Series) -> bool:
    """Whether it is the row's number: in the next file, it begins anew."""
    if snake(column.raw) in UNIQUE - {"id"}:
        return False
    return values.dtype.is_integer() and values.first() in (0, 1) and bool((values.diff().drop_nulls() == 1).all())


def _sets(candidates: Sequence[Column], always: list[str]) -> Iterator[list[str]]:
    """Sets of columns, the smallest first; without a time of the data, at least one of them."""
    yield from ([one.name] for one in candidates if snake(one.raw) in UNIQUE)
    for size in range(not always, MOST_NAMES + 1):
        for chosen in combinations(candidates if size < 2 else candidates[:MOST_CANDIDATES], size):
            yield [*(one.name for one in chosen), *always]


def _tells_apart(facts: pl.DataFrame, names: list[str]) -> bool:
    return not facts.select(pl.struct(names).is_duplicated().any()).item()


def _with_other_names(found: list[str], candidates: Sequence[Column], facts: pl.DataFrame, also: Sequence[str]) -> Key:
    """With what names something, too: another file may be of another, or of several at the same time."""
    named = [one.name for one in candidates if _is_named(one) and one.name not in found]
    constant = [name for name in named if facts[name].n_unique() == 1]
    several: list[str] = []
    if TIME in found:
        fewest_last = sorted(candidates, key=lambda one: -facts[one.name].n_unique())
        for one in [one for one in fewest_last if one.name in named and _names_several(one, facts[one.name])]:
            if not _is_told_by(one.name, {*found, *several} - {TIME}, facts):
                several.append(one.name)
    why = [
        SMALLEST,
        *([f"{', '.join(constant)}, which another file may have another of"] if constant else []),
        *([f"{', '.join(several)}, of which several may be at one time"] if several else []),
    ]
    return Key([*constant, *several, *found], ", and ".join(why), tuple(also))


def _names_several(column: Column, values: pl.Series) -> bool:
    """Whether each of a few things has several rows, and all rows are of one."""
    few = 1 < values.n_unique() <= len(values) / 2
    return few and not values.null_count() and not (CLASSIFYING.search(snake(column.raw)) and not column.is_text)


def _is_told_by(name: str, others: Collection[str], facts: pl.DataFrame) -> bool:
    """Whether what names a thing is the same for all rows of the others, as the site of a sensor is."""
    if not others:
        return False
    return facts.select(others).n_unique() == facts.select([*others, name]).n_unique()


def _could_be_ids(columns: Sequence[Column], facts: pl.DataFrame) -> list[str]:
    """Whole numbers that repeat nowhere, and count neither rows nor time."""
    return [
        one.raw
        for one in columns
        if one.type == WHOLE
        and len(facts) >= FEW_FACTS
        and not unit_of(facts[one.name].cast(pl.String))
        and not _counts_rows(one, facts[one.name])
        and not facts[one.name].null_count()
        and facts[one.name].n_unique() == len(facts)
    ]


def _question(
    columns: Sequence[Column], facts: pl.DataFrame, candidates: list[str], always: list[str], time: Time | None
) -> str:
    there = [*candidates[:MOST_NAMES], *always]
    others = [one.name for one in columns if one.name not in candidates and not facts[one.name].null_count()]
    larger = next((one for one in others if _tells_apart(facts, [one, *there])), None)
    if larger:
        suggested, told = [larger, *there], "would, but is no text"
    elif there:
        repeated = len(facts) - facts.select(pl.struct(there).n_unique()).item()
        suggested, told = there, f"would keep the newest of {repeated:,} of {len(facts):,} rows that repeat another's"
    else:
        suggested, told = [columns[0].name], "is an example"
    raw = {column.name: column.raw for column in columns} | ({TIME: next(iter(time.columns))} if time else {})
    told_as = quoted_list([raw[name] for name in suggested])
    of_what = "no time and names" if time else "no names"
    return f"which columns tell rows apart? {of_what.capitalize()} do: say --key COLUMNS; --key {told_as} {told}"
