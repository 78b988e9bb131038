"""Writing data files anew as tasks: without some of their rows. Files go in, files come out, and nothing is committed.

Which rows go, and the commit that puts the new files in the place of the old, is up to `change.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.engines import Say
from cryptodudez_assets.lake.iceberg.checksums import insist_on_intact
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.scan import Files
from cryptodudez_assets.lake.iceberg.writing import Target, Writer, WrittenFiles


@dataclass(frozen=True)
class RewriteTask:
    """Data files of a table that are written anew without some rows.

    `gone`: values of the columns by which these rows are told. `sums`: the SHA-256 that was recorded of each file, by path.
    """

    table: str
    files: Files
    gone: pl.DataFrame
    sums: Mapping[str, str | None]
    target: Target


def rewrite(task: RewriteTask, _say: Say) -> WrittenFiles:
    """Write the files of a task anew. Raises `Damaged` where one is not what was written: that would pass for good from here on."""
    insist_on_intact(task.table, HashingIO(dict(task.target.properties), {}), task.sums)
    writer = Writer(task.target)
    try:
        for rows in task.files.portions():
            writer.add(rows.join(task.gone, on=task.gone.columns, how="anti", maintain_order="left"))
        return writer.close()
    except BaseException:
        writer.abandon()
        raise
