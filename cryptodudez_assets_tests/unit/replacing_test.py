"""Files that are replaced are found in whatever manifests they are, by however many threads."""

import io
import time

import pytest
from pyiceberg.expressions import visitors

from cryptodudez_assets.lake.iceberg.change import _Transaction
from cryptodudez_assets.lake.iceberg.replacing import Replacement
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.builders import READINGS, csv, take_in


def test_threads_that_look_into_manifests_do_not_get_into_each_other_s_way(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pause where one thread may overtake another, which otherwise happens once in some thousand commits."""
    for year in range(3):
        name = f"raw/{READINGS.name}/{year}.csv"
        lake.store.write(name, io.BytesIO(csv("s", [9000 * year, 9000 * year + 1])))
        take_in(lake)
    table = lake.tables.table(READINGS.table)
    assert table is not None
    assert len(table.current_snapshot().manifests(table.io)) == 3

    def slowly(self, manifest):
        self.partition_fields = manifest.partitions
        time.sleep(0.01)
        return visitors.visit(self.partition_filter, self)

    monkeypatch.setattr(visitors._ManifestEvalVisitor, "eval", slowly)
    for file in data_files(table):
        replacement = Replacement(_Transaction(table), {})
        replacement.delete_data_file(file)
        replacement._build_delete_files_partition_predicate()
        assert [entry.data_file.file_path for entry in replacement._deleted_entries()] == [file.file_path]
