"""Errors that nobody foresaw while rows are in memory: whether rows can be the cause, which, and how that is told.

What disks, stores, networks, locks and the catalog raise is no fault of a file: such errors do not begin here, and where a
function of a declaration raises one, it is passed on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from cryptodudez_assets.lake.formats.archives import FileRefused

# Polars' panics are no Exceptions to Python.
ERRORS = (Exception, pl.exceptions.PanicException)
MACHINE = (MemoryError, OSError)
# What database drivers call faults that are not the statement's (PEP 249): locks, connections, disks.
OF_DATABASES = {"OperationalError", "InterfaceError"}
NO_THREAD = "can't start new thread"
TRIED_ALONE = 20
KEPT_OF_TEXT = 200


class Fault(Exception):
    """An error of which the rows, or what is declared to be made of them, are the cause. The message is for people."""


class Misdeclared(Exception):
    """Something declared that cannot work, whatever the files: no file is to blame. The message says what."""


def is_of_rows(error: BaseException | None) -> bool:
    """Whether rows in memory, or an expression over them, can be the cause of what was raised while they were evaluated.

    Memory and whatever the system was asked for are not, even behind an error of another kind.
    """
    if not isinstance(error, ERRORS) or isinstance(error, (*MACHINE, FileRefused, Misdeclared)) or _is_refused(error):
        return False
    behind = error.__cause__ or error.__context__
    return behind is None or is_of_rows(behind)


def _is_refused(error: BaseException) -> bool:
    """Whether a database or the system refused its service, in an error of a kind of its own."""
    return any(kind.__name__ in OF_DATABASES for kind in type(error).__mro__) or NO_THREAD in str(error)


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn an error of rows in memory into `Fault`; `what` says what could not be done."""
    try:
        yield
    except ERRORS as error:
        if isinstance(error, Fault) or not is_of_rows(error):
            raise
        raise Fault(f"{what}: {in_short(error)}") from error


def in_short(error: BaseException) -> str:
    """What an error says, in a line: libraries add hints and stacks, and functions raise anything."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    kind = "" if said and isinstance(error, pl.exceptions.PolarsError | FileRefused) else type(error).__name__
    return ": ".join(filter(None, [kind, shortened(said)]))


def shortened(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= KEPT_OF_TEXT else f"{text[:KEPT_OF_TEXT]}…"


@dataclass(frozen=True)
class Suspect:
    """What may have failed: a column that is made of `rows`, or a rule that is applied to them."""

    told: str
    expression: pl.Expr
    rows: pl.DataFrame
    numbered: str
    """The column of `rows` with the record's number."""
    dtype: pl.DataType | None = None
    """The type that what is made must take."""

    def error_on(self, rows: pl.DataFrame) -> BaseException | None:
        """What is raised if it is evaluated over these rows."""
        try:
            made = rows.lazy().select(self.expression.alias(" made"), self.numbered).collect()
            if self.dtype is not None:
                made.cast({" made": self.dtype}, strict=False)
        except ERRORS as error:
            if not is_of_rows(error):
                raise
            return error
        return None


@dataclass(frozen=True)
class Culprit:
    """What failed, with what was raised; `row` is the record's number, None where it fails without any row."""

    suspect: Suspect
    error: BaseException
    row: int | None
    values: Mapping[str, Any]

    def in_words(self, place: str | None) -> str:
        """What is wrong with the file; `place` is where the record is, in words."""
        shown = ", ".join(f"{name} = {_shown(value)}" for name, value in self.values.items())
        where = f" in {place}" + f", where {shown}" * bool(shown) if place else ", whatever the rows"
        return f"{self.suspect.told}{where}: {in_short(self.error)} (declared as {shortened(str(self.suspect.expression))})"


def culprit(suspects: Iterable[Suspect], looks_around: bool) -> Culprit | None:
    """The first that fails, and the first row on which it does. `looks_around`: what it gives depends on the rows before."""
    for suspect in suspects:
        if error := suspect.error_on(suspect.rows):
            return _located(suspect, error, looks_around)
    return None


def _located(suspect: Suspect, error: BaseException, looks_around: bool) -> Culprit:
    rows = suspect.rows
    if (without := suspect.error_on(rows.clear())) and _fails_on_any(suspect):
        return Culprit(suspect, without, None, {})
    good, bad = 0, len(rows)  # the first `good` rows do not fail, the first `bad` do
    while bad - good > 1:
        middle = (good + bad) // 2
        found = suspect.error_on(rows[(0 if looks_around else good) : middle])
        if found:
            bad = middle
        else:
            good = middle
    error = suspect.error_on(rows[bad - 1 : bad]) or suspect.error_on(rows[:bad]) or error
    read = [name for name in suspect.expression.meta.root_names() if name in rows.columns and not name.startswith(" ")]
    values = rows.select(list(dict.fromkeys(read))).row(bad - 1, named=True)
    return Culprit(suspect, error, rows[suspect.numbered][bad - 1], values)


def _fails_on_any(suspect: Suspect) -> bool:
    """Whether rows fail alone, too: what fails without rows may still be fine with them."""
    rows = suspect.rows
    return all(suspect.error_on(rows[at : at + 1]) for at in range(min(TRIED_ALONE, len(rows))))


def _shown(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str))
