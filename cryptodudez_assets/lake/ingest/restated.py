"""What was restated: observations that gave way to a newer one and told other values, with both.

Losers are not in the table. Where the source keeps observations they are there, otherwise their raw files are read again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.lookups import values_of
from cryptodudez_assets.lake.ingest.reading import read_files
from cryptodudez_assets.lake.ingest.rivals import PLACE
from cryptodudez_assets.lake.ingest.spill import SpillBuffer
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.sources.declaration import Source

STANDS = " stands"


@dataclass
class Restated:
    """One line for each value that differs: the key, the column, what was `told` and what `stands` now, and who says so.

    `unreadable` names raw files that are not there any more as they were read, nor in a snapshot of the table, so that what they
    told is not listed.
    """

    lines: pl.DataFrame
    complete: bool
    unreadable: list[str] = field(default_factory=list)


def restated(
    lake: Lake,
    source: Source,
    file_id: str | None = None,
    limit: int = 1000,
    progress: Callable[[str], None] = lambda _: None,
) -> Restated:
    """List what was restated, of all files or of one, compared with the table as it is now; at most `limit` lines.

    Of each file that is read again no more is kept than the lines that are listed.
    """
    table = lake.tables.scan(source.table)
    unreadable: list[str] = []
    found: list[pl.DataFrame] = []
    n_lines = 0
    observations = lake.tables.scan(source.observations) if source.observations else None
    if table is not None:
        wanted = pl.lit(value=True) if file_id is None else pl.col("file_id") == file_id
        if observations is not None:
            parts = iter([_differing(observations.filter(wanted), table, source)])
        else:
            parts = _read_again(lake, source, table, file_id, unreadable, progress)
        for lines in parts:
            found.append(lines.head(limit + 1 - n_lines))
            n_lines += len(found[-1])
            if n_lines > limit:
                break
    listed = pl.concat(found) if found else _empty(source)
    return Restated(listed.sort(*source.key, "file_id", "file_row").head(limit), n_lines <= limit, unreadable)


def _read_again(
    lake: Lake,
    source: Source,
    table: pl.LazyFrame,
    file_id: str | None,
    unreadable: list[str],
    progress: Callable[[str], None],
) -> Iterator[pl.DataFrame]:
    known = file_entries.files_of(lake.tables, source.name).sort("uri", "member").collect()
    # Also what told the same as the winner of its day may tell another value than what stands now.
    given_way = (pl.col("rows_restated") > 0) | (pl.col("rows_duplicate") > 0)
    files = known.filter(given_way, status=Status.LOADED)
    for loaded in entries_in(files):
        if file_id not in (None, loaded.file_id):
            continue
        place = _place_of(lake, loaded, known)
        if place is None:
            past = _once_in_the_table(lake, source, str(loaded.file_id))
            if past is None:
                unreadable.append(loaded.uri)
            else:
                yield _differing(past.lazy(), table, source)
            continue
        entry = replace(loaded, uri=place.uri, member=place.member, generation=place.generation)
        parts: list[pl.DataFrame] = []
        with TemporaryDirectory(prefix="cryptodudez-") as folder:
            read_files(
                lake.store,
                source,
                [entry],
                values_of(lake.tables, source),
                lambda rows, kept=parts: kept.append(_differing(rows.lazy(), table, source)),  # type: ignore[misc]
                SpillBuffer(Path(folder)),
                progress,
            )
        yield from parts


def _place_of(lake: Lake, loaded: Entry, known: pl.DataFrame) -> Entry | None:
    """An entry under which a file's bytes still lie: its own, or another with the same."""
    if _is_there(lake, loaded):
        return loaded
    alike = entries_in(known.filter(pl.col("file_id") == loaded.file_id))
    return next((one for one in alike if _is_there(lake, one)), None)


def _is_there(lake: Lake, entry: Entry) -> bool:
    there = lake.store.stat(lake.store.key(entry.uri))
    return there is not None and entry.generation in there.generations


def _once_in_the_table(lake: Lake, source: Source, file_id: str) -> pl.DataFrame | None:
    """The rows of a file that is gone, as the newest snapshot has them that still has any; None where upkeep forgot it."""
    of_file = EqualTo("file_id", file_id)
    for snapshot in reversed(lake.tables.load(source.table).metadata.snapshots):
        rows = lake.tables.scan(source.table, of_file, snapshot.snapshot_id)
        if rows is not None and {*source.key, *source.values, *PLACE} <= set(rows.collect_schema().names()):
            found = rows.filter(pl.col("file_id") == file_id).collect()
            if len(found):
                return found
    return None


def _differing(rows: pl.LazyFrame, table: pl.LazyFrame, source: Source) -> pl.DataFrame:
    """A line for each value in which a row differs from the table's row of the same key."""
    values = [*source.values, *PLACE]
    standing = table.select(*source.key, *(pl.col(name).alias(name + STANDS) for name in values))
    both = rows.select(*source.key, *values).join(standing, on=source.key, nulls_equal=True)
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name + STANDS)) for name in PLACE)
    differs = {name: pl.col(name).ne_missing(pl.col(name + STANDS)) for name in source.values}
    losers = both.filter(other & pl.any_horizontal(differs.values())) if differs else both.clear()
    chosen = losers.collect(engine="streaming")
    return pl.concat([_empty(source), *(_lines(chosen.filter(differs[name]), source, name) for name in differs)])


def _lines(rows: pl.DataFrame, source: Source, name: str) -> pl.DataFrame:
    told, stands = (pl.col(column).cast(pl.String) for column in (name, name + STANDS))
    return rows.select(
        *source.key,
        column=pl.lit(name),
        told=told,
        stands=stands,
        file_id="file_id",
        file_row="file_row",
        stands_in="file_id" + STANDS,
    )


def _empty(source: Source) -> pl.DataFrame:
    schema = polars_schema(source.contract)
    texts = dict.fromkeys(["column", "told", "stands", "file_id"], pl.String())
    return pl.DataFrame(
        schema={
            **{name: schema[name] for name in source.key},
            **texts,
            "file_row": pl.Int64(),
            "stands_in": pl.String(),
        }
    )
