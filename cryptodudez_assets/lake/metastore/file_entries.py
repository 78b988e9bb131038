"""The metastore: `catalog.files` and `catalog.schemas`. It is the state of ingestion: what is there, what is left to do.

Rows are replaced, not appended: one row per file is its present state. Open rows (work to do) form a partition of their own
per source, so that finding and finishing work costs what there is to do, not what was ever done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, GreaterThanOrEqual, In, LessThanOrEqual

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import REPLACED, Files, Schemas, Status
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in, frame_of, gone_before_read

FILES = TableSpec("catalog.files", Files, (("source", "identity"), ("open", "identity")), ("uri", "member"))
SCHEMAS = TableSpec("catalog.schemas", Schemas, (("source", "identity"),), ("layout", "version"))

NO_MEMBER = "it is not in the archive any more"


def known_versions(tables: IcebergTables, source: str, uris: Collection[str]) -> set[tuple[str, str]]:
    """Which (uri, generation) among these uris are catalogued.

    Unreadable ones are not, they are to be tried again; nor are those that were gone when they should be read.
    """
    if not uris:
        return set()
    first, last = min(uris), max(uris)
    within = And(GreaterThanOrEqual("uri", first), LessThanOrEqual("uri", last))
    rows = _files(tables, And(EqualTo("source", source), within))
    # The range lets the reader leave out most of a large file; the set says which it is.
    rows = rows.filter(pl.col("uri").is_between(pl.lit(first), pl.lit(last)), pl.col("source") == source)
    rows = rows.filter(pl.col("uri").is_in(list(uris)), pl.col("status") != Status.UNREADABLE)
    whole = rows.group_by("uri", "generation").agg(gone=_was_gone().any()).filter(~pl.col("gone"))  # with all members
    return set(whole.select("uri", "generation").collect().iter_rows())


def were_gone(tables: IcebergTables, source: str, entry_ids: Collection[str]) -> dict[str, bool]:
    """Which of these entries there are already (unreadable ones aside), and whether they were gone before they were read."""
    rows = _files(tables, EqualTo("source", source)).filter(pl.col("source") == source)
    there = rows.filter(pl.col("entry_id").is_in(list(entry_ids)), pl.col("status") != Status.UNREADABLE)
    return dict(there.select("entry_id", _was_gone()).collect().iter_rows())


def known_bytes(
    tables: IcebergTables, source: str, file_ids: Collection[str], besides: Collection[str] = ()
) -> set[str]:
    """Which of these contents are catalogued under this source already, and read or to be read, in other entries."""
    if not file_ids:
        return set()
    rows = _files(tables, EqualTo("source", source)).filter(
        pl.col("source") == source,
        pl.col("file_id").is_in(list(file_ids)),
        ~pl.col("status").is_in([Status.UNREADABLE, Status.IGNORED, Status.DUPLICATE]),
        ~pl.col("entry_id").is_in(list(besides)),
    )
    # An archive that went before its members were read has no bytes to repeat.
    gone = _files(tables, EqualTo("source", source)).filter(pl.col("source") == source, _was_gone())
    emptied = gone.select("uri", "generation", status=pl.lit(str(Status.EXPANDED))).unique()
    rows = rows.join(emptied, on=["uri", "generation", "status"], how="anti")
    return set(rows.select("file_id").unique().collect()["file_id"])


def gave_rows(tables: IcebergTables, source: str, layout: str, version: str) -> bool:
    """Whether a file of this layout was read, and gave rows, under this version of contract and declaration."""
    rows = files_of(tables, source).filter(
        pl.col("status") == Status.LOADED,
        pl.col("layout") == layout,
        pl.col("contract_version") == version,
        pl.col("rows_read") > pl.col("rows_quarantined"),
    )
    return not rows.select("entry_id").head(1).collect().is_empty()


def open_entries(tables: IcebergTables, source: str) -> pl.DataFrame:
    """Files with work left to do, in the order in which they are done."""
    rows = _files(tables, _open_of(source)).filter(pl.col("source") == source, pl.col("open"))
    return rows.sort("uri", "member", nulls_last=False).collect()


def record(
    tables: IcebergTables,
    source: str,
    changed: Iterable[Entry],
    displaced: Mapping[str, int] | None = None,
    restated: Mapping[str, int] | None = None,
    superseded: Mapping[str, str] | None = None,
) -> None:
    """Write the new state of files, in one commit.

    `changed` are new files, or files that are open now. `displaced` says how many rows of which loaded files (by
    `file_id`) gave way to newer observations: they turn from valid into duplicate; `restated`,
    how many of these told other values. `superseded` says of which bytes
    (`file_id`) an earlier entry becomes a duplicate, and why: they landed again.
    """
    new = frame_of(changed)
    with tables.changing(FILES) as change:
        untouched = change.rows(_open_of(source)).filter(pl.col("source") == source, pl.col("open")).collect()
        untouched = untouched.join(new, on="entry_id", how="anti")
        # An object that could not be read is in the catalogue again as soon as it can, or when there is a new version of it.
        untouched = untouched.filter(
            (pl.col("status") != Status.UNREADABLE) | ~pl.col("uri").is_in(new["uri"].to_list())
        )
        change.delete(_open_of(source)).add(pl.concat([untouched, new], how="diagonal"))
        if displaced:
            given_way = And(EqualTo("source", source), And(EqualTo("open", False), In("file_id", list(displaced))))
            lost, told_otherwise = (
                pl.col("file_id").replace_strict(dict(counts), default=0, return_dtype=pl.Int64)
                for counts in (displaced, restated or {})
            )
            loaded = pl.col("status") == Status.LOADED
            rows = change.rows(given_way).filter(
                pl.col("source") == source, ~pl.col("open"), pl.col("file_id").is_in(list(displaced))
            )
            change.delete(given_way).add(
                rows.with_columns(
                    rows_valid=pl.when(loaded).then(pl.col("rows_valid") - lost).otherwise("rows_valid"),
                    rows_duplicate=pl.when(loaded).then(pl.col("rows_duplicate") + lost).otherwise("rows_duplicate"),
                    rows_restated=pl.when(loaded)
                    .then(pl.col("rows_restated").fill_null(0) + told_otherwise)
                    .otherwise("rows_restated"),
                ).collect()
            )
        if superseded:
            _make_duplicates(change, source, superseded, new["entry_id"])


def _make_duplicates(change: TableTransaction, source: str, why: Mapping[str, str], read: pl.Series) -> None:
    closed = And(EqualTo("source", source), And(EqualTo("open", False), In("file_id", list(why))))
    earlier = change.rows(closed).filter(
        pl.col("source") == source,
        ~pl.col("open"),
        pl.col("file_id").is_in(list(why)),
        pl.col("status").is_in([Status.LOADED, Status.QUARANTINED]),
        ~pl.col("entry_id").is_in(read.implode()),
    )
    rows = earlier.collect()
    if len(rows):
        reason = pl.col("file_id").replace_strict(dict(why), return_dtype=pl.String)
        counts = [pl.lit(None, pl.Int64).alias(name) for name in rows.columns if name.startswith("rows_")]
        change.delete(And(EqualTo("source", source), In("entry_id", rows["entry_id"].to_list()))).add(
            rows.with_columns(*counts, status=pl.lit(str(Status.DUPLICATE)), reason=reason)
        )


def add_warned(tables: IcebergTables, source: str, more: Mapping[str, int]) -> None:
    """Change how many rows of loaded files (by `file_id`) are kept with a warning, in one commit."""
    if not more:
        return
    theirs = And(EqualTo("source", source), And(EqualTo("open", False), In("file_id", list(more))))
    with tables.changing(FILES) as change:
        rows = change.rows(theirs).filter(
            pl.col("source") == source, ~pl.col("open"), pl.col("file_id").is_in(list(more))
        )
        added = pl.col("file_id").replace_strict(dict(more), default=0, return_dtype=pl.Int64)
        loaded = pl.col("status") == Status.LOADED
        warned = pl.when(loaded).then(pl.col("rows_warned") + added).otherwise("rows_warned")
        change.delete(theirs).add(rows.with_columns(rows_warned=warned).collect())


def amend(tables: IcebergTables, source: str, entries: Collection[Entry]) -> None:
    """Write another state of files that are known, such as to have them ingested again, in one commit."""
    with tables.changing(FILES) as change:
        theirs = And(EqualTo("source", source), In("entry_id", [entry.entry_id for entry in entries]))
        change.delete(theirs).add(frame_of(entries))


def archives_changed(tables: IcebergTables, source: str, members: Collection[Entry]) -> None:
    """Of these members other bytes were read than were catalogued: so the archives are not what was catalogued either."""
    if not members:
        return
    of = pl.DataFrame([(one.uri, one.generation) for one in members], ["uri", "generation"], orient="row").unique()
    expanded = files_of(tables, source).filter(pl.col("status") == Status.EXPANDED, pl.col("member").is_null())
    archives = expanded.join(of.lazy(), on=["uri", "generation"], how="semi").collect()
    amend(tables, source, [gone_before_read(one) for one in entries_in(archives)])


def members_left(tables: IcebergTables, source: str, back: Collection[Entry]) -> None:
    """Of archives that are described again: members that were gone and are not in them now are not waited for."""
    archives = pl.DataFrame([(one.uri, one.generation) for one in back], ["uri", "generation"], orient="row")
    theirs = files_of(tables, source).filter(_was_gone(), pl.col("member").is_not_null())
    there = pl.col("entry_id").is_in([one.entry_id for one in back])
    left = theirs.join(archives.unique().lazy(), on=["uri", "generation"], how="semi").filter(~there).collect()
    if len(left):
        amend(tables, source, [replace(one, reason=NO_MEMBER) for one in entries_in(left)])


def forget_repeated(tables: IcebergTables, source: str, gone: Collection[Entry]) -> None:
    """Forget the files that only repeat the bytes of these, which are not there any more, so that they are found anew."""
    of_source = pl.col("source") == source
    closed = And(EqualTo("source", source), EqualTo("open", False))
    archives = pl.DataFrame([(entry.uri, entry.generation) for entry in gone], ["uri", "generation"], orient="row")
    expanded = _files(tables, closed).filter(of_source, pl.col("status") == Status.EXPANDED)
    emptied = expanded.join(archives.lazy(), on=["uri", "generation"], how="semi").collect()
    lost = {*(entry.file_id for entry in gone if entry.file_id), *emptied["file_id"]}
    read = _files(tables, closed).filter(of_source, pl.col("status").is_in([Status.LOADED, Status.QUARANTINED]))
    lost -= set(read.filter(pl.col("file_id").is_in(list(lost))).collect()["file_id"])  # of those nothing is missing
    if not lost:
        return
    with tables.changing(FILES) as change:
        where = And(closed, In("file_id", sorted(lost)))
        rows = change.rows(where).filter(of_source, ~pl.col("open"), pl.col("file_id").is_in(list(lost))).collect()
        repeated = pl.col("status") == Status.DUPLICATE
        if rows.filter(repeated).is_empty():
            return
        was_archive = pl.col("entry_id").is_in(emptied["entry_id"].implode())
        status = pl.when(was_archive).then(pl.lit(str(Status.IGNORED))).otherwise("status")
        change.delete(where).add(rows.filter(~repeated).with_columns(status=status))


def claimed_batches(tables: IcebergTables) -> set[str]:
    """Batches of all sources that were begun and are not finished."""
    rows = _files(tables, EqualTo("open", True)).filter(pl.col("open"), pl.col("status") == Status.CLAIMED)
    return set(rows.select("batch_id").unique().collect()["batch_id"])


def oldest_claim(tables: IcebergTables) -> datetime | None:
    """When the oldest batch was claimed that was begun and is not finished."""
    rows = _files(tables, EqualTo("open", True)).filter(pl.col("open"), pl.col("status") == Status.CLAIMED)
    claimed: datetime | None = rows.select(pl.col("updated_at").min()).collect().item()
    return claimed


def sources_of(tables: IcebergTables) -> set[str]:
    """Every source of which files are known, whether it is declared today or not."""
    return set(_files(tables, AlwaysTrue()).select("source").unique().collect()["source"])


def files_of(tables: IcebergTables, source: str) -> pl.LazyFrame:
    """All rows of `catalog.files` of one source."""
    return _files(tables, EqualTo("source", source)).filter(pl.col("source") == source)


def schemas_of(tables: IcebergTables, source: str) -> pl.DataFrame:
    """All schema versions of one source."""
    rows = tables.scan(SCHEMAS.name, EqualTo("source", source))
    empty = pl.LazyFrame(schema=polars_schema(Schemas))
    return (rows if rows is not None else empty).filter(pl.col("source") == source).sort("layout", "version").collect()


def record_schemas(tables: IcebergTables, new: Sequence[Mapping[str, Any]]) -> None:
    """Append schema versions."""
    if new:
        with tables.changing(SCHEMAS) as change:
            change.add(pl.DataFrame(new, schema=polars_schema(Schemas)))


def _files(tables: IcebergTables, where: BooleanExpression) -> pl.LazyFrame:
    rows, schema = tables.scan(FILES.name, where), polars_schema(Files)
    if rows is None:
        return pl.LazyFrame(schema=schema)
    older = rows.collect_schema()  # columns that the contract has gained since are added with the next commit
    return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in older)


def _was_gone() -> pl.Expr:
    return (pl.col("status") == Status.IGNORED) & (pl.col("reason") == REPLACED).fill_null(value=False)


def _open_of(source: str) -> BooleanExpression:
    return And(EqualTo("source", source), EqualTo("open", True))
