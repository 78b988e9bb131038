"""One commit to a table in the making: rows that come, rows and files that go, all visible at once or not at all."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from itertools import chain
from typing import Any, Self

import polars as pl
import pyarrow.compute as pc
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, Or
from pyiceberg.expressions.visitors import bind, extract_field_ids
from pyiceberg.io.pyarrow import expression_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots

from cryptodudez_assets.engines import Engine, Say
from cryptodudez_assets.lake.iceberg.checksums import Records, insist_on_intact, name_in
from cryptodudez_assets.lake.iceberg.data_files import DataFiles
from cryptodudez_assets.lake.iceberg.planning import files_at, planned, planned_sizes
from cryptodudez_assets.lake.iceberg.provenance import SAME_AS
from cryptodudez_assets.lake.iceberg.replacing import Replacement
from cryptodudez_assets.lake.iceberg.rewriting import RewriteTask, join, rewrite
from cryptodudez_assets.lake.iceberg.scan import (
    PATH,
    Files,
    in_columns_of,
    planned_files,
    portions,
    scan,
    scan_files,
    snapshot_id_of,
)
from cryptodudez_assets.lake.iceberg.writing import Target, WrittenFiles
from cryptodudez_assets.lake.store.places import path_of


class _Transaction(Transaction):  # type: ignore[misc]
    """A transaction that applies its updates once, not at every look: pyiceberg copies all of the metadata each time."""

    _applied: tuple[object, object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        base = self._table.metadata
        if not self._updates:
            return base
        if self._applied is None or self._applied[0] is not base or self._applied[1] is not self._updates:
            self._applied = base, self._updates, super().table_metadata
        return self._applied[2]

    def commit_transaction(self) -> Table:
        # All that is asked of the metadata from here on is whose they are, which no update changes.
        self._applied = self._table.metadata, self._updates, self._table.metadata
        return super().commit_transaction()


class TableTransaction:
    """One commit in the making. Data files are written at once, and become visible together when the change ends well.

    What is deleted or dropped concerns rows as they were before the change.
    """

    def __init__(self, table: Table, records: Records, same_as: int | None = None) -> None:
        self.table = table
        self.snapshot_id = snapshot_id_of(table)
        self._records = records
        self._transaction = _Transaction(table)
        self._properties = {} if same_as is None else {SAME_AS: str(same_as)}
        self._remembered: dict[str, str] = {}
        self._added = DataFiles(table.metadata, table.io)
        self._deleted: list[BooleanExpression] = []
        self._dropped: dict[str, DataFile] = {}
        self._changed = False
        self._is_result = False
        self._is_fence = False

    def rows(self, where: BooleanExpression | None = None) -> pl.LazyFrame:
        """Rows as they were before the change, in the files that may match `where`."""
        return scan(self.table, where)

    def rows_with_path(self, where: BooleanExpression) -> pl.LazyFrame:
        """The same, and in `PATH` the data file that holds the row."""
        return scan_files(self.table, planned_files(self.table, where), with_path=True)

    def paths(self, where: BooleanExpression) -> list[str]:
        """The data files that may hold rows matching `where`."""
        return planned_files(self.table, where)

    def rows_of(self, path: str) -> pl.LazyFrame:
        """Rows of one data file, with their `PATH`."""
        return scan_files(self.table, [path], with_path=True)

    def files(self, where: BooleanExpression) -> Files:
        """The data files that may hold rows matching `where`, to be handed to tasks."""
        return Files.of(self.table, planned_sizes(self.table, where))

    def delete(self, where: BooleanExpression) -> Self:
        """Drop the rows that match."""
        self._deleted.append(where)
        return self

    def drop(self, files: Iterable[DataFile]) -> Self:
        """Drop whole data files; all others stay as they are. What is to stay of them must be added."""
        for file in files:
            if file.file_path in self._dropped:
                raise ValueError(f"{file.file_path} is dropped twice in one change")
            self._dropped[file.file_path] = file
        return self

    def add(self, rows: pl.DataFrame) -> Self:
        """Add rows. They are collected, and written in the table's order: few frames or many make the same few files."""
        if len(rows):
            self._added.add(in_columns_of(self.table, rows))
        return self

    def adopt(self, written: WrittenFiles) -> Self:
        """Take over data files that others have written for this table. Raises ValueError where one lies elsewhere."""
        folder = f"{self.table.location()}/"
        for file in written.files:
            if not file.file_path.startswith(folder) or file.file_path not in written.sums:
                raise ValueError(f"{file.file_path} was not written for a table in {folder}")
        self.table.io.learn(written.sums)
        self._added.adopt(written.files)
        return self

    def added(self) -> Iterator[pl.DataFrame]:
        """The rows added so far."""
        added = self._added
        written = added.end_files()
        return chain(*(self._portions(path, n_rows) for path, n_rows in written), added.held)

    def revise(self, fix: Callable[[pl.DataFrame], pl.DataFrame]) -> Self:
        """Add other rows in the place of those added so far."""
        parts, before = self.added(), self._added
        self._added = DataFiles(self.table.metadata, self.table.io)
        for rows in parts:
            self.add(fix(rows))
        before.discard()
        return self

    def rewrite(self, paths: Collection[str], keep: Callable[[pl.DataFrame], pl.DataFrame]) -> Self:
        """Of these data files, keep only some rows, or others in their place."""
        for file in files_at(self.table, paths):
            self._rewrite(file, keep)
        return self

    def _rewrite(self, file: DataFile, keep: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._insist_on_intact([file])
        self.drop([file])
        for rows in self._portions(file.file_path, file.record_count):
            self.add(keep(rows))

    def leave_out(self, gone: pl.DataFrame, by: Sequence[str], engine: Engine, say: Say) -> Self:
        """Take out rows, each told by the values of some columns and the file that holds it (`PATH`).

        Where many files hold some, an engine's tasks write them anew.
        """
        if gone.is_empty():
            return self
        files = list(files_at(self.table, gone[PATH].unique()))
        parts = Files.of(self.table, _sizes(files)).split(engine.parallel)
        return self._written_anew(files, parts, rewrite, engine, say, gone.select(*by))

    def join(self, groups: Sequence[Sequence[DataFile]], engine: Engine, say: Say) -> Self:
        """Make the data files of each group one, or few, as tasks of an engine. Raises `Damaged` where one is not what was written."""
        files = [file for group in groups for file in group]
        return self._written_anew(files, (Files.of(self.table, _sizes(group)) for group in groups), join, engine, say)

    def _written_anew(
        self,
        files: Sequence[DataFile],
        parts: Iterable[Files],
        function: Callable[[RewriteTask, Say], WrittenFiles],
        engine: Engine,
        say: Say,
        gone: pl.DataFrame | None = None,
    ) -> Self:
        sums = self._sums([file.file_path for file in files])
        name, target = ".".join(self.table.name()), Target.of(self.table.metadata, self.table.io.properties)
        tasks = [RewriteTask(name, part, {path: sums[path] for path in part.paths}, target, gone) for part in parts]
        for written in engine.run(function, tasks, say):
            self.adopt(written)
        return self.drop(files)

    def _insist_on_intact(self, files: Sequence[DataFile]) -> None:
        """What was damaged would pass for good once it is in a file of its own."""
        insist_on_intact(".".join(self.table.name()), self.table.io, self._sums([file.file_path for file in files]))

    def _sums(self, paths: Iterable[str]) -> dict[str, str | None]:
        """What was recorded of these files, by path."""
        location = path_of(self.table.location())
        names = {path: name_in(location, path) for path in paths}
        sums = self._records.expected(location, names.values())
        return {path: sums.get(name) for path, name in names.items()}

    def expire(self, snapshot_ids: Sequence[int]) -> Self:
        """Forget old snapshots. Their files stay until maintenance removes what no snapshot refers to."""
        if snapshot_ids:
            ExpireSnapshots(self._transaction).by_ids(list(snapshot_ids)).commit()
            self._changed = True
        return self

    def tag(self, snapshot_id: int) -> Self:
        """Keep a snapshot for good, under a tag of its own."""
        name = f"kept-{snapshot_id}"
        if name not in self.table.metadata.refs:
            ManageSnapshots(self._transaction).create_tag(snapshot_id, name).commit()
            self._changed = True
        return self

    def remember(self, properties: Mapping[str, str]) -> Self:
        """Properties of the table itself."""
        self._remembered |= properties
        return self

    def note(self, properties: Mapping[str, str]) -> Self:
        """Properties for the summary of the snapshot that this change makes."""
        self._properties |= properties
        return self

    def as_result(self) -> Self:
        """Make the table's first snapshot even where there are no rows: that there are none is a result, too."""
        self._is_result = True
        return self

    def as_fence(self) -> Self:
        """Make a snapshot without any change, so that no commit is taken that was made from the one before."""
        self._is_fence = True
        return self

    def _carry_out_deletions(self) -> None:
        if not self._deleted:
            return
        where = reduce(Or, self._deleted)
        bound = bind(self.table.schema(), where, case_sensitive=True)
        # Where a null makes that unknown, a row does not match.
        stays = ~pc.coalesce(expression_to_pyarrow(bound, self.table.schema()), pc.scalar(False))

        def keep(rows: pl.DataFrame) -> pl.DataFrame:
            kept = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).filter(stays)
            return pl.DataFrame(pl.from_arrow(kept), schema=rows.schema)

        columns = [self.table.schema().find_column_name(number) for number in sorted(extract_field_ids(bound))]
        for task in planned(self.table, where):
            file = task.file
            if task.residual == AlwaysTrue():  # all of its rows match, as its partition tells
                self.drop([file])
            elif any(
                len(keep(rows)) < len(rows) for rows in self._portions(file.file_path, file.record_count, columns)
            ):
                self._rewrite(file, keep)
        self._deleted = []

    def _portions(self, path: str, n_rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        rows = scan_files(self.table, [path])
        return portions(rows if columns is None else rows.select(columns), n_rows)

    def commit(self) -> None:
        """Make everything visible at once."""
        self._carry_out_deletions()
        added = self._added.close()
        if added or self._dropped or self._is_fence or (self._is_result and self.snapshot_id is None):
            with self._new_snapshot() as snapshot:
                for old in self._dropped.values():
                    snapshot.delete_data_file(old)
                for new in added:
                    snapshot.append_data_file(new)
            self._changed = True
        if self._remembered:  # not before: each look at metadata with updates copies all of them
            self._transaction.set_properties(self._remembered)
        if self._changed or self._remembered:
            self._transaction.commit_transaction()
            self.snapshot_id = snapshot_id_of(self.table)

    def _new_snapshot(self) -> Any:
        if self._dropped:
            return Replacement(self._transaction, self._properties)
        return self._transaction.update_snapshot(snapshot_properties=self._properties).merge_append()

    def abandon(self) -> None:
        """Leave everything as it was."""
        self._added.abandon()


def _sizes(files: Iterable[DataFile]) -> list[tuple[str, int]]:
    return [(file.file_path, file.record_count) for file in files]


@contextmanager
def committed(change: TableTransaction) -> Iterator[TableTransaction]:
    """The change to be filled, which is then made; where filling it fails, nothing is."""
    try:
        yield change
        change.commit()
    except BaseException:
        change.abandon()
        raise
