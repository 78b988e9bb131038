"""What `new-source` drafts from one file takes the next ones too: no other fact, and no time in another unit, is lost without a word."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.draft import draft
from cryptodudez_assets.drafting.trial import declared
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import SourceStatus, status_of
from cryptodudez_assets_tests.toy import load

Next = Callable[..., tuple[SourceStatus, list[str]]]
START = 1_704_067_200
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def trades(n: int, **first: Callable[[int], Any]) -> list[dict[str, Any]]:
    """One every second, so that the sample's times alone tell them apart."""
    return [
        {"ts": (START + i) * 1000, "price": f"{2281 + i}.5", **{name: of(i) for name, of in first.items()}}
        for i in range(n)
    ]


def draft_of(tmp_path: Path, content: bytes, **choices: Any) -> list[str]:
    path = tmp_path / "sample"
    path.write_bytes(content)
    return draft("prix", path, Choices(**choices)).lines


@pytest.fixture
def after(lake: Lake, tmp_path: Path, drop: Callable[[str, str, bytes], Path]) -> Next:
    """Draft a source from a sample, land the sample and another file, and tell the counts of both, and what was said."""

    def bring(sample: list[dict[str, Any]], another: list[dict[str, Any]]) -> tuple[SourceStatus, list[str]]:
        path = tmp_path / "sample"
        path.write_bytes(lines(sample))
        made = draft("prix", path, Choices())
        drop("prix", "sample", lines(sample))
        drop("prix", "another", lines(another))
        with declared("prix", made.text, tmp_path) as source:
            load(lake, source)
        return status_of(lake, "prix"), made.lines

    return bring


@pytest.mark.parametrize(
    "id_of",
    [
        {"hash": lambda i: f"0x{i:064x}"},
        {"tx_hash": lambda i: f"0x{i:064x}"},
        {"trade_id": lambda i: i},
        {"uuid": lambda i: f"00000000-0000-4000-8000-{i:012}"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_two_of_one_moment_are_two_where_an_id_tells_them_apart(
    after: Next, id_of: dict[str, Callable[[int], Any]]
) -> None:
    sample = trades(30, **id_of)
    counts, _ = after(sample, [one | {"ts": START * 1000} for one in trades(60, **id_of)[30:]])
    assert (counts.valid, counts.duplicate) == (60, 0)


@pytest.mark.parametrize(
    "of_what",
    [
        {"device id": lambda i: f"d{i % 3}"},
        {"sensor": lambda i: i % 4},
        {"symbol": lambda i: ("ETH", "BTC")[i % 2]},
        {"station": lambda i: f"Köln {i % 5}"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_two_things_at_one_moment_are_two(after: Next, of_what: dict[str, Callable[[int], Any]]) -> None:
    sample = trades(30, **of_what)
    counts, _ = after(sample, [one | {"ts": (START + 100) * 1000} for one in sample[:2]])
    assert (counts.valid, counts.duplicate) == (32, 0)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"sensor": lambda i: f"s{i % 4}", "station": lambda i: f"t{i % 4 // 2}"}, "sensor,event_ts"),
        ({"sensor": lambda i: f"s{i % 4}", "station": lambda i: f"t{i % 3}"}, "sensor,station,event_ts"),
        ({"weather_code": lambda i: i % 4}, "event_ts"),
        ({"side": lambda i: "ab"[i % 2]}, "event_ts"),
    ],
)
def test_the_key_has_no_more_than_it_takes(tmp_path: Path, more: dict[str, Callable[[int], Any]], key: str) -> None:
    assert f"key     {key}: " in "\n".join(draft_of(tmp_path, lines(trades(40, **more))))


def test_where_a_name_alone_tells_rows_apart_others_say_what_it_is_like(tmp_path: Path) -> None:
    content = "symbol,exchange\n" + "".join(f"S{chr(65 + i)},{'NQ'[i % 2]}\n" for i in range(20))
    assert "key     symbol: " in "\n".join(draft_of(tmp_path, content.encode()))


def test_a_number_that_could_be_an_id_is_told(after: Next) -> None:
    _, told = after(trades(30, t=lambda i: 10_000 + 3 * i), [])
    assert "also    t tells all rows apart, too: if it is an id, say --key t" in told


@pytest.mark.parametrize("unit", UNITS)
def test_a_time_in_another_unit_is_set_aside(after: Next, unit: str) -> None:
    sample = [{"ts": (START + i) * UNITS[unit], "id": f"a{i}"} for i in range(20)]
    counts, _ = after(sample, [{"ts": START * UNITS[other], "id": other} for other in UNITS])
    assert (counts.valid, counts.quarantined) == (21, 3)


def times(n: int) -> list[dict[str, Any]]:
    return [{"time": f"2024-01-01T00:{i:02}:00Z", "n": i} for i in range(n)]


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ([{"a.b": 1, "a": {"b": 2}}, *[{"a": {"b": 2}}] * 9], "left    a.b: two fields have this path"),
        ([{"$.x": 1}], "left    $.x"),
    ],
)
def test_a_field_that_is_not_read_is_told(tmp_path: Path, odd: list[dict[str, Any]], told: str) -> None:
    content = lines([one | odd[i % len(odd)] for i, one in enumerate(times(10))])
    assert any(line.startswith(told) for line in draft_of(tmp_path, content)), draft_of(tmp_path, content)


def test_records_that_say_a_field_twice_are_no_sample(tmp_path: Path) -> None:
    content = lines([one | {"a.b": 1, "a": {"b": 2}} for one in times(10)])
    with pytest.raises(Unusable, match=r"the field 'a\.b' is there twice"):
        draft_of(tmp_path, content)


def test_lists_beside_the_rows_are_told(tmp_path: Path) -> None:
    content = json.dumps({"prices": [[START * 1000, 1.5]], "caps": [[START * 1000, 2.5]], "none": []}).encode()
    told = draft_of(tmp_path, content, rows="$.prices", names=("ts", "price"))
    assert any(line.startswith("left    $.caps: ") for line in told), told


@pytest.mark.parametrize("indent", [None, 1], ids=["a line", "several"])
@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"data": {f"k{i}": {"price": i, "at": "2024-01-01"} for i in range(5)}},
            "objects by name are not read as rows",
        ),
        ({f"k{i}": {"price": i} for i in range(5)}, "objects by name are not read as rows"),
        (
            {"lat": 1.5, "hourly": {"time": ["2024-01-01", "2024-01-02"], "temp": [1, 2]}},
            "columns as lists are not read as rows",
        ),
        ({"data": []}, "the list $.data is empty, give a sample that has some"),
        ({"data": {"rows": []}}, "the list $.data.rows is empty, give a sample that has some"),
    ],
)
def test_a_document_whose_rows_are_written_otherwise_is_told_as_such(
    tmp_path: Path, document: Any, told: str, indent: int | None
) -> None:
    with pytest.raises((Undecided, Unusable)) as error:
        draft_of(tmp_path, json.dumps(document, indent=indent).encode())
    assert told in str(error.value)


def test_a_single_record_with_objects_in_it_is_a_row(tmp_path: Path) -> None:
    record = {"id": "a", "time": START, "wind": {"speed": 1.5}, "rain": {"1h": 2.5}, "tags": ["a"], "errors": []}
    assert draft_of(tmp_path, json.dumps(record).encode())[0] == "sample  1 rows: 1 taken, 0 set aside, 0 duplicate"


def test_times_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path) -> None:
    content = "seen,n\n" + "".join(f"2024-01-{i:02} 00:00:00 CET,{i}\n" for i in range(1, 20))
    with pytest.raises(Undecided, match="'2024-01-01 00:00:00 CET' cannot be read as one: say --time"):
        draft_of(tmp_path, content.encode())


@pytest.mark.parametrize(("more", "told"), [(7, ", kept to the microsecond: "), (7000, " since 1970: ")])
def test_digits_that_a_time_cannot_keep_are_told(tmp_path: Path, more: int, told: str) -> None:
    content = lines([{"id": f"a{i}", "ts": (START + i) * 10**9 + more} for i in range(3)])
    assert told in draft_of(tmp_path, content)[1]


def test_numbers_in_two_units_are_told_as_such(tmp_path: Path) -> None:
    content = lines([{"id": f"a{i}", "time": (START + i) * (1000 if i % 2 else 1)} for i in range(20)])
    with pytest.raises(Undecided, match="from 1704067200 to 1704067219000, which count since 1970 in no one unit"):
        draft_of(tmp_path, content)


def test_where_rows_are_is_no_question_of_json_lines(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"--rows \$.data: that is for JSON documents, and the sample is JSON lines"):
        draft_of(tmp_path, lines(trades(3)), rows="$.data")


def test_a_name_that_python_keeps_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "sample"
    path.write_bytes(lines(trades(3)))
    with pytest.raises(Unusable, match="'class' is a word of Python"):
        draft("class", path)
