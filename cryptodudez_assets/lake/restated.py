"""What was restated: observations that gave way to a newer one and told other values, with both.

Losers are not in the table. Where the source keeps observations they are there, otherwise their raw files are read again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake import catalogue
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.merge import PLACE
from cryptodudez_assets.lake.reading import read_files
from cryptodudez_assets.lake.spool import Spool
from cryptodudez_assets.sources.declaration import Source

STANDS = " stands"


@dataclass
class Restated:
    """One line for each value that differs: the key, the column, what was `told` and what `stands` now, and who says so.

    `unreadable` names raw files that are not there any more as they were read, so that what they told is not listed.
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
    files = catalogue.files_of(lake.tables, source.name).filter(pl.col("rows_restated") > 0, status=Status.LOADED)
    for entry in files.sort("uri", "member").collect().to_dicts():
        if file_id not in (None, entry["file_id"]):
            continue
        there = lake.store.stat(lake.store.key(entry["uri"]))
        if there is None or entry["generation"] not in there.generations:
            unreadable.append(entry["uri"])
            continue
        parts: list[pl.DataFrame] = []
        with Spool() as rejects:
            read_files(
                lake,
                source,
                [entry],
                lambda rows, kept=parts: kept.append(_differing(rows.lazy(), table, source)),  # type: ignore[misc]
                rejects,
                progress,
            )
        yield from parts


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
