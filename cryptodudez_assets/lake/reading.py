"""Read the files of a batch: valid rows, rejected records and a count for each file. Bounded memory, no side effects."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.rules import RULES, WARNINGS, broken_rules, judge
from cryptodudez_assets.lake.archives import ARCHIVE_ERRORS, Refused, open_text
from cryptodudez_assets.lake.catalogue import Entry
from cryptodudez_assets.lake.chunks import chunks
from cryptodudez_assets.lake.dialect import Dialect
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.parse import ChunkReader, ParsedChunk, Reject
from cryptodudez_assets.lake.spool import Spool
from cryptodudez_assets.sources.declaration import Layout, Source

# Chunks of many small files are judged together: evaluating a contract has a price per call, not per row.
GROUP_BYTES = 8 << 20
GROUP_CHUNKS = 500

REJECT_SCHEMA = {"file_id": pl.String, "file_row": pl.Int64, "line": pl.Int64, "raw": pl.String, "rules": pl.List(pl.String)}


@dataclass
class FileCount:
    """What was found in one file. `set_aside` says why none of it is to be used."""

    read: int = 0
    quarantined: int = 0
    warned: int = 0
    as_of: datetime | None = None
    set_aside: str | None = None
    broken: dict[str, int] = field(default_factory=dict)
    """How many rows break which rule."""


@dataclass
class Reading:
    """What was found in a batch. `valid` holds canonical rows, `rejects` the records that are none (REJECT_SCHEMA)."""

    counts: dict[str, FileCount]
    valid: Spool
    rejects: Spool

    def valid_rows(self) -> Iterator[pl.DataFrame]:
        """Rows of the files that are not set aside, with `known_ts` filled where the archive does not tell it."""
        as_of = pl.DataFrame(
            [(file_id, count.as_of) for file_id, count in self.counts.items()],
            schema={"file_id": pl.String, "as_of": pl.Datetime("us", "UTC")},
            orient="row",
        )
        for rows in self.valid:
            rows = rows.filter(~pl.col("file_id").is_in(self.set_aside))
            if rows["known_ts"].null_count():
                rows = rows.join(as_of, on="file_id", how="left").with_columns(pl.col("known_ts").fill_null(pl.col("as_of"))).drop("as_of")
            yield rows

    def rejected_records(self) -> Iterator[pl.DataFrame]:
        """Rejected records of the files that are not set aside."""
        return (rows.filter(~pl.col("file_id").is_in(self.set_aside)) for rows in self.rejects)

    @property
    def set_aside(self) -> list[str]:
        """Files of which nothing is used."""
        return [file_id for file_id, count in self.counts.items() if count.set_aside]


def read_files(lake: Lake, source: Source, entries: list[Entry], spool: Callable[[], Spool], progress: Callable[[str], None]) -> Reading:
    """Read every file of a batch once."""
    reading = Reading({}, spool(), spool())
    group = _Group(source, reading)
    for entry in entries:
        count = reading.counts[entry["file_id"] or entry["entry_id"]] = FileCount()
        if entry["reason"]:
            count.set_aside = entry["reason"]
            continue
        try:
            for parsed in _parse(lake, source, entry):
                count.read += parsed.n_records
                group.add(entry["file_id"], parsed)
                if len(parsed.chunk.data) >= GROUP_BYTES:
                    progress(f"{entry['uri']}: {count.read:,} records read")
        except (*ARCHIVE_ERRORS, Refused) as error:
            group.flush()
            count.set_aside = f"damaged: {error or type(error).__name__}"
    group.flush()
    for count in reading.counts.values():
        count.set_aside = count.set_aside or _why_broken(source, count)
    return reading


def _parse(lake: Lake, source: Source, entry: Entry) -> Iterator[ParsedChunk]:
    layout = next(layout for layout in source.layouts if layout.name == entry["layout"])
    line_end = "\r\n" if entry["line_end"] == "crlf" else "\n"
    dialect = Dialect(entry["encoding"], entry["delimiter"], line_end, tuple(entry["header"]), entry["quote"])
    reader = ChunkReader(dialect, layout, layout.added_in(dialect.header) if source.keeps_extra else ())
    row = 1
    with lake.store.open(lake.store.key(entry["uri"])) as opened, open_text(opened, entry["format"], entry["member"], entry["size"]) as text:
        for chunk in chunks(text, dialect.encoding):
            parsed = reader.read(chunk, row)
            row += parsed.n_records
            yield parsed


class _Group:
    """Chunks that are mapped and judged together."""

    def __init__(self, source: Source, reading: Reading) -> None:
        self.source, self.reading = source, reading
        self.chunks: list[tuple[str, ParsedChunk]] = []
        self.bytes = 0

    def add(self, file_id: str, parsed: ParsedChunk) -> None:
        if self.chunks and self.chunks[0][1].reader.layout is not parsed.reader.layout:
            self.flush()
        self.chunks.append((file_id, parsed))
        self.bytes += len(parsed.chunk.data)
        if self.bytes >= GROUP_BYTES or len(self.chunks) >= GROUP_CHUNKS:
            self.flush()

    def flush(self) -> None:
        chunks, self.chunks, self.bytes = self.chunks, [], 0
        frames = [
            canonical(self.source, parsed.reader.layout, parsed.table, file_id, parsed.reader.extra)
            for file_id, parsed in chunks
            if parsed.table is not None and len(parsed.table)
        ]
        rejects = {i: list(parsed.rejects) for i, (_, parsed) in enumerate(chunks)}
        if frames:
            rows = pl.concat(frames)
            errors = self._judge(rows)
            for i, (file_id, parsed) in enumerate(chunks if len(errors) else []):
                in_chunk = pl.col("file_row").is_between(parsed.first_row, parsed.first_row + parsed.n_records - 1)
                broken = errors.filter(pl.col("file_id") == file_id, in_chunk)
                rejects[i] += parsed.reject(dict(broken.select("file_row", RULES).iter_rows()))
            good = rows.join(errors, on=["file_id", "file_row"], how="anti") if len(errors) else rows
            self._count_valid(good)
            self.reading.valid.add(good)
        for i, (file_id, _) in enumerate(chunks):
            self._count_rejects(file_id, rejects[i])

    def _judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        findings = list(judge(self.source.contract, rows.with_columns(pl.col("known_ts").fill_null(pl.col("event_ts")))))
        if (warned := broken_rules(findings, warnings=True)) is not None:
            for file_id, n in rows["file_id"].filter(warned.list.len() > 0).value_counts().iter_rows():
                self.reading.counts[file_id].warned += n
        errors = broken_rules(findings)
        place = rows.select("file_id", "file_row")
        if errors is None:
            return place.clear().with_columns(pl.lit(None, pl.List(pl.String)).alias(RULES))
        return place.with_columns(errors).filter(pl.col(RULES).list.len() > 0)

    def _count_valid(self, rows: pl.DataFrame) -> None:
        for file_id, newest in rows.group_by("file_id").agg(pl.col("event_ts").max()).iter_rows():
            count = self.reading.counts[file_id]
            count.as_of = max(filter(None, [count.as_of, newest]), default=None)

    def _count_rejects(self, file_id: str, rejects: list[Reject]) -> None:
        count = self.reading.counts[file_id]
        count.quarantined += len(rejects)
        for rule in (rule for reject in rejects for rule in reject.rules):
            count.broken[rule] = count.broken.get(rule, 0) + 1
        records = [(file_id, reject.file_row, reject.line, reject.raw, list(reject.rules)) for reject in rejects]
        self.reading.rejects.add(pl.DataFrame(records, schema=REJECT_SCHEMA, orient="row"))


def canonical(source: Source, layout: Layout, table: Any, file_id: str, extra: tuple[str, ...] | list[str] = ()) -> pl.DataFrame:
    """Typed raw columns (and `file_row`) as rows of the source's table; `known_ts` is null where the layout does not tell it."""
    rows = pl.DataFrame(pl.from_arrow(table))
    derived = {
        "known_ts": pl.lit(None, pl.Datetime("us", "UTC")),
        **layout.canonical,
        "file_id": pl.lit(file_id),
        "file_row": pl.col("file_row"),
    }
    if source.keeps_extra:
        kept = pl.struct(extra).struct.json_encode() if extra else pl.lit(None, pl.String)
        derived["extra"] = kept
    schema = polars_schema(source.contract)
    return rows.select(derived[name].cast(dtype).alias(name) for name, dtype in schema.items())


def _why_broken(source: Source, count: FileCount) -> str | None:
    """The circuit breaker: so many bad rows mean that the file itself is wrong."""
    if not count.read:
        return None
    share = count.quarantined / count.read
    if count.quarantined <= source.breaker_floor or share <= source.breaker_share:
        return None
    common = sorted(count.broken.items(), key=lambda item: -item[1])[:5]
    rules = ", ".join(f"{rule} ({n:,})" for rule, n in common)
    return f"{count.quarantined:,} of {count.read:,} rows are bad, more than {source.breaker_share:.0%}: {rules}"
