"""Parquet files from the raw zone to table and quarantine, loose and packed, sound and damaged: every row is accounted for."""

import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.quarantine.review import overview
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources.checking import problem_of
from cryptodudez_assets_tests.rig import Rig, checks_of
from cryptodudez_assets_tests.toy import counts, load, table, zipped
from cryptodudez_assets_tests.toy_parquet import SOURCE

Drop = Callable[[str, str, bytes], Path]
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "loose": lambda data: data,
    "gz": gzip.compress,
    "zip": lambda data: zipped({"inside.parquet": data}),
}
START = datetime(2024, 7, 30, 21, 50, tzinfo=UTC)
SIZE = "12345678901234567.1000000001"
TYPES: dict[str, pa.DataType] = {
    "at": pa.timestamp("us", "UTC"),
    "book": pa.string(),
    "bid": pa.float64(),
    "size": pa.decimal128(38, 10),
    "venue": pa.struct({"name": pa.string()}),
    "n": pa.float64(),
}


def row(i: int, **other: Any) -> dict[str, Any]:
    told = {"at": START + timedelta(seconds=i), "book": "btc_mxn", "bid": 1.5, "size": Decimal(SIZE), "n": 3.0}
    return {**told, "venue": {"name": "bitso"}, **other}


def as_table(rows: list[dict[str, Any]], **types: pa.DataType | None) -> pa.Table:
    schema = {name: dtype for name, dtype in {**TYPES, **types}.items() if dtype is not None}
    return pa.table({name: pa.array([one.get(name) for one in rows], dtype) for name, dtype in schema.items()})


def written(content: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(content, file, **options)
    return file.getvalue()


def quarantined(lake: Lake) -> list[tuple[Any, ...]]:
    found = quarantine.rows_of(lake.tables, SOURCE.name).sort("file_row").collect()
    return found.select("file_row", "line", "place", pl.col("rules").list.join(", "), "raw", "reason").rows()


def reasons(lake: Lake) -> list[str]:
    found: list[str] = quarantine.files_of(lake.tables, SOURCE.name).collect()["reason"].to_list()
    return found


@pytest.mark.parametrize("packing", PACKINGS)
def test_rows_become_a_table_and_each_bad_one_is_quarantined_alone(lake: Lake, drop: Drop, packing: str) -> None:
    rows = [row(i) for i in range(60)]
    rows[7]["n"] = 1.5
    rows[33] |= {"book": None, "venue": None}
    rows[41]["n"] = 1e300
    drop("quotes", "a", PACKINGS[packing](written(as_table(rows), row_group_size=25)))

    (entry,) = [one for one in load(lake, SOURCE).values() if one["rows_read"] is not None]

    assert counts(entry) == (60, 57, 3, 0)
    assert unbalanced_files(lake, SOURCE).is_empty()
    good = [(i, START + timedelta(seconds=i)) for i in range(60) if i not in (7, 33, 41)]
    assert table(lake, SOURCE).select(pl.col("file_row") - 1, "event_ts").rows() == good
    assert set(table(lake, SOURCE).select("bid", "size", "venue", "n_orders").rows()) == {(1.5, SIZE, "bitso", 3)}
    first, second, third = quarantined(lake)
    assert first[:4] == (8, None, "row group 1, row 8", "n:type")
    assert json.loads(first[4])["n"] == 1.5
    assert first[5] == "n is '1.5', expected a whole number such as 42 (without decimals)"
    assert second[:4] == (34, None, "row group 2, row 9", "book:missing")
    assert third[:4] == (42, None, "row group 2, row 17", "n:type")
    assert (entry["format"], entry["record_format"]) == (
        {"zip": "parquet", "loose": "parquet"}.get(packing, "gz"),
        "parquet",
    )


def test_a_declaration_is_all_it_takes(lake: Lake, drop: Drop) -> None:
    rig = Rig(lake, [SOURCE])
    drop("quotes", "a", written(as_table([row(0), row(1), row(2, bid=-1.0)])))

    result = rig.ingest()

    assert problem_of(SOURCE) is None
    assert result.success
    failed = {name for name, check in checks_of(result).items() if not check.passed}
    assert failed <= {"fresh", "nothing_left_behind", "schema_change"}
    assert status_of(lake, SOURCE.name).quarantined == 1
    assert overview(lake, SOURCE.name).select("line", "place").rows() == [(None, "row group 1, row 3")]
    assert rig.rows(SOURCE.table).height == 2


def test_a_structure_may_be_read_whole(lake: Lake, drop: Drop) -> None:
    layout = SOURCE.layouts[0]
    columns = {name: dtype for name, dtype in layout.columns.items() if name != "venue.name"} | {"venue": pl.String}
    whole = replace(layout, columns=columns, optional=[], canonical={**layout.canonical, "venue": pl.col("venue")})
    drop("quotes", "a", written(as_table([row(0)])))
    source = replace(SOURCE, layouts=[whole])
    load(lake, source)
    assert table(lake, source).select("venue", "extra").rows() == [('{"name": "bitso"}', None)]


def test_names_types_and_added_columns_are_known(lake: Lake, drop: Drop) -> None:
    content = as_table([row(0)]).append_column("fee", pa.array([Decimal("0.10")]))
    drop("quotes", "a", written(content))

    entry = load(lake, SOURCE)["a"]

    assert entry["header"] == ["at", "book", "bid", "size", "venue.name", "n", "fee"]
    assert json.loads(table(lake, SOURCE)["extra"].item()) == {"fee": "0.10"}
    (schema,) = lake.tables.scan("catalog.schemas").collect().to_dicts()
    assert dict(zip(schema["names"], schema["types"], strict=True))["bid"] == "Float64"


FLAT = written(as_table([row(i) for i in range(500)]), compression="none", use_dictionary=False)
WITH_SUMS = written(
    as_table([row(i) for i in range(500)]), compression="none", use_dictionary=False, write_page_checksum=True
)
BROKEN: dict[str, tuple[bytes, str]] = {
    "cut off": (FLAT[: len(FLAT) // 2], "cut off"),
    "a footer that lies about its size": (FLAT[:-8] + b"\xff\xff\xff\x7fPAR1", "its footer is said to have"),
    "another footer": (FLAT[: len(FLAT) // 2] + FLAT[len(FLAT) // 2 + 5000 :], "is said to be where the file is not"),
    "encrypted": (b"PARE" + FLAT[4:-4] + b"PARE", "encrypted"),
    "a flipped byte": (
        WITH_SUMS[:3000] + bytes([WITH_SUMS[3000] ^ 1]) + WITH_SUMS[3001:],
        "row group 1 cannot be read",
    ),
    "a name twice": (
        written(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])),
        "a column name repeats in the file: ['n']",
    ),
    "others columns": (written(pa.table({"x": [1]})), "expected columns such as"),
    "a column missing": (
        written(as_table([row(0)], bid=None)),
        "required columns missing for layout recorder: ['bid']",
    ),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("damage", BROKEN)
def test_what_cannot_be_read_is_set_aside_with_the_reason(lake: Lake, drop: Drop, damage: str, packing: str) -> None:
    data, told = BROKEN[damage]
    drop("quotes", "good", written(as_table([row(i) for i in range(600, 700)])))
    drop("quotes", "bad", PACKINGS[packing](data))

    load(lake, SOURCE)

    (reason,) = reasons(lake)
    assert told in reason
    assert table(lake, SOURCE).height == 100


def test_no_rows_are_no_fault(lake: Lake, drop: Drop) -> None:
    drop("quotes", "none", written(as_table([])))
    without_groups = io.BytesIO()
    pq.ParquetWriter(without_groups, as_table([]).schema).close()
    drop("quotes", "no group", without_groups.getvalue())
    assert {name: counts(entry) for name, entry in load(lake, SOURCE).items()} == dict.fromkeys(
        ["none", "no group"], (0, 0, 0, 0)
    )
    assert reasons(lake) == []


def test_five_thousand_columns(lake: Lake, drop: Drop) -> None:
    content = as_table([row(i) for i in range(3)])
    for number in range(5000):
        content = content.append_column(f"c{number}", pa.array([number] * 3))
    drop("quotes", "wide", written(content))
    assert counts(load(lake, SOURCE)["wide"]) == (3, 3, 0, 0)


def test_a_column_of_another_type_sets_the_file_aside_and_says_which(lake: Lake, drop: Drop) -> None:
    rows = [row(i, bid=START) for i in range(100)]
    drop("quotes", "retyped", written(as_table(rows, bid=pa.timestamp("us", "UTC"))))

    load(lake, SOURCE)

    (reason,) = reasons(lake)
    assert "100 of 100 rows are bad" in reason
    assert "row group 1, row 1: bid is '2024-07-30T21:50:00+00:00', expected a number such as 1234.5" in reason


def test_text_that_is_none_is_told_by_its_column(lake: Lake, drop: Drop) -> None:
    rows = [row(0, book=b"\xffbook"), row(1, book=b"a\0b"), row(2, book=b"good")]
    drop("quotes", "bytes", written(as_table(rows, book=pa.binary())))
    load(lake, SOURCE)
    found = [(rules, reason) for _, _, _, rules, _, reason in quarantined(lake)]
    assert found == [
        ("book:encoding", "book is '\\xffbook', which is no UTF-8: save the file as UTF-8"),
        ("record:binary", "book is 'a\\x00b', with a NUL character, which no text has: delete it"),
    ]


def test_a_file_that_was_swapped_since_it_was_catalogued_is_not_read(lake: Lake, drop: Drop) -> None:
    from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
    from cryptodudez_assets.lake.ingest.ingest import ingest
    from cryptodudez_assets.lake.metastore.discovery import discover_all

    content = as_table([row(i) for i in range(100)])
    path = drop("quotes", "a", written(content, compression="none", use_dictionary=False))
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    stat, data = path.stat(), bytearray(path.read_bytes())
    at = data.index(b"btc_mxn")
    data[at : at + 7] = b"eth_mxn"
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    ingest(lake, SOURCE)

    found = table(lake, SOURCE)
    assert found.is_empty() or "eth_mxn" not in found["book"]
