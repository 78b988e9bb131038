"""Draft a source: look at a sample, decide what can be decided, write the declaration, try it."""

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable, listed
from cryptodudez_assets.drafting.columns import Column, columns_of
from cryptodudez_assets.drafting.keys import Key, key_of
from cryptodudez_assets.drafting.names import quoted_list
from cryptodudez_assets.drafting.sample import Sample, read_sample
from cryptodudez_assets.drafting.times import Time, time_of
from cryptodudez_assets.drafting.trial import Tried, tried
from cryptodudez_assets.drafting.writing import written
from cryptodudez_assets.sources.declaration import Source

# So many rows of a sample may be bad; one always may.
BAD_SHARE = 0.2


@dataclass(frozen=True)
class Draft:
    """A declaration that was tried: its text, what became of the sample, and what was decided and seen, in lines."""

    text: str
    seen: Tried
    lines: list[str]


def draft(name: str, path: Path, choices: Choices = Choices(), others: Iterable[Source] = ()) -> Draft:
    """The text of `sources/<name>.py` for files like this sample.

    Raises Undecided where only the user can decide, Unusable where no source can be made of it.
    """
    _insist_on_name(name, others)
    sample = read_sample(path, choices)
    text, time, key, columns = decided(name, sample, choices)
    seen = tried(name, text, sample.content)
    _insist_on_good(seen)
    if not choices.key:
        _insist_on_key(key, seen, len(sample.rows) - sample.rows.n_unique())
    return Draft(text, seen, list(_lines(sample, time, key, columns, seen)))


def decided(name: str, sample: Sample, choices: Choices) -> tuple[str, Time | None, Key, list[Column]]:
    """The declaration's text, before it is tried, and what tells time and key in it, and its columns."""
    rows = sample.rows
    time = time_of(rows, choices)
    columns = columns_of(rows, time.columns if time else {}, exact=sample.shape.format != "csv")
    key = key_of(rows, columns, time, choices)
    text = written(name, columns, time, key, rows.columns, sample.shape)
    return text, time, key, columns


def _insist_on_name(name: str, others: Iterable[Source]) -> None:
    if keyword.iskeyword(name):
        raise Unusable(f"{name!r} is a word of Python, and no name for a module: take another")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Unusable(f"{name!r} is no name for a source: use lower case letters, digits and underscores")
    if taken := [source.name for source in others if source.table == f"market.{name}"]:
        raise Unusable(f"the table market.{name} is that of the source {taken[0]}: take another name")


def _insist_on_good(seen: Tried) -> None:
    counts = seen.counts
    reasons = "; ".join(seen.reasons)
    if not seen.balanced or counts.pending or counts.unreadable:
        raise Unusable(f"the draft cannot read its own sample{': ' * bool(reasons)}{reasons}")
    if counts.set_aside or not counts.valid:
        raise Unusable(f"none of the sample would be taken: {reasons}")
    if counts.quarantined > max(1, BAD_SHARE * counts.read):
        raise Unusable(f"{counts.quarantined:,} of {counts.read:,} rows of the sample would be set aside: {reasons}")


def _insist_on_key(key: Key, seen: Tried, repeats: int) -> None:
    """Rows that give way to another of the same key must be those that say the same twice."""
    if seen.counts.duplicate > repeats:
        raise Undecided(
            f"{seen.counts.duplicate:,} of {seen.counts.read:,} rows have the {quoted_list(key.columns)} of another: say --key COLUMNS "
            "that tell rows apart"
        )


def _lines(sample: Sample, time: Time | None, key: Key, columns: list[Column], seen: Tried) -> Iterator[str]:
    counts = seen.counts
    of_what = f" of {sample.member}, the first file of the archive" if sample.member else ""
    part = "" if sample.is_all else ", the beginning of it"
    fates = f"{counts.valid:,} taken, {counts.quarantined:,} set aside, {counts.duplicate:,} duplicate"
    yield f"sample  {counts.read:,} rows{of_what}{part}: {fates}"
    yield from (f"        set aside: {reason}" for reason in seen.reasons)
    if time:
        yield f"time    {time.told}: {seen.first:%Y-%m-%d %H:%M} to {seen.last:%Y-%m-%d %H:%M}"
    else:
        yield "time    of landing, since no column tells one"
    yield f"key     {quoted_list(key.columns)}: {key.why}"
    if key.also:
        yield f"also    {', '.join(key.also)} tells all rows apart, too: if it is an id, say --key {quoted_list(key.also[:1])}"
    yield from (f"left    {one}" for one in sample.shape.left)
    for column in columns:
        if not column.has_letters:
            example = column.values.drop_nulls().first()
            yield f"text    {column.raw}, such as {example!r}: if these are numbers or times, say in the file how they are read"


__all__ = ["Choices", "Draft", "Undecided", "Unusable", "draft", "listed"]
