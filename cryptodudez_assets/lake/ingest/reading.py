"""Read the files of a batch: canonical rows, rejected records and a count for each file. Bounded memory; writes nothing itself."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl
import pyarrow as pa

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.rules import RuleResult, breaking, broken_rules, evaluate_rules, rules_of
from cryptodudez_assets.lake.formats.archives import Container, FileRefused, Text
from cryptodudez_assets.lake.formats.csv.chunks import chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.parse import EXTRA, ROW, ChunkReader, ParsedChunk, Reject
from cryptodudez_assets.lake.formats.faults import (
    ERRORS,
    Fault,
    Misdeclared,
    Suspect,
    blaming,
    culprit,
    in_short,
    is_of_rows,
)
from cryptodudez_assets.lake.ingest.cells import clean_keys, misfits, with_empty_text
from cryptodudez_assets.lake.ingest.lookups import filled, values_of
from cryptodudez_assets.lake.ingest.prefetch import prefetch
from cryptodudez_assets.lake.ingest.reasons import Wording
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.lake.metastore.describe import path_of
from cryptodudez_assets.lake.metastore.entry import Entry, known
from cryptodudez_assets.lake.store.folders import Link
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source

# Chunks of many small files are judged together: evaluating a contract has a price per call, not per row.
GROUP_BYTES = 6 << 20
GROUP_CHUNKS = 500
EXAMPLES = 3  # of bad rows, where they are so many that the file is set aside
GROUPS_TOLD = 16  # between two words of progress

FILE = " file"  # beside the raw columns while chunks of several files are together, as `ROW` is

# The file itself cannot be had. Other errors of the store (a network that is down) may pass: they stop the run.
FILE_ERRORS = (FileNotFoundError, IsADirectoryError, NotADirectoryError, Link)


class Changed(Exception):
    """The bytes that were read are not those that were catalogued, though the store tells the same time and size."""


REJECT_SCHEMA: dict[str, Any] = {
    "file_id": pl.String,
    "file_row": pl.Int64,
    "line": pl.Int64,
    "raw": pl.String,
    "rules": pl.List(pl.String),
    "reason": pl.String,
}


Take = Callable[[pl.DataFrame], None]


@dataclass
class Reading:
    """What was found in a batch: a count for each file, and in `rejects` the records that are no rows (REJECT_SCHEMA)."""

    counts: dict[str, FileCount]
    rejects: SpillBuffer
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


def read_files(
    lake: Lake, source: Source, entries: list[Entry], take: Take, rejects: SpillBuffer, progress: Callable[[str], None]
) -> Reading:
    """Read every file of a batch once, and hand out canonical rows as they are found."""
    reading = Reading({}, rejects, source.keeps_reach)
    sieve = RowValidator(source, reading, values_of(lake.tables, source), take)
    with (
        _Opener(lake) as opener,
        closing(prefetch(_groups(_chunks_of(opener, source, entries, reading.counts)))) as groups,
    ):
        for number, group in enumerate(groups, 1):
            sieve.sift(group)
            if number % GROUPS_TOLD == 0:
                n_records = sum(count.read for count in list(reading.counts.values()))  # which grow meanwhile
                progress(f"{source.name}: {n_records:,} records read")
    for count in reading.counts.values():
        count.set_aside = count.set_aside or _why_broken(source, count)
    return reading


Told = dict[str, object]
Group = list[tuple[Told, ParsedChunk]]
"""Chunks of one layout, each with what its file tells."""


def _chunks_of(
    opener: "_Opener", source: Source, entries: list[Entry], counts: dict[str, FileCount]
) -> Iterator[tuple[Told, ParsedChunk]]:
    for entry in entries:
        count = counts[entry.file_id or entry.entry_id] = FileCount(set_aside=entry.reason)
        if count.set_aside:
            continue
        told = _told(source, entry)
        try:
            for parsed in _parse(opener, source, entry):
                count.read += parsed.n_records
                yield told, parsed
        except Changed:
            count.anew = "other bytes than were catalogued, of the same time and size"
        except PermissionError as error:
            count.anew = f"it cannot be read for now ({error.strerror})"
        except FileRefused as error:
            count.set_aside = str(error)
        except FILE_ERRORS as error:
            count.set_aside = f"cannot be read: {error.strerror}"
        except Fault as error:
            count.fail(str(error))
        except Exception as error:
            error.add_note(f"while reading {entry.uri} {entry.member or ''}")
            raise


def _groups(chunks: Iterator[tuple[Told, ParsedChunk]]) -> Iterator[Group]:
    group: Group = []
    size = 0
    for told, parsed in chunks:
        full = size >= GROUP_BYTES or len(group) >= GROUP_CHUNKS
        if group and (not _alike(group[0][1].reader, parsed.reader) or _ends(group, told, full)):
            yield group
            group, size = [], 0
        group.append((told, parsed))
        size += len(parsed.chunk.data)
    if group:
        yield group


def _ends(group: Group, told: Told, full: bool) -> bool:
    """Whether a group ends before a chunk of this file. Where expressions look around, the rows of a file are judged alone."""
    if group[0][1].reader.layout.looks_around:
        return group[0][0][FILE] != told[FILE]
    return full


class _Opener:
    """Keeps the last raw object open, since the members of an archive are read one after the other."""

    def __init__(self, lake: Lake) -> None:
        self.store = lake.store
        self._uri, self._opened = "", ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def open(self, uri: str) -> Container:
        """The object, open."""
        if uri != self._uri:
            self._opened.close()
            self._container = Container(self._opened.enter_context(self.store.open(self.store.key(uri))))
            self._uri = uri
        return self._container


def _parse(opener: _Opener, source: Source, entry: Entry) -> Iterator[ParsedChunk]:
    layout = _layout(source, entry)
    line_end = "\r\n" if entry.line_end == "crlf" else "\n"
    header, quote = tuple(known(entry.header)), known(entry.quote)
    dialect = Dialect(known(entry.encoding), known(entry.delimiter), line_end, header, quote, layout.is_headerless)
    reader = ChunkReader(dialect, layout, layout.added_in(dialect.header) if source.keeps_extra else ())
    with ExitStack() as opened:
        try:
            text = opened.enter_context(opener.open(entry.uri).text(known(entry.format), entry.member, entry.size))
        except FileRefused:  # when it was catalogued it was read to its end
            raise Changed from None
        try:
            yield from _parsed(text, dialect, reader)
        except (FileRefused, Fault):
            if text.is_still(known(entry.sha256)):
                raise
            raise Changed from None
        if not text.is_still(known(entry.sha256)):
            raise Changed


def _parsed(text: Text, dialect: Dialect, reader: ChunkReader) -> Iterator[ParsedChunk]:
    row = 1
    for chunk in chunks(text, dialect):
        with blaming(f"the records from line {chunk.first_line} on cannot be read"):
            parsed = reader.read(chunk, row)
        row += parsed.n_records
        yield parsed


def _told(source: Source, entry: Entry) -> Told:
    """What a file tells beside its records, as raw columns."""
    layout = _layout(source, entry)
    landed = {CATALOGUED: entry.discovered_at} if layout.reads_catalogued or source.keeps_reach else {}
    return {FILE: entry.file_id, **(layout.told_by(path_of(entry)) or {}), **landed}


def _layout(source: Source, entry: Entry) -> Layout:
    return next(layout for layout in source.layouts if layout.name == entry.layout)


class ValidatedRows(NamedTuple):
    """Rows that keep every rule; which rules others break, by file and row; how many of a file are kept with a warning."""

    rows: pl.DataFrame
    broken: dict[str, dict[int, list[str]]]
    warned: dict[str, int]


class RowValidator:
    """Tells valid rows from rejects, a group of chunks at a time."""

    def __init__(self, source: Source, reading: Reading, looked_up: pl.DataFrame | None, take: Take) -> None:
        self.source, self.reading, self.looked_up, self.take = source, reading, looked_up, take
        self._wordings: dict[tuple[str, Dialect], Wording] = {}

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
        return found.in_words(rejects[0][0].line if rejects else None)

    def _columns(self, raw: pl.DataFrame, reader: ChunkReader) -> Iterator[Suspect]:
        made = _made(self.source, reader.layout, reader.extra)
        for name, dtype in polars_schema(self.source.contract).items():
            yield Suspect(f"{name} cannot be made", made[name], raw, ROW, dtype)

    def _rules(self, raw: pl.DataFrame, reader: ChunkReader) -> Iterator[Suspect]:
        try:
            rows, _ = canonical(self.source, reader.layout, raw, reader.extra)
            rows, _ = clean_keys(self.source, rows)
            rows = self._filled(rows)
            rules = list(rules_of(self.source.contract))
        except ERRORS as error:
            if not is_of_rows(error):
                raise
            return  # it is no rule that fails
        for name, holds in rules:
            yield Suspect(f"the rule {name} cannot be applied", holds, rows, "file_row")

    def _canonical(self, raw: pl.DataFrame, reader: ChunkReader) -> ValidatedRows:
        rows, unheld = canonical(self.source, reader.layout, raw, reader.extra)
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

    def _count_rejects(self, file_id: str, rejects: list[Reject], reader: ChunkReader) -> None:
        if not rejects:
            return
        count, wording = self.reading.counts[file_id], self._wording(reader)
        count.quarantined += len(rejects)
        records = []
        for reject in rejects:
            reason = wording.reason(reject.raw, reject.rules)
            for rule in reject.rules:
                count.broken[rule] = count.broken.get(rule, 0) + 1
                count.first[rule] = min(count.first.get(rule, (reject.line, reason)), (reject.line, reason))
            records.append((file_id, reject.file_row, reject.line, reject.raw, list(reject.rules), reason))
        self.reading.rejects.add(pl.DataFrame(records, schema=REJECT_SCHEMA, orient="row"))

    def _wording(self, reader: ChunkReader) -> Wording:
        key = reader.layout.name, reader.dialect
        if key not in self._wordings:
            self._wordings[key] = Wording(self.source, reader.layout, reader.dialect)
        return self._wordings[key]


def _alike(one: ChunkReader, other: ChunkReader) -> bool:
    return one.layout is other.layout and list(one.extra) == list(other.extra)


def _raw_rows(parts: Sequence[tuple[Told, pa.Table]]) -> pl.DataFrame:
    """The records of several files, each with what its file tells."""
    rows = pl.DataFrame(pl.from_arrow(pa.concat_tables(table for _, table in parts)))
    told = pl.DataFrame([told for told, _ in parts], infer_schema_length=None)
    return rows.hstack(told[np.repeat(np.arange(len(parts)), [len(table) for _, table in parts])])


def canonical(
    source: Source, layout: Layout, rows: pl.DataFrame, extra: Sequence[str] = ()
) -> tuple[pl.DataFrame, list[tuple[str, int, list[str]]]]:
    """Typed raw columns (with `FILE`, `ROW` and `CATALOGUED`) as rows of the source's table.

    Where the layout does not date them, they are known since their file landed. `as_of`, if the contract has it, is to be filled.

    Rows with a value that its column cannot hold as it was written are left out; they are returned as (file, row, what they
    break). An empty text is a value where the contract takes it for one.
    """
    derived = _made(source, layout, extra)
    schema = polars_schema(source.contract)
    # Lazy, since what several columns are made of is then computed once.
    made = rows.lazy().select(derived[name].alias(name) for name in schema).collect()
    made = with_empty_text(source, layout, rows, made)
    fitting = made.cast(schema, strict=False)
    lost = misfits(layout, rows, made, fitting)
    place = fitting.select("file_id", "file_row")
    told = [(*at, [rule]) for rule, flags in lost.items() for at in place.filter(flags).iter_rows()]
    return (fitting.filter(~pl.any_horizontal(lost.values())) if lost else fitting), told


def _made(source: Source, layout: Layout, extra: Sequence[str]) -> dict[str, pl.Expr]:
    """Of what each column is made."""
    added = [pl.col(EXTRA.format(number)).alias(name) for number, name in enumerate(extra)]
    return {
        "known_ts": pl.col(CATALOGUED),
        "as_of": pl.col(CATALOGUED),
        "extra": pl.struct(added).struct.json_encode() if extra else pl.lit(None, pl.String),
        **({source.lookup.column: pl.lit(None, pl.String)} if source.lookup else {}),
        **layout.canonical,
        "file_id": pl.col(FILE),
        "file_row": pl.col(ROW),
    }


def _why_broken(source: Source, count: FileCount) -> str | None:
    """The circuit breaker: so many bad rows mean that the file itself is wrong."""
    if not count.read:
        return None
    share = count.quarantined / count.read
    if count.quarantined <= source.breaker_floor or share <= source.breaker_share:
        return None
    common = sorted(count.broken.items(), key=lambda item: -item[1])[:5]
    rules = ", ".join(f"{rule} ({n:,})" for rule, n in common)
    first = dict.fromkeys(count.first[rule] for rule, _ in common)
    told = "; ".join(f"line {line}: {reason}" for line, reason in islice(first, EXAMPLES))
    return f"{count.quarantined:,} of {count.read:,} rows are bad, more than {source.breaker_share:.0%}: {rules}. Such as {told}"
