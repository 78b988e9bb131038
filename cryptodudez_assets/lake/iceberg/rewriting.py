"""Writing data files anew as tasks: without some of their rows, or several as one. Files go in, files come out, and nothing is committed.

Which files, and which rows go, and the commit that puts the new files in the place of the old, is up to `change.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.engines import Say
from cryptodudez_assets.lake.iceberg.checksums import insist_on_intact
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.scan import Files
from cryptodudez_assets.lake.iceberg.writing import Target, Writer, WrittenFiles


@dataclass(frozen=True)
class RewriteTask:
    """Data files of a table that are written anew.

    `sums`: the SHA-256 that was recorded of each file, by path. `gone`: values of the columns by which rows are told that go; None where
    all of them stay.
    """

    table: str
    files: Files
    sums: Mapping[str, str | None]
    target: Target
    gone: pl.DataFrame | None = None


def rewrite(task: RewriteTask, _say: Say) -> WrittenFiles:
    """Write the files of a task anew, file by file. Raises `Damaged` where one is not what was written."""
    return _written(task, task.files.portions())


def join(task: RewriteTask, _say: Say) -> WrittenFiles:
    """Write the files of a task as one, or few, in the table's order. They must fit into memory. Raises `Damaged` as `rewrite` does."""
    return _written(task, (rows.collect() for rows in [task.files.scan_files(task.files.paths)]))


def _written(task: RewriteTask, parts: Iterable[pl.DataFrame]) -> WrittenFiles:
    # What was damaged would pass for good once it is in a file of its own.
    insist_on_intact(task.table, HashingIO(dict(task.target.properties), {}), task.sums)
    writer, gone = Writer(task.target), task.gone
    try:
        for rows in parts:
            writer.add(rows if gone is None else rows.join(gone, on=gone.columns, how="anti", maintain_order="left"))
        return writer.close()
    except BaseException:
        writer.abandon()
        raise
