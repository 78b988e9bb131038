"""Parquet from inside: what is kept of a value, how much is read at once, and which footers are not believed."""

import io
import math
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.parquet.batches import batches, column_of
from cryptodudez_assets.lake.formats.parquet.footer import read_footer
from cryptodudez_assets.lake.formats.parquet.pages import page_sizes
from cryptodudez_assets.lake.formats.parquet.reader import JsonRecord, ParquetReader
from cryptodudez_assets.lake.formats.parquet.values import fitted, record_as_json
from cryptodudez_assets.lake.formats.reader import ParsedChunk
from cryptodudez_assets.sources.declaration import Layout

RULE = [(0, "type")]


def written(table: pa.Table, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file


def read(file: io.BytesIO) -> list[dict[str, Any]]:
    footer = read_footer(file)
    rows = []
    for batch in batches(file, footer):
        columns = {name: fitted(column_of(batch.rows, name), pl.String)[0].to_pylist() for name in footer.names}
        rows += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        record_as_json(batch.rows, batch.rows.num_rows - 1)
    return rows


@pytest.mark.parametrize(
    ("value", "stored", "declared", "kept"),
    [
        (1.0, pa.float64(), pl.Int64, 1),
        (1.5, pa.float64(), pl.Int64, None),
        (math.nan, pa.float64(), pl.Int64, None),
        (1e300, pa.float64(), pl.Int64, None),
        (2**63, pa.uint64(), pl.Int64, None),
        (2**53 + 1, pa.int64(), pl.Float64, None),
        (2**53 + 1, pa.int64(), pl.String, "9007199254740993"),
        (True, pa.bool_(), pl.Int64, None),
        (True, pa.bool_(), pl.String, "true"),
        (Decimal("1.10"), pa.decimal128(9, 2), pl.Float64, 1.1),
        (Decimal("1.10"), pa.decimal128(9, 2), pl.String, "1.10"),
        (Decimal("0.0000039721"), pa.decimal128(38, 10), pl.Float64, 0.0000039721),
        (Decimal("1.123456789012345678"), pa.decimal128(38, 18), pl.Float64, None),
        (Decimal("1.123456789012345678"), pa.decimal128(38, 18), pl.String, "1.123456789012345678"),
        (Decimal("7.00"), pa.decimal128(9, 2), pl.Int64, 7),
        (Decimal("7.01"), pa.decimal128(9, 2), pl.Int64, None),
        ("42", pa.string(), pl.Int64, 42),
        (" 42 ", pa.string(), pl.Int64, 42),
        ("0x2a", pa.string(), pl.Int64, None),
        ("1.5e3", pa.string(), pl.Float64, 1500.0),
        ("", pa.string(), pl.String, ""),
        ("2021-12-31", pa.string(), pl.Date, date(2021, 12, 31)),
        (date(2021, 12, 31), pa.date32(), pl.Date, date(2021, 12, 31)),
        (date(2021, 12, 31), pa.date64(), pl.String, "2021-12-31"),
        (datetime(2021, 12, 31), pa.timestamp("us"), pl.Date, date(2021, 12, 31)),
        (datetime(2021, 12, 31, 1), pa.timestamp("us"), pl.Date, None),
        (datetime(2021, 12, 31, 1, tzinfo=UTC), pa.timestamp("ms", "UTC"), pl.String, "2021-12-31T01:00:00.000Z"),
        (datetime(2021, 12, 31, 1), pa.timestamp("s"), pl.String, "2021-12-31T01:00:00"),
        (datetime(2021, 12, 31, 1), pa.timestamp("s"), pl.Int64, None),
        (b"text", pa.binary(), pl.String, "text"),
        ([1, None], pa.list_(pa.int64()), pl.String, "[1, null]"),
        ({"a": "ü"}, pa.struct({"a": pa.string()}), pl.String, '{"a": "ü"}'),
    ],
)
def test_a_value_is_kept_whole_or_told(value: Any, stored: pa.DataType, declared: Any, kept: object) -> None:
    made, failed = fitted(pa.array([value, None], stored), declared)
    assert made.to_pylist() == [kept, None]
    assert failed == (RULE if kept is None else [])


def test_bytes_that_are_no_text_are_told_as_such() -> None:
    made, failed = fitted(pa.array([b"ok", b"\xff"]), pl.String)
    assert (made.to_pylist(), failed) == (["ok", None], [(1, "encoding")])


def test_a_time_of_a_zone_that_nobody_knows_is_shown_in_utc() -> None:
    times = pa.array([0], pa.int64()).cast(pa.timestamp("us", "Nowhere/Land"))
    assert record_as_json(pa.RecordBatch.from_arrays([times], ["at"]), 0) == '{"at": "1970-01-01 00:00:00.000000Z"}'


def test_a_number_so_small_that_only_zero_could_be_kept_is_told() -> None:
    assert fitted(pa.array(["1e-400", "0.0"]), pl.Float64)[1] == [(0, "underflow")]


@given(st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-(2**60), 2**60).map(float), max_size=30))
def test_whole_numbers_among_floats_are_kept_and_no_others(values: list[float | None]) -> None:
    made, failed = fitted(pa.array(values, pa.float64()), pl.Int64)
    wrong = {index for index, _ in failed}
    for index, (value, whole) in enumerate(zip(values, made.to_pylist(), strict=True)):
        assert (whole is None) == (value is None or index in wrong)
        assert whole is None or (whole == value and value.is_integer())
        assert index not in wrong or (value is not None and not (value.is_integer() and abs(value) < 2**53))


def test_fields_are_columns_by_path_and_null_in_what_is_null() -> None:
    table = pa.table({"user": pa.array([{"id": 1, "at": {"x": "a"}}, None, {"id": 2, "at": None}]), "a.b": [1, 2, 3]})
    file = written(table)
    footer = read_footer(file)
    assert footer.names == ("user.id", "user.at.x", "a.b")
    (batch,) = batches(file, footer)
    assert {name: column_of(batch.rows, name).to_pylist() for name in footer.names} == {
        "user.id": [1, None, 2],
        "user.at.x": ["a", None, None],
        "a.b": [1, 2, 3],
    }
    assert record_as_json(batch.rows, 2) == '{"user": {"id": 2, "at": null}, "a.b": 3}'


def test_rows_of_several_row_groups_come_in_their_order_and_know_their_place() -> None:
    file = written(pa.table({"n": range(10)}), row_group_size=4)
    found = [(b.group, b.first, b.rows["n"].to_pylist()) for b in batches(file, read_footer(file), batch_bytes=20)]
    assert [n for _, _, some in found for n in some] == [*range(10)]
    assert {(group, first + index) for group, first, some in found for index, _ in enumerate(some)} == {
        (1 + n // 4, 1 + n % 4) for n in range(10)
    }


def _why_not_read(data: bytes) -> str | None:
    try:
        read(io.BytesIO(data))
    except FileRefused as error:
        return str(error)
    return None


class TestWhatIsNotBelieved:
    FILE = written(pa.table({"n": range(1000), "s": [str(n) for n in range(1000)]})).getvalue()

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            (FILE[:-100], "cut off"),
            (FILE[:8], "cut off"),
            (FILE[:200] + FILE[-8:], "its footer is said to have"),
            (FILE[:-8] + struct.pack("<I", 20) + b"PAR1", "its footer cannot be read"),
            (FILE[:-4] + b"PARE", "encrypted"),
            (FILE[:4] + b"\xff" * 400 + FILE[404:], "row group 1 cannot be read from its row 1 on"),
        ],
    )
    def test_damage_is_told(self, data: bytes, told: str) -> None:
        with pytest.raises(FileRefused, match=told):
            read(io.BytesIO(data))

    def test_a_page_that_is_not_what_its_checksum_says(self) -> None:
        data = bytearray(
            written(
                pa.table({"n": range(1000)}), write_page_checksum=True, compression="none", use_dictionary=False
            ).getvalue()
        )
        data[4000] ^= 1
        with pytest.raises(FileRefused, match="CRC"):
            read(io.BytesIO(data))

    def test_more_rows_than_so_few_bytes_can_hold(self) -> None:
        n = 10_000_000
        file = written(pa.table({"n": pa.array(np.zeros(n, np.int8))}), row_group_size=n)
        with pytest.raises(FileRefused, match="bomb"):
            read_footer(file)

    def test_pages_too_large_to_be_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cryptodudez_assets.lake.formats.parquet.batches.MAX_PAGES_BYTES", 4000)
        with pytest.raises(FileRefused, match=r"row group 1 has pages of .* smaller pages"):
            read(io.BytesIO(self.FILE))

    def test_whatever_is_flipped_is_read_or_told(self) -> None:
        foot = len(self.FILE) - 8 - int.from_bytes(self.FILE[-8:-4], "little")
        seen = set()
        for seed in range(400):
            random = Random(seed)
            data = bytearray(self.FILE)
            for _ in range(random.choice([1, 1, 3])):
                data[random.randrange(foot if seed % 2 else 4, len(data))] = random.randrange(256)
            seen.add(_why_not_read(bytes(data)) is None)
        assert seen == {True, False}


def _chunks(file: io.BytesIO, keeps_extra: bool = False) -> list[ParsedChunk]:
    layout = Layout("one", {"n": pl.Int64, "s": pl.String}, {})
    names = read_footer(file).names
    file.seek(0)
    return list(ParquetReader(names, layout, keeps_extra).chunks(file))  # type: ignore[arg-type]


LONG = "y" * 5000
FORMS: dict[str, Callable[[list[str]], pa.Array]] = {
    "plain": pa.array,
    "in a dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "in a list": lambda texts: pa.array([[one, one] for one in texts]),
    "in a structure": lambda texts: pa.array([{"t": one} for one in texts]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("keeps_extra", [False, True])
def test_a_row_too_long_costs_itself_and_is_never_converted(
    monkeypatch: pytest.MonkeyPatch, form: str, keeps_extra: bool
) -> None:
    monkeypatch.setattr("cryptodudez_assets.lake.formats.parquet.batches.MAX_ROW_BYTES", 4500)
    monkeypatch.setattr("cryptodudez_assets.lake.formats.parquet.reader.MAX_ROW_BYTES", 4500)
    texts = ["a", "b", LONG, "c", LONG, *["z" * 1000] * 9]
    chunks = _chunks(written(pa.table({"n": range(len(texts)), "s": FORMS[form](texts)})), keeps_extra)
    assert sum(chunk.n_records for chunk in chunks) == len(texts)
    assert [n for chunk in chunks for n in chunk.table["n"].to_pylist()] == [0, 1, 3, *range(5, 14)]
    told = [one for chunk in chunks for one in chunk.rejects]
    assert [(one.file_row, one.rules, one.place) for one in told] == [
        (row, ("record:too_long",), f"row group 1, row {row}") for row in (3, 5)
    ]
    assert max(len(one.raw) for one in told) < 4200
    assert max(chunk.table.nbytes for chunk in chunks) < 8000
    assert "the row is longer than 4,500 bytes, it begins with" in JsonRecord().why_none("too_long", told[0].raw)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_sizes_of_pages_are_those_of_the_file(version: str) -> None:
    file = written(
        pa.table({"n": range(1000)}),
        data_page_version=version,
        compression="none",
        data_page_size=800,
        write_batch_size=100,
        use_dictionary=False,
    )
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    sizes = list(page_sizes(file, column.data_page_offset, column.total_compressed_size))
    assert len(sizes) > 3
    assert 2 * 8 * 1000 <= sum(sizes) <= 2 * column.total_compressed_size
