"""Recognising a file by its first bytes: what it is, or why it is nothing we know."""

import re
from contextlib import suppress
from dataclasses import replace
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv import dialect
from cryptodudez_assets.lake.formats.csv.dialect import Recognised, recognise
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.sources.declaration import Layout
from cryptodudez_assets_tests.toy import HEADER, LAYOUT, gauges, rows

WIDER = replace(LAYOUT, name="wider", columns={**LAYOUT.columns, "unit": pl.String})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_line_ends_and_encoding_are_found(delimiter: str, line_end: str, encoding: str) -> None:
    text = gauges().decode().replace(",", delimiter).replace("\n", line_end)
    found = recognise(text.encode(encoding), [LAYOUT])
    expected = {"utf-16": "utf-16-le"}.get(encoding, encoding)
    assert (found.dialect.delimiter, found.dialect.line_end, found.dialect.encoding) == (delimiter, line_end, expected)
    assert found.layout is LAYOUT
    assert found.problem is None


def test_types_are_inferred() -> None:
    assert recognise(gauges(), [LAYOUT]).types == {
        "name": "String", "at": "Datetime(time_unit='us', time_zone=None)", "value": "Float64", "count": "Int64", "note": "String",
    }  # fmt: skip


def test_of_several_layouts_that_fit_the_one_that_reads_most_is_meant() -> None:
    header = (HEADER.strip() + ",unit\n").encode()
    assert recognise(header, [LAYOUT, WIDER]).layout is WIDER
    assert recognise(HEADER.encode(), [LAYOUT, WIDER]).layout is LAYOUT


def test_names_are_read_without_the_blanks_around_them_and_over_several_lines() -> None:
    found = recognise(b'\n name ,"at",value,count,note,"more\nof it"\n', [LAYOUT])
    assert found.dialect.header == ("name", "at", "value", "count", "note", "more\nof it")
    assert found.added == ("more\nof it",)


@pytest.mark.parametrize(("wrong", "retyped"), [(2, False), (3, False), (4, True)])
def test_a_column_is_retyped_when_most_of_its_values_are_wrong(wrong: int, retyped: bool) -> None:
    text = HEADER + rows(3) + rows(wrong, first=10).replace(",3,", ",three,")
    assert (recognise(text.encode(), [LAYOUT]).problem is not None) == retyped


def test_blank_lines_are_no_records() -> None:
    numbers = replace(LAYOUT, columns={"count": pl.Int64})
    problem = recognise(b"count\n" + b"\n" * 100 + b"three\n" * 3, [numbers]).problem
    assert problem == "column count changed its type: expected Int64, found text such as 'three'"


def test_plain_records_need_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "_why_retyped", lambda *_: "looked at twice")
    assert recognise(gauges(200) + b"what,is,this\n", [LAYOUT]).problem is None
    assert recognise(gauges() + b'"a ""b""",c,-1e-5,,"d\n,e"', [LAYOUT]).problem is None
    assert recognise(gauges() + b"a,b,0x1F,1,c\n", [LAYOUT]).problem == "looked at twice"


NUMBERS = "1 -2 007 1.25 1. .5 1e-05 1E99 1e400 0x1F +1 - nan inf 1_0 9223372036854775808 x"
DAYS = "2020-12-31 2020-02-28 2020-02-29 2021-02-29 2021-04-31 2020-13-01 2020-1-5 20200105 0001-01-01 1969-07-20"
values = st.sampled_from([*NUMBERS.split(" "), ""])
days = st.sampled_from([*DAYS.split(" "), "9999-12-31", "10000-01-01", "2020-01-01T00:00", " 2020-01-01", "x", ""])
texts = st.sampled_from(["", "a", "é", '"b"', '"x\n""y"",|"', 'c"', "\0", "\r"])
lines = st.tuples(
    st.one_of(
        st.tuples(texts, texts, values, values, texts).map(",".join),
        st.tuples(texts, texts, st.just("7"), st.just("8"), texts).map(",".join),
        st.lists(texts, max_size=2).map(",".join),
    ),
    st.sampled_from(["\n", "\n", "\r\n", "\n\n", ""]),
).map("".join)


@given(st.lists(lines, max_size=9).map("".join), st.sampled_from([30, 60, HEAD_BYTES]), st.sampled_from([1, 3, 100]))
@settings(max_examples=300, deadline=None)
@example("a,b,0x1,1,c\n" * 3, HEAD_BYTES, 100)
@example("a,b,1,9223372036854775808,c\n" * 3, HEAD_BYTES, 100)
@example("a,b,1,2,c\n" * 3 + "a,b,x,y,c\n" * 9, HEAD_BYTES, 3)
@example("a,b,1,2,c\na,b,1,2,", 36, 100)
def test_plain_records_are_recognised_as_with_care(text: str, head_bytes: int, sample_rows: int) -> None:
    with patch.multiple(dialect, HEAD_BYTES=head_bytes, SAMPLE_ROWS=sample_rows):
        assert_recognised_as_with_care((HEADER + text).encode()[:head_bytes], LAYOUT)


@given(st.lists(days, max_size=9))
@settings(max_examples=300, deadline=None)
def test_plain_days_are_recognised_as_with_care(column: list[str]) -> None:
    text = "".join(f"{day},a\n" for day in column)
    assert_recognised_as_with_care(f"day,name\n{text}".encode(), replace(LAYOUT, columns={"day": pl.Date}))


def assert_recognised_as_with_care(head: bytes, layout: Layout) -> None:
    def told(found: Recognised) -> list[object]:
        return [found.dialect, found.layout, found.added, found.problem, found.types, found.beginning]

    found = recognise(head, [layout])
    with patch.object(dialect, "_plain", lambda *_: re.compile(b"(?!)")):
        careful = recognise(head, [layout])
    assert told(found) == told(careful)


@pytest.mark.parametrize("day", ["2020-02-28", "2020-04-30", "2020-12-31", "1970-01-01", ""])
def test_ordinary_days_need_no_second_look(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setattr(dialect, "_why_retyped", lambda *_: "looked at twice")
    assert recognise(f"day,name\n{day},a\n".encode(), [replace(LAYOUT, columns={"day": pl.Date})]).problem is None


def test_a_long_strange_header_is_told_in_short() -> None:
    problem = recognise(",".join(["x" * 1000] * 50).encode(), [LAYOUT]).problem
    assert problem is not None
    assert len(problem) < 1500


@given(st.one_of(st.binary(max_size=300), st.text(max_size=80).map(lambda text: (HEADER + text).encode("utf-16"))))
@settings(max_examples=200, deadline=None)
@example(b'name,at,value,count,note\n"\n')
@example(HEADER.encode() + b'a,b,"x\ny",\xff,"\0"\n')
@example(HEADER.encode() * 2)
@example(b"x" * HEAD_BYTES)
@example(b'"')
@example(b"\xff\xfe\n")
def test_any_bytes_are_recognised_or_refused(head: bytes) -> None:
    with suppress(FileRefused):
        found = recognise(head, [LAYOUT, WIDER])
        assert (found.layout is None) == (found.problem is not None) or "changed its type" in (found.problem or "")


def test_further_columns_without_a_name_are_told_apart() -> None:
    found = recognise(f"{HEADER.strip()},,x,,\n".encode(), [LAYOUT])
    assert found.layout is LAYOUT
    assert found.problem is None
    assert found.dialect.header[-4:] == ("", "x", " column 8", " column 9")


HEADERLESS = replace(LAYOUT, name="headerless", names=[*LAYOUT.columns])


@pytest.mark.parametrize(
    ("first", "fits"),
    [
        ("a,2021-01-01 00:00:00,1.5,7,x", True),
        ("a,b,,7,", True),
        ("a,b,1.5,seven,x", False),
        ("a,2021-01-01 00:00:00,1.5,7", False),
        ("station,when,,,remark", False),
    ],
)
def test_a_layout_without_a_header_is_known_by_what_the_first_record_holds(first: str, fits: bool) -> None:
    text = f"{first}\na,2021-01-01 00:00:00,1.5,7,x\n".encode()
    try:
        found = recognise(text, [HEADERLESS]).layout
    except FileRefused:
        found = None
    assert (found is HEADERLESS) == fits


def test_a_layout_names_all_columns_of_a_file_without_a_header() -> None:
    with pytest.raises(ValueError, match=r"'note'.* not among them"):
        replace(LAYOUT, names=["name", "at", "value", "count"])
    with pytest.raises(ValueError, match="a name is there twice"):
        replace(LAYOUT, names=[*LAYOUT.columns, "at"])
