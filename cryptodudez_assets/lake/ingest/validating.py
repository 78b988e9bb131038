"""Tell valid rows from rejects: chunks of raw columns become rows of the contract, each judged, none lost.

How files are opened and their chunks put together is in `reading.py`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.rules import RuleResult, breaking, broken_rules, evaluate_rules, rules_of
from cryptodudez_assets.lake.formats.faults import (
    ERRORS,
    Misdeclared,
    Suspect,
    culprit,
    in_short,
    is_of_rows,
)
from cryptodudez_assets.lake.formats.reader import EXTRA, ROW, ParsedChunk, Reader, Reject, Spelling
from cryptodudez_assets.lake.ingest.cells import clean_keys, fitted, misfits, with_empty_text
from cryptodudez_assets.lake.ingest.lookups import filled
from cryptodudez_assets.lake.ingest.reasons import Wording
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.sources.declaration import CATALOGUED, Source

FILE = " file"  # beside the raw columns while chunks of several files are together, as `ROW` is


REJECT_SCHEMA: dict[str, Any] = {
    "file_id": pl.String,
    "file_row": pl.Int64,
    "line": pl.Int64,
    "place": pl.String,
    "raw": pl.String,
    "rules": pl.List(pl.String),
    "reason": pl.String,
}


Take = Callable[[pl.DataFrame], None]


@dataclass
class Reading:
    """What was found in a batch: a count for each file, and in `rejects` the records that are no rows (REJECT_SCHEMA)."""

    counts: dict[str, FileCount]
    rejects: Iterable[pl.DataFrame]
    keeps_reach: bool
    """Whether rows carry how far their file reaches, which is known only at its end."""
    taken: set[str] = field(default_factory=set)
    """Files of which rows were handed out."""

    @property
    def complete(self) -> Callable[[pl.DataFrame], pl.DataFrame] | None:
        """What makes of the rows that were handed out those that are valid. None where they are."""
        unused = [file_id for file_id in self.taken if self.counts[file_id].set_aside]
        if not self.keeps_reach:
            return (lambda rows: rows.filter(~pl.col("file_id").is_in(unused))) if unused else None
        reach = {file_id: self.counts[file_id].as_of for file_id in self.taken}

        def completed(rows: pl.DataFrame) -> pl.DataFrame:
            of_file = pl.col("file_id").replace_strict(reach, return_dtype=pl.Datetime("us", "UTC"))
            return rows.filter(~pl.col("file_id").is_in(unused)).with_columns(as_of=of_file)

        return completed if self.taken else None

    def rejected_records(self) -> Iterator[pl.DataFrame]:
        """Rejected records of the files that are not set aside."""
        unused = [file_id for file_id, count in self.counts.items() if count.set_aside]
        return (rows.filter(~pl.col("file_id").is_in(unused)) for rows in self.rejects)


Told = dict[str, object]


Group = list[tuple[Told, ParsedChunk]]
"""Chunks of one layout, each with what its file tells."""


class ValidatedRows(NamedTuple):
    """Rows that keep every rule; which rules others break, by file and row; how many of a file are kept with a warning."""

    rows: pl.DataFrame
    broken: dict[str, dict[int, list[str]]]
    warned: dict[str, int]


class RowValidator:
    """Tells valid rows from rejects, a group of chunks at a time."""

    def __init__(
        self, source: Source, reading: Reading, rejects: SpillBuffer, looked_up: pl.DataFrame | None, take: Take
    ) -> None:
        self.source, self.reading, self.rejects, self.looked_up, self.take = source, reading, rejects, looked_up, take
        self._wordings: dict[tuple[str, Spelling], Wording] = {}

    def sift(self, group: Group) -> None:
        """Judge the chunks together. Where that fails, halves of the files, down to the files that are the cause."""
        group = [(told, parsed) for told, parsed in group if not self.reading.counts[str(told[FILE])].failed]
        if not group:
            return
        try:
            judged = self._judged(group)
        except ERRORS as error:
            if not is_of_rows(error):
                raise
        else:
            self._keep(group, judged)
            return
        files = list(dict.fromkeys(str(told[FILE]) for told, _ in group))
        if len(files) == 1:
            self._blame(files[0], group)
            return
        first = files[: len(files) // 2]
        self.sift([(told, parsed) for told, parsed in group if told[FILE] in first])
        self.sift([(told, parsed) for told, parsed in group if told[FILE] not in first])

    def _judged(self, group: Group) -> ValidatedRows | None:
        """What becomes of the rows, None where there are none. Looks at what is in memory, and changes nothing."""
        parts = [(told, parsed.table) for told, parsed in group if parsed.table is not None and len(parsed.table)]
        return self._canonical(_raw_rows(parts), group[0][1].reader) if parts else None

    def _keep(self, group: Group, judged: ValidatedRows | None) -> None:
        if judged:
            for file_id, n in judged.warned.items():
                self.reading.counts[file_id].warned += n
            self._count_valid(judged.rows)
            self.take(judged.rows)
        for told, parsed in group:
            file_id = str(told[FILE])
            wrong = judged.broken.get(file_id, {}) if judged else {}
            theirs = {row: rules for row, rules in wrong.items() if parsed.has(row)}
            rejects = [*parsed.rejects, *(parsed.reject(theirs) if theirs else ())]
            self._count_rejects(file_id, rejects, parsed.reader)

    def _blame(self, file_id: str, group: Group) -> None:
        """Say what is wrong with a file. An error that does not come again is no fault of its rows."""
        reader = group[0][1].reader
        # What a large file's parts are is the same in any company, which of them are judged together is not.
        for part in [group] if reader.layout.looks_around else [[chunk] for chunk in group]:
            try:
                self._keep(part, self._judged(part))
            except ERRORS as error:
                if not is_of_rows(error):
                    raise
                self.reading.counts[file_id].fail(self._why(part, error))
                return

    def _why(self, group: Group, error: BaseException) -> str:
        reader = group[0][1].reader
        raw = _raw_rows([(told, parsed.table) for told, parsed in group if parsed.table is not None])
        suspects = chain(self._columns(raw, reader), self._rules(raw, reader))
        found = culprit(suspects, reader.layout.looks_around)
        if found is None:
            return f"its rows cannot be judged: {in_short(error)}"
        rejects = [parsed.reject({found.row: ()}) for _, parsed in group if found.row and parsed.has(found.row)]
        return found.in_words(rejects[0][0].where if rejects else None)

    def _columns(self, raw: pl.DataFrame, reader: Reader) -> Iterator[Suspect]:
        made = _made(self.source, reader)
        for name, dtype in polars_schema(self.source.contract).items():
            yield Suspect(f"{name} cannot be made", made[name], raw, ROW, dtype)

    def _rules(self, raw: pl.DataFrame, reader: Reader) -> Iterator[Suspect]:
        try:
            rows, _ = canonical(self.source, reader, raw)
            rows, _ = clean_keys(self.source, rows)
            rows = self._filled(rows)
            rules = list(rules_of(self.source.contract))
        except ERRORS as error:
            if not is_of_rows(error):
                raise
            return  # it is no rule that fails
        for name, holds in rules:
            yield Suspect(f"the rule {name} cannot be applied", holds, rows, "file_row")

    def _canonical(self, raw: pl.DataFrame, reader: Reader) -> ValidatedRows:
        rows, unheld = canonical(self.source, reader, raw)
        rows, cleaned = clean_keys(self.source, rows)
        rows = self._filled(rows)
        findings = list(evaluate_rules(self.source.contract, rows))
        wrong = breaking(findings)
        broken: dict[str, dict[int, list[str]]] = {}
        for file_id, row, rules in [*unheld, *self._errors(rows, findings, wrong)]:
            broken.setdefault(file_id, {}).setdefault(row, []).extend(rules)
        # One by one, for what is looked up later takes back and adds warnings of the contract alone.
        warned = Counter[str]()
        for flags in (breaking(findings, warnings=True), cleaned):
            if flags is not None:
                kept = flags if wrong is None else flags & ~wrong
                warned.update(dict(rows["file_id"].filter(kept).value_counts().iter_rows()))
        return ValidatedRows(rows if wrong is None else rows.filter(~wrong), broken, warned)

    def _filled(self, rows: pl.DataFrame) -> pl.DataFrame:
        try:
            return filled(rows, self.source, self.looked_up)
        except ERRORS as error:
            if not is_of_rows(error) or self.source.lookup is None:
                raise
            told = f"the lookup of {self.source.lookup.column} in {self.source.lookup.table} cannot be used"
            raise Misdeclared(f"{self.source.name}: {told}: {in_short(error)}") from error

    def _errors(
        self, rows: pl.DataFrame, findings: list[RuleResult], wrong: pl.Series | None
    ) -> Iterator[tuple[str, int, list[str]]]:
        if wrong is not None:
            place = rows.select("file_id", "file_row").filter(wrong).iter_rows()
            yield from ((*at, rules) for at, rules in zip(place, broken_rules(findings, wrong), strict=True))

    def _count_valid(self, rows: pl.DataFrame) -> None:
        for file_id, newest in rows.group_by("file_id").agg(pl.col("event_ts").max()).iter_rows():
            self.reading.taken.add(file_id)
            count = self.reading.counts[file_id]
            count.as_of = max(filter(None, [count.as_of, newest]), default=None)

    def _count_rejects(self, file_id: str, rejects: list[Reject], reader: Reader) -> None:
        if not rejects:
            return
        count, wording = self.reading.counts[file_id], self._wording(reader)
        count.quarantined += len(rejects)
        records = []
        for reject in rejects:
            reason = wording.reason(reject.raw, reject.rules)
            for rule in reject.rules:
                count.broken[rule] = count.broken.get(rule, 0) + 1
                here = reject.file_row, reject.where, reason
                count.first[rule] = min(count.first.get(rule, here), here)
            place = reject.line, reject.place
            records.append((file_id, reject.file_row, *place, reject.raw, list(reject.rules), reason))
        self.rejects.add(pl.DataFrame(records, schema=REJECT_SCHEMA, orient="row"))

    def _wording(self, reader: Reader) -> Wording:
        key = reader.layout.name, reader.spelling
        if key not in self._wordings:
            self._wordings[key] = Wording(self.source, reader.layout, reader.spelling)
        return self._wordings[key]


def _raw_rows(parts: Sequence[tuple[Told, pa.Table]]) -> pl.DataFrame:
    """The records of several files, each with what its file tells."""
    rows = pl.DataFrame(pl.from_arrow(pa.concat_tables(table for _, table in parts)))
    told = pl.DataFrame([told for told, _ in parts], infer_schema_length=None)
    return rows.hstack(told[np.repeat(np.arange(len(parts)), [len(table) for _, table in parts])])


def canonical(
    source: Source, reader: Reader, rows: pl.DataFrame
) -> tuple[pl.DataFrame, list[tuple[str, int, list[str]]]]:
    """Typed raw columns (with `FILE`, `ROW` and `CATALOGUED`) as rows of the source's table.

    Where the layout does not date them, they are known since their file landed. `as_of`, if the contract has it, is to be filled.

    Rows with a value that its column cannot hold as it was written are left out; they are returned as (file, row, what they
    break). An empty text is a value where the contract takes it for one.
    """
    layout, derived = reader.layout, _made(source, reader)
    schema = polars_schema(source.contract)
    # Lazy, since what several columns are made of is then computed once.
    made = rows.lazy().select(derived[name].alias(name) for name in schema).collect()
    if not reader.tells_empty:
        made = with_empty_text(source, layout, rows, made)
    fitting = fitted(made, source.contract)
    lost = misfits(layout, rows, made, fitting)
    place = fitting.select("file_id", "file_row")
    told = [(*at, [rule]) for rule, flags in lost.items() for at in place.filter(flags).iter_rows()]
    return (fitting.filter(~pl.any_horizontal(lost.values())) if lost else fitting), told


def _made(source: Source, reader: Reader) -> dict[str, pl.Expr]:
    """Of what each column is made."""
    return {
        "known_ts": pl.col(CATALOGUED),
        "as_of": pl.col(CATALOGUED),
        "extra": pl.col(EXTRA) if reader.keeps_extra else pl.lit(None, pl.String),
        **({source.lookup.column: pl.lit(None, pl.String)} if source.lookup else {}),
        **reader.layout.canonical,
        "file_id": pl.col(FILE),
        "file_row": pl.col(ROW),
    }
