"""Records and chunks: where they begin and end, at the limits of length too."""

from io import BytesIO

import pytest

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.csv.chunks import KEPT_OF_LONG_LINE, Chunk, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.records import MAX_RECORD_BYTES, Places, is_unambiguous, places, records

AB = Dialect("utf-8", ",", "\n", ("a", "b"))


def told(text: bytes) -> list[tuple[int, list[str] | str]]:
    return [(record.line, record.fault or record.fields) for record in records(text, 1, ",")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a,b\nc,d", [(1, ["a", "b"]), (2, ["c", "d"])]),
        (b"\n\r\na,b\r\n\nc,d\r\n\n", [(3, ["a", "b"]), (5, ["c", "d"])]),
        (b'a,"x\ny ""z"""\nc,d\n', [(1, ["a", 'x\ny "z"']), (3, ["c", "d"])]),
        (b'a,"b\nc,d\n', [(1, "unclosed_quote"), (2, ["c", "d"])]),
        (b'a,"b\nc,"d"\n', [(1, "unclosed_quote"), (2, ["c", "d"])]),
        (b'"a"b,c\nd,e\n', [(1, "stray_quote"), (2, ["d", "e"])]),
        (b'5" a,b\n6" c,d\n', [(1, ['5" a', "b"]), (2, ['6" c', "d"])]),
        (b"a\rb,c\nd,e\n", [(1, "stray_carriage_return"), (2, ["d", "e"])]),
        (b"\xe9,b\n", [(1, ["\udce9", "b"])]),
        (b"a\0,b\n", [(1, ["a\0", "b"])]),
        (b"", []),
    ],
)
def test_records_are_told_with_their_line(text: bytes, expected: list[tuple[int, list[str] | str]]) -> None:
    assert told(text) == expected


def test_an_open_quote_costs_its_own_line_however_long_it_stays_open() -> None:
    many = b"c,d\n" * (MAX_RECORD_BYTES // 4)
    found = told(b'a,"b\n' + many + b'e,"f"\n')
    assert found[:2] == [(1, "unclosed_quote"), (2, ["c", "d"])]
    assert len(found) == 2 + MAX_RECORD_BYTES // 4


@pytest.mark.parametrize(("length", "fault"), [(MAX_RECORD_BYTES, None), (MAX_RECORD_BYTES + 1, "too_long")])
@pytest.mark.parametrize("chunk_bytes", [1 << 18, 8 << 20])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_is_too_long_by_its_length_alone(length: int, fault: str | None, chunk_bytes: int, end: bytes) -> None:
    line = b"x," + b"y" * (length - 2)
    assert [record.fault for record in records(line + end, 1, ",")] == [fault]
    found = list(chunks(BytesIO(b"a,b\n1,2\n" + line + end + (b"3,4\n" if end else b"")), AB, chunk_bytes))
    size = length + len(end)
    assert [chunk.long_line for chunk in found if chunk.long_line] == ([size] if fault else [])
    assert all(len(chunk.data) == KEPT_OF_LONG_LINE for chunk in found if chunk.long_line)
    assert sum(chunk.long_line or len(chunk.data) for chunk in found) == size + len(b"1,2\n") * (2 if end else 1)


def test_a_long_quoted_record_is_too_long_on_every_path() -> None:
    lines = MAX_RECORD_BYTES // 64
    text = b'a,b\n1,"' + (b"x" * 63 + b"\n") * lines + b'"\n3,4\n'
    for chunk_bytes in (1 << 18, 8 << 20):
        found = [
            one
            for chunk in chunks(BytesIO(text), AB, chunk_bytes)
            for one in records(chunk.data, chunk.first_line, ",")
        ]
        assert (found[0].line, found[0].fault) == (2, "unclosed_quote")
        assert (found[-1].line, found[-1].fields) == (3 + lines, ["3", "4"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
def test_text_comes_as_utf8_without_mark_or_header(encoding: str, chunk_bytes: int) -> None:
    mark = "\ufeff" if encoding != "utf-8-sig" else ""
    stream = BytesIO((mark + '"a\nb",c\n1,€\n2,"x\ny"\n').encode(encoding))
    found = list(chunks(stream, Dialect(encoding, ",", "\n", ("a\nb", "c")), chunk_bytes))
    assert b"".join(chunk.data for chunk in found).decode() == '1,€\n2,"x\ny"\n'
    assert found[0].first_line == 3


def test_utf16_that_ends_in_the_middle_of_a_character_is_refused() -> None:
    with pytest.raises(FileRefused, match="middle of a character"):
        list(chunks(BytesIO("\ufeffa,b\n1,2\n".encode("utf-16-le")[:-1]), Dialect("utf-16-le", ",", "\n", ("a", "b"))))


def test_clean_text_is_one_tidy_chunk() -> None:
    assert list(chunks(BytesIO(b'a,b\n1,"x"\n2,y\n'), AB)) == [Chunk(2, b'1,"x"\n2,y\n', is_unambiguous=True)]


def test_places_of_lines_are_told_without_reading_the_records() -> None:
    told = places(b"\na,b\r\n\r\nc,d", 7, ",", 2)
    assert isinstance(told, Places)
    assert [told[0], told[1]] == [(8, 1, 6, [], None), (10, 8, 11, [], None)]


@pytest.mark.parametrize("text", [b"a,b\n", b'"a","b"\r\n', b'"",""\n', b'a,"""b"""\n', b'a,"x\ny"', b'"a,b\nc"\n'])
def test_text_is_tidy_where_quotes_hold_whole_fields(text: bytes) -> None:
    assert is_unambiguous(text, ",")


@pytest.mark.parametrize(
    "text", [b'5" a\n', b'"a"b\n', b'a "b"\n', b'"a', b'"a""', b'"a" ,b\n', b"a\rb\n", b'"a\rb"\n', b'"a";"b"\n']
)
def test_text_is_untidy_where_readers_could_differ(text: bytes) -> None:
    assert not is_unambiguous(text, ",")
