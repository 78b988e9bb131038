"""Data files: what is written comes back, in partitions as Iceberg counts them, in few files of bounded size."""

from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.lake.iceberg import data_files
from cryptodudez_assets.lake.iceberg.data_files import Transform
from cryptodudez_assets.lake.iceberg.scan import data_files as files_of
from cryptodudez_assets.lake.iceberg.scan import planned_files
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.builders import rows_of
from cryptodudez_assets_tests.unit.tables_test import Things

TIMES = [
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2020, 2, 29, 12, tzinfo=UTC),
    datetime(2020, 3, 1, tzinfo=UTC),
    datetime(2021, 1, 1, tzinfo=UTC),
]


def spec(*partition_by: tuple[str, Transform], sort_by: str = "number") -> TableSpec:
    return TableSpec("lab.things", Things, partition_by, (sort_by,))


def things(**columns: object) -> pl.DataFrame:
    some = pl.DataFrame(columns)
    return some.select(
        (pl.col(name) if name in some.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in polars_schema(Things).items()
    )


@pytest.mark.parametrize(
    ("column", "transform", "values", "n"),
    [
        ("at", "year", TIMES, 4),
        ("at", "month", TIMES, 5),
        ("at", "day", TIMES, 5),
        ("day", "year", [one.date() for one in TIMES], 4),
        ("day", "month", [one.date() for one in TIMES], 5),
        ("day", "day", [one.date() for one in TIMES], 5),
        ("yes", "identity", [True, False, None, True, False], 3),
        ("name", "identity", ["a", "a", "ü /%", "b", ""], 4),
    ],
)
def test_a_reader_that_trusts_the_partitions_finds_every_row(
    lake: Lake, column: str, transform: Transform, values: list[object], n: int
) -> None:
    rows = things(**{"name": ["x"] * 5, column: values, "number": range(5)})
    with lake.tables.changing(spec((column, transform))) as change:
        change.add(rows)
    table = lake.tables.catalog.load_table("lab.things")
    assert len(files_of(table)) == n
    for number, value in enumerate(values):
        if value is not None:
            told = value.isoformat() if isinstance(value, date) else value
            found = table.scan(EqualTo(column, told)).to_arrow()  # pyiceberg's own reader
            assert number in found["number"].to_pylist()
    assert rows_of(lake, "lab.things").height == 5


def test_many_portions_make_one_file_of_several_row_groups(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "WRITE_BYTES", 1)
    with lake.tables.changing(spec()) as change:
        for number in (3, 1, 2):
            change.add(things(name=["a"], number=[number]))
    (file,) = files_of(lake.tables.catalog.load_table("lab.things"))
    assert pq.ParquetFile(file.file_path.removeprefix("file://")).num_row_groups == file.record_count == 3


def test_a_large_file_ends_and_another_begins(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "WRITE_BYTES", 1)
    monkeypatch.setattr(data_files, "FILE_BYTES", 1)
    with lake.tables.changing(spec()) as change:
        for number in range(3):
            change.add(things(name=["a"], number=[number]))
    assert len(files_of(lake.tables.catalog.load_table("lab.things"))) == 3
    assert sorted(rows_of(lake, "lab.things")["number"]) == [0, 1, 2]


def test_more_partitions_than_files_may_be_open_lose_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "OPEN_FILES", 2)
    monkeypatch.setattr(data_files, "WRITE_BYTES", 1)
    with lake.tables.changing(spec(("name", "identity"))) as change:
        for _ in range(2):
            change.add(things(name=["a", "b", "c", "d", "e"], number=range(5)))
    assert sorted(rows_of(lake, "lab.things")["name"]) == sorted("abcde" * 2)


def test_statistics_let_a_reader_leave_files_out(lake: Lake) -> None:
    with lake.tables.changing(spec(("name", "identity"))) as change:
        change.add(things(name=["a", "a", "b"], number=[1, None, 7], share=[0.5, 1.5, float("nan")], at=TIMES[:3]))
    table = lake.tables.catalog.load_table("lab.things")
    (low,) = planned_files(table, LessThan("number", 5))
    assert "name=a" in low
    assert (
        "name=b" in planned_files(table, And(GreaterThanOrEqual("at", TIMES[2].isoformat()), EqualTo("name", "b")))[0]
    )
    assert planned_files(table, EqualTo("number", 100)) == []


def test_numbers_are_encoded_by_what_they_are(lake: Lake) -> None:
    with lake.tables.changing(spec()) as change:
        change.add(things(name=["a", "b"], number=[1, 2], share=[0.1, 0.2], at=TIMES[:2], tags=[["x"], None]))
    (file,) = files_of(lake.tables.catalog.load_table("lab.things"))
    group = pq.ParquetFile(file.file_path.removeprefix("file://")).metadata.row_group(0)
    found = {group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)}
    assert "BYTE_STREAM_SPLIT" in found["share"]
    assert "DELTA_BINARY_PACKED" in found["number"]
    assert "DELTA_BINARY_PACKED" in found["at"]
    assert "RLE_DICTIONARY" in found["name"]
    assert "RLE_DICTIONARY" in found["tags.list.element"]


@pytest.mark.parametrize(
    "rows",
    [
        pl.DataFrame({"number": [1, 2, None]}),
        pl.DataFrame({"number": [], "text": []}, schema={"number": pl.Int64, "text": pl.String}),
        pl.DataFrame({"text": ["a"] * 5_000 + [None] * 5_000 + ["", "b"], "number": range(10_002)}),
        pl.DataFrame({"text": [f"{n}" for n in range(100)]}),
        pl.DataFrame({"text": [None] * 3_000}, schema={"text": pl.String}),
    ],
    ids=["no text", "no row", "long runs", "no runs", "nothing but nulls"],
)
def test_rows_become_columns_of_arrow_as_they_are(rows: pl.DataFrame) -> None:
    types = {pl.Int64: pa.int64(), pl.String: pa.large_string()}
    schema = pa.schema([(name, types[dtype.base_type()]) for name, dtype in rows.schema.items()])
    found = pl.DataFrame(pl.from_arrow(data_files.as_arrow(rows, schema)))
    assert found.cast(rows.schema).equals(rows)  # type: ignore[arg-type]
