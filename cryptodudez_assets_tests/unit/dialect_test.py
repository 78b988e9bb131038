"""Recognising a file by its first bytes: what it is, or why it is nothing we know."""

from contextlib import suppress
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.archives import Refused
from cryptodudez_assets.lake.dialect import HEAD_BYTES, recognise
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
    with suppress(Refused):
        found = recognise(head, [LAYOUT, WIDER])
        assert (found.layout is None) == (found.problem is not None) or "changed its type" in (found.problem or "")
