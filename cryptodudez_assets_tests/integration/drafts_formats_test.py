"""`new-source` on JSON lines, JSON documents and Parquet: what it writes loads its sample, or it asks in a line."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.draft import Draft, draft
from cryptodudez_assets.drafting.json_sample import json_sample
from cryptodudez_assets.drafting.trial import declared
from cryptodudez_assets.lake.formats.json.formats import seen_in
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets_tests.toy import load, table, zipped

Drop = Callable[[str, str, bytes], Path]
Land = Callable[..., tuple[list[dict[str, Any]], Draft]]
START = datetime(2021, 1, 1, tzinfo=UTC)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "loose": lambda data: data,
    "gz": gzip.compress,
    "zip": lambda data: zipped({"inside": data}),
}


@pytest.fixture
def land(lake: Lake, drop: Drop, tmp_path: Path) -> Land:
    """Draft a source from a sample, land the sample, and return the table's rows by their key, and the draft."""

    def bring(content: bytes, **choices: Any) -> tuple[list[dict[str, Any]], Draft]:
        sample = tmp_path / "sample"
        sample.write_bytes(content)
        made = draft("prix", sample, Choices(**choices))
        drop("prix", "sample", content)
        with declared("prix", made.text, tmp_path) as source:
            load(lake, source)
            assert unbalanced_files(lake, source).is_empty()
            counts = status_of(lake, "prix")
            assert counts.read == counts.valid + counts.quarantined + counts.duplicate
            return table(lake, source).sort("event_ts").drop("file_id", "file_row", "known_ts").to_dicts(), made

    return bring


def lines(records: list[Any]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()


def parquet(records: list[dict[str, Any]], **types: pa.DataType) -> bytes:
    file = io.BytesIO()
    columns = {name: pa.array([one.get(name) for one in records], types.get(name)) for name in records[0]}
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


POSTS = [
    {
        "id": f"p{i}",
        "at": int((START + timedelta(minutes=i)).timestamp() * 1000),
        "user": {"name": "é", "followers": {"count": i}},
        "tags": ["a", i],
        "price": 1.5 + i,
    }
    for i in range(20)
]
POST = {
    "id": "p0",
    "event_ts": START,
    "user_name": "é",
    "user_followers_count": 0,
    "tags": '["a",0]',
    "price": 1.5,
}
WRITTEN: dict[str, bytes] = {
    "lines": lines(POSTS),
    "document": json.dumps(POSTS).encode(),
    "document over lines": json.dumps(POSTS, indent=1).encode(),
    "below a path": json.dumps({"data": {"items": POSTS}, "n": 20}).encode(),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("written", WRITTEN)
def test_json_is_drafted_with_fields_by_path_and_times_in_their_unit(land: Land, written: str, packing: str) -> None:
    rows, made = land(PACKINGS[packing](WRITTEN[written]))
    assert len(rows) == 20
    assert rows[0] == POST | ({"n": 20} if written == "below a path" else {})
    assert any("at, in milliseconds since 1970" in line for line in made.lines)


@pytest.mark.parametrize("packing", PACKINGS)
def test_parquet_is_drafted_with_fields_by_path_times_and_all_digits(land: Land, packing: str) -> None:
    records = [
        {
            "at": START + timedelta(seconds=i),
            "book": "btc",
            "size": Decimal("12345678901234567.0000000001"),
            "bid": float(i),
            "user": {"id": i},
        }
        for i in range(20)
    ]
    rows, made = land(PACKINGS[packing](parquet(records)))
    assert rows[3] == {
        "event_ts": START + timedelta(seconds=3),
        "book": "btc",
        "size": "12345678901234567.0000000001",
        "bid": 3.0,
        "user_id": 3,
    }
    assert 'key=["book", "event_ts"]' in made.text


def test_lines_longer_than_what_is_looked_at_are_lines(tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    for lengths in ((1, 400_000), (200_000, 400_000), (400_000, 1)):
        records = [
            {"id": str(n), "at": f"2021-01-0{n}T00:00:00Z", "text": "x" * n_x} for n, n_x in enumerate(lengths, 1)
        ]
        sample.write_bytes(lines(records))
        with sample.open("rb") as text:
            head = text.read(HEAD_BYTES)
            seen = seen_in(head, is_all=False)
            assert seen is not None
            assert json_sample(seen, head, text, Choices())[2].format == "jsonl"


def test_money_keeps_the_digits_that_a_float_would_lose(land: Land) -> None:
    text = '{"id":"a","amount":1.1000000000000000001,"fee":"0.10"}\n{"id":"b","amount":2.10,"fee":"0.20"}\n'
    rows, _ = land(text.encode())
    assert [(row["amount"], row["fee"]) for row in rows] == [("1.1000000000000000001", 0.1), ("2.10", 0.2)]


def test_what_some_records_lack_is_optional(land: Land, lake: Lake, drop: Drop, tmp_path: Path) -> None:
    records = [
        {"id": f"a{i}", "user": None if i % 3 else {"name": "x"}, **({"n": i} if i % 2 else {})} for i in range(10)
    ]
    rows, made = land(lines(records))
    assert {(row["id"], row["user_name"], row["n"]) for row in rows} == {
        (f"a{i}", None if i % 3 else "x", i if i % 2 else None) for i in range(10)
    }
    drop("prix", "another", b'{"id":"a10","user":null}\n')
    with declared("prix", made.text, tmp_path) as source:
        load(lake, source)
        assert status_of(lake, "prix").valid == 11


CANDLES = [[1_609_459_200_000 + i * 60_000, "1.0", f"{i}.5", i] for i in range(30)]


def test_lists_are_named_by_position_or_as_is_said(land: Land) -> None:
    rows, made = land(json.dumps(CANDLES).encode())
    assert rows[2] == {"event_ts": START + timedelta(minutes=2), "column_2": 1.0, "column_3": 2.5, "column_4": 2}
    assert 'names=["column_1", "column_2", "column_3", "column_4"]' in made.text


def test_names_of_lists_can_be_said(land: Land) -> None:
    rows, _ = land(
        json.dumps({"code": 0, "result": {"list": CANDLES}}).encode(), names=["open_time", "open", "close", "n"]
    )
    assert rows[2] == {"event_ts": START + timedelta(minutes=2), "open": 1.0, "close": 2.5, "n": 2, "code": 0}


@pytest.mark.parametrize(
    ("content", "option", "told"),
    [
        ({"data": POSTS, "users": [{"id": "u"}]}, "--rows $.data", r"\$.data \(20\), \$.users \(1\)"),
        ({"btc": {"id": "b"}, "eth": {"price": 2}}, "--rows $", "objects in btc,eth"),
    ],
)
def test_where_the_rows_are_is_asked_for_in_a_line_and_done(land: Land, content: Any, option: str, told: str) -> None:
    data = json.dumps(content, indent=1).encode()
    with pytest.raises(Undecided, match=told) as asked:
        land(data)
    assert option in str(asked.value)
    assert "\n" not in str(asked.value)
    assert len(land(data, rows=option.split()[1])[0]) == (20 if "data" in content else 1)


@pytest.mark.parametrize(
    ("content", "choices", "told"),
    [
        (b'{"a": 1', {}, "a JSON document that cannot be read"),
        (b'{"a": 1, "a": 2}', {}, "the field 'a' is there twice"),
        (b"[" * 300 + b"]" * 300, {}, "more than 200 deep"),
        (b"[]", {}, "without rows"),
        (b"[1, 2]", {}, "without rows"),
        (b'{"data": [{"a": 1}]}', {"rows": "$.items"}, r"no list of rows; there are: \$.data"),
        (b"a,b\n1,2\n", {"rows": "$.items"}, "the sample is none"),
        (parquet([{"a": 1}])[:-4], {}, "damaged Parquet"),
        (parquet([{"a": 1}, {"a": 2}])[:4] + b"PAR1", {}, "Parquet|one column|header"),
    ],
)
def test_what_cannot_be_drafted_is_told_in_a_line(
    land: Land, content: bytes, choices: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unusable, match=told) as refused:
        land(content, **choices)
    assert "\n" not in str(refused.value)


def test_a_large_file_is_tried_by_its_first_rows(land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptodudez_assets.drafting.parquet_sample.MAX_ROWS", 50)
    records = [{"ts": START + timedelta(seconds=i), "price": i / 3} for i in range(500)]
    rows, made = land(parquet(records))
    assert len(rows) == 500
    assert made.lines[0].startswith("sample  50 rows, the beginning of it")
