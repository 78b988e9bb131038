"""Reading text: what becomes of a record does not depend on its neighbours, on chunks, or on which path reads it."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from unittest.mock import patch

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.csv.chunks import CHUNK_BYTES, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.parse import CAREFUL_BYTES, ChunkReader
from cryptodudez_assets.lake.formats.csv.records import CsvRecord, first_record, places, records
from cryptodudez_assets.lake.formats.reader import ROW, Reject
from cryptodudez_assets.sources.declaration import Layout
from cryptodudez_assets_tests.toy import HEADER, LAYOUT

DIALECT = Dialect("utf-8", ",", "\n", ("name", "at", "value", "count", "note"))
Rows = list[tuple[int, str]]

NUMBERS = """1 -0 +1 0x1F 0x 1e3 1E400 1_0 1. .5 NaN inf -Infinity ٣ 9223372036854775807 9223372036854775808 1,5 true null "2" 0b1 1d"""
numbers = st.sampled_from([*NUMBERS.split(" "), " 7", "8 ", "\t9", "", " ", '""', "1\u00a0"])
plain = st.text(st.sampled_from("ab é€\t\x0b\x1c\u2028"), max_size=4)
quoted = st.text(st.sampled_from('a,\n\r"é;'), max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"')
fields = st.one_of(plain, quoted)
good = st.tuples(fields, plain, numbers, numbers, fields).map(",".join)
floats, integers = st.sampled_from(["1", "-.5e3 ", "nan", "", '"2"']), st.sampled_from(["7", " 0x1f", ""])
fitting = st.tuples(fields, plain, floats, integers, fields).map(",".join)
shapeless = st.lists(fields, max_size=8).map(",".join)
astray = st.text(st.sampled_from('a,"\n\r\0'), max_size=8)
line_ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\r\r\n", "\r"])
not_utf8 = st.sampled_from([b"\xe9,1,1,1,1\n", b"a,1,1,\xff,1\n", b'"\xc3\n\xa9",1,1,1,\xed\xa0\x80\n'])


def lines(*kinds: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    return st.tuples(st.one_of(*kinds), line_ends).map(lambda pair: "".join(pair).encode())


def texts(*kinds: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Records, of which the last may have no end."""
    text = st.lists(st.one_of(*kinds), max_size=8).map(b"".join)
    return st.tuples(text, st.booleans()).map(lambda pair: pair[0].removesuffix(b"\n") if pair[1] else pair[0])


clean = texts(st.tuples(fitting, st.sampled_from(["\n", "\r\n", "\n\n"])).map(lambda pair: "".join(pair).encode()))
dirty = texts(lines(fitting, good), lines(good, shapeless, astray), not_utf8)


def read(
    text: bytes,
    chunk_bytes: int = CHUNK_BYTES,
    careful: bool = False,
    careful_bytes: int = CAREFUL_BYTES,
    layout: Layout = LAYOUT,
) -> tuple[Rows, list[Reject], int]:
    """Rows with their numbers, rejects, and how many records there are."""
    reader, row, rows, rejects = ChunkReader(DIALECT, layout, careful_bytes=careful_bytes), 1, [], []
    for chunk in chunks(BytesIO(HEADER.encode() + text), DIALECT, chunk_bytes):
        parsed = reader.read(replace(chunk, is_unambiguous=chunk.is_unambiguous and not careful), row)
        row += parsed.n_records
        rejects += parsed.rejects
        # As text, for NaN is not itself.
        rows += [(values[ROW], repr(values)) for values in parsed.table.to_pylist()] if parsed.table else []
    return rows, sorted(rejects, key=lambda reject: reject.file_row), row - 1


@given(st.one_of(clean, dirty))
@settings(max_examples=250, deadline=None)
@example(b'a,b,1,1,"x""y"\n')
@example(b'"a"b,b,1,1,c\n')
@example(b'a,b,1,1,"\n')
def test_the_fast_path_and_the_careful_path_agree(text: bytes) -> None:
    assert read(text) == read(text, careful=True) == read(text, careful_bytes=1)


DAYS = "2020-12-31 2020-02-29 2021-02-29 2020-13-01 2020-1-5 20200105 0001-01-01 1969-07-20 9999-12-31 10000-01-01 -1-01-01"
days = st.sampled_from([*DAYS.split(" "), "2020-01-01T00:00", " 2020-01-01", "2020-01-01 ", '"2020-01-01"', "x", ""])


@given(st.lists(days, max_size=5))
@settings(max_examples=250, deadline=None)
def test_the_fast_path_and_the_careful_path_agree_on_days(column: list[str]) -> None:
    text = "".join(f"a,{day},1,1,b\n" for day in column).encode()
    dated = replace(LAYOUT, columns={**LAYOUT.columns, "at": pl.Date})
    assert read(text, layout=dated) == read(text, careful=True, layout=dated)


@given(dirty, st.integers(1, 60))
@settings(max_examples=250, deadline=None)
@example(b'a,b,1,1,5" c\nd,e,1,1,"f\ng"\n', 20)
@example(b'x,"\na,"b\nc",1,1,1\n', 3)
@example(b',,1,7,"\n"\r,,1,7,\n,,1,7,"\n"\n', 1)
def test_chunks_change_nothing(text: bytes, chunk_bytes: int) -> None:
    assert read(text, chunk_bytes) == read(text)


@given(dirty)
@settings(max_examples=150, deadline=None)
def test_every_record_is_a_row_or_a_reject_with_its_line_and_text(text: bytes) -> None:
    rows, rejects, n = read(text)
    assert sorted([row for row, _ in rows] + [reject.file_row for reject in rejects]) == list(range(1, n + 1))
    physical = [HEADER.encode(), *BytesIO(text).readlines()]
    for reject in rejects:
        told = physical[reject.line - 1 : reject.line + reject.raw.count("\n")]
        raw = b"".join(told).removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
        assert reject.raw == raw
        assert reject.rules


@given(dirty)
@settings(max_examples=150, deadline=None)
def test_records_and_blank_lines_make_up_the_whole_text(text: bytes) -> None:
    at, line = 0, 1
    for record in records(text, 1, ","):
        between = text[at : record.start]
        assert not between.strip(b"\r\n")
        assert record.line == line + between.count(b"\n")
        at, line = record.end, record.line + text.count(b"\n", record.start, record.end)
    assert not text[at:].strip(b"\r\n")


@given(st.one_of(clean, dirty), st.integers(1, 9))
@settings(max_examples=250, deadline=None)
@example(b"", 1)
@example(b"\n\r\r\na\r\n\n\rb\n\r", 2)
def test_places_are_those_of_the_records(text: bytes, first_line: int) -> None:
    found = list(records(text, first_line, ","))
    told = places(text, first_line, ",", len(found))
    assert [told[index][:3] for index in range(len(found))] == [one[:3] for one in found]


@given(dirty, st.sampled_from(",;"), st.integers(1, 60), st.booleans())
@settings(max_examples=250, deadline=None)
@example(b'"a\nb",c\nd,e\n', ",", 5, False)
@example(b'"a\nb', ",", 5, True)
def test_the_first_record_is_told_by_a_beginning_of_any_length(
    text: bytes, delimiter: str, length: int, final: bool
) -> None:
    with patch("cryptodudez_assets.lake.formats.csv.records.BEGINNING_BYTES", length):
        told = first_record(text, delimiter, final=final)
    assert told == next(records(text, 1, delimiter, final=final), None)


@given(dirty, st.integers(0, 80))
@settings(max_examples=150, deadline=None)
def test_more_text_changes_no_record_that_was_told_before(text: bytes, cut: int) -> None:
    def told(found: Iterator[CsvRecord]) -> list[CsvRecord]:
        return list(found)

    before = told(records(text[:cut], 1, ",", final=False))
    assert told(records(text, 1, ","))[: len(before)] == before


@given(
    st.lists(st.one_of(lines(fitting, good, shapeless), not_utf8).filter(lambda text: text.endswith(b"\n")), max_size=6)
)
@settings(max_examples=150, deadline=None)
def test_a_records_fate_does_not_depend_on_its_neighbours(each: list[bytes]) -> None:
    def fates(text: bytes) -> list[tuple[str, ...]]:
        rows, rejects, _ = read(text)
        told = {row: (values.split(f"'{ROW}'")[0],) for row, values in rows} | {
            one.file_row: (one.raw, *one.rules) for one in rejects
        }
        return [told[row] for row in sorted(told)]

    assert fates(b"".join(each)) == [fate for one in each for fate in fates(one)]


@given(st.integers(0, 1 << 64), st.sampled_from(["{}", " {}", '"{}"', "{} "]), st.booleans(), st.integers(0, 3))
def test_a_number_to_the_base_of_16_is_no_whole_number(number: int, spelled: str, careful: bool, n_before: int) -> None:
    for told in (hex(number), hex(number).upper()):
        before = "a,1,1,7,0x1f\n" * n_before
        rows, rejects, _ = read(f"{before}a,1,1,{spelled.format(told)},x\n".encode(), careful=careful)
        assert len(rows) == n_before
        assert [reject.rules for reject in rejects] == [("count:type",)]
