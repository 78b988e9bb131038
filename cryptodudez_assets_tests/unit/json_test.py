"""Recognising JSON by its content: lines, documents, neither; and what is wrong with a file that cannot be used."""

import io
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import polars as pl
import pytest

from cryptodudez_assets.lake.formats import registry
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.json import document, lines
from cryptodudez_assets.lake.formats.json.document import DocumentReader
from cryptodudez_assets.lake.formats.json.lines import KEPT_OF_LONG_LINE, LineReader
from cryptodudez_assets.lake.formats.json.parse import is_too_deep
from cryptodudez_assets.lake.formats.reader import Content, ParsedChunk, Recognised
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.sources.declaration import FORMATS, Layout
from cryptodudez_assets_tests.toy import HEADER, gauges
from cryptodudez_assets_tests.toy import LAYOUT as GAUGES
from cryptodudez_assets_tests.toy_candles import SOURCE as CANDLES

PLAIN = Layout("plain", {"a": pl.Int64, "b": pl.String}, {})
BELOW = replace(PLAIN, name="below", rows="$.data")
CANDLE = CANDLES.layouts[0]
RECORD = {"a": 1, "b": "x"}


def recognised(text: str | bytes, *layouts: Layout) -> Recognised:
    data = text.encode() if isinstance(text, str) else text

    @contextmanager
    def whole() -> Any:
        yield io.BytesIO(data)

    return registry.recognise(Content(data[:HEAD_BYTES], len(data) < HEAD_BYTES, whole), layouts or [PLAIN])


def why(text: str | bytes, *layouts: Layout) -> str:
    try:
        return recognised(text, *layouts).problem or ""
    except FileRefused as error:
        return str(error)


MANY = [RECORD] * 60_000
KINDS = {
    "lines": (json.dumps(RECORD) + "\n" + json.dumps(RECORD), "jsonl"),
    "a line": (json.dumps(RECORD), "jsonl"),
    "a line with an end": (json.dumps(RECORD) + "\n", "jsonl"),
    "many lines": ("\n".join(map(json.dumps, MANY)), "jsonl"),
    "lines of which the first is broken": ('{"a": \n' + "\n".join([json.dumps(RECORD)] * 3), "jsonl"),
    "lines of which the first is none": ("banana\n" + "\n".join([json.dumps(RECORD)] * 3), "jsonl"),
    "lines of which most are broken": (json.dumps(RECORD) + '\n{"a"\n{"a"\n{"a"', "jsonl"),
    "lines behind blank ones": ("\n \n" + json.dumps(RECORD) + "\n", "jsonl"),
    "a list": (json.dumps([RECORD] * 2), "json"),
    "a list, pretty": (json.dumps([RECORD] * 2, indent=2), "json"),
    "a list, a record a line": ("[\n" + ",\n".join([json.dumps(RECORD)] * 3) + "\n]\n", "json"),
    "a long list": (json.dumps(MANY), "json"),
    "an object, pretty": (json.dumps(RECORD, indent=2), "json"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_and_documents_are_told_apart(kind: str, encoding: str) -> None:
    text, expected = KINDS[kind]
    found = recognised(text.encode(encoding))
    assert (found.written.format, found.layout, found.problem) == (expected, PLAIN, None)
    assert found.written.names == ("a", "b")
    assert found.types == {"a": "Int64", "b": "String"}


def test_rows_lie_below_the_path_of_the_layout_wherever_that_is() -> None:
    far = {"note": "x" * 2 * HEAD_BYTES, "data": [RECORD]}
    for one in ({"data": [RECORD], "meta": 1}, {"meta": {"data": 0}, "data": [RECORD]}, {"data": RECORD}, far):
        assert recognised(json.dumps(one), BELOW).layout is BELOW
    assert "expected records below $.data" in why(json.dumps({"error": "no such pair"}), BELOW)


def test_lists_are_read_by_position_and_objects_by_name() -> None:
    for row in ([1609459200000, "1", 2, 3], {"open_time": 1, "open": 1, "close": 2}):
        told = recognised(json.dumps({"result": {"candles": [row], "pair": "X"}}), CANDLE)
        assert told.layout is CANDLE
    assert "fields such as" in why(json.dumps({"result": {"candles": [[1, 2]], "pair": "X"}}), CANDLE)


def test_what_a_document_says_beside_its_rows_is_needed_too() -> None:
    told = why(json.dumps({"result": {"candles": [[1609459200000, "1", 2, 3]]}}), CANDLE)
    assert told == "a JSON document, in which fields are missing for layout answer: ['$.result.pair']"


def test_a_csv_that_looks_like_json_is_read_as_one() -> None:
    for name in ("{a", "[a", "{", '["a"'):
        braces = Layout("braces", {name: pl.String, "b": pl.String}, {})
        field = '"' + name.replace('"', '""') + '"' if '"' in name else name
        assert recognised(f"{field},b\n1,2\n", braces).written.format == "csv"
    assert recognised(HEADER + '[1],2024-01-01 00:00:00,1,1,"{""a"": 1}"\n', GAUGES).written.format == "csv"
    assert recognised(gauges(), GAUGES).written.format == "csv"


def test_a_layout_without_a_format_is_of_any_and_one_with_a_format_of_that_alone() -> None:
    line = json.dumps({"name": "g", "at": "2024-01-01 00:00:00", "value": 1, "count": 1, "note": ""})
    assert recognised(line, GAUGES).layout is GAUGES
    assert recognised(gauges(), GAUGES).layout is GAUGES
    assert "no layout of the source is of that format" in why(line, replace(GAUGES, format="csv"))
    assert "is of no format that the source's layouts are in" in why(gauges(), replace(GAUGES, format="jsonl"))
    assert recognised(line, replace(GAUGES, format="json")).written.format == "json"


BROKEN = {
    "cut off": (json.dumps([RECORD] * 3)[:-5], "ends in the middle, in line 1, behind 2 whole rows: it was cut off"),
    "pretty and cut off": (json.dumps([RECORD] * 3, indent=1)[:-5], "ends in the middle, in line"),
    "a comma too few": ('[{"a": 1, "b": ""} {"a": 1}]', "broken in line 1, behind 1 rows: a comma or ] is missing"),
    "more behind it": ('[\n{"a": 1, "b": ""}\n]\n]', "something follows its end"),
    "no UTF-8": (b'[{"a": 1, "b": "\xff"}]', "no UTF-8 in line 1"),
    "other fields": ('{"c": 1}', "fields such as ['a', 'b'], found ['c']"),
    "one field of two": (
        '{"a": 1, "c": 1}\n' * 2,
        "fields are missing for layout plain: ['b']; unknown in their place",
    ),
    "no rows": ("[]", "found no record"),
    "an opening brace": ("{", "ends in the middle"),
    "nothing": ("", "empty file"),
    "UTF-16 without a mark": (json.dumps([RECORD] * 9).encode("utf-16-le"), "UTF-16 without a byte order mark"),
    "UTF-32": ("\n".join([json.dumps(RECORD)] * 9).encode("utf-32"), "UTF-32 text"),
    "a rich text": ("{\\rtf1\\ansi\n", "RTF"),
    "a text": ("banana\n", "only one column was found"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_used_says_why(kind: str) -> None:
    text, told = BROKEN[kind]
    seen = recognise_or_read(text)
    assert told in seen


def recognise_or_read(text: str | bytes) -> str:
    if told := why(text):
        return told
    data = text.encode() if isinstance(text, str) else text
    try:
        found = recognised(text)
        list(registry.reader_of(found.written, PLAIN, False).chunks(io.BytesIO(data)))  # type: ignore[arg-type]
    except FileRefused as error:
        return str(error)
    return "read"


def test_a_document_above_the_stated_size_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_DOCUMENT_BYTES", 1 << 20)
    reader = DocumentReader(PLAIN, False, "utf-8")
    with pytest.raises(FileRefused, match=r"a JSON document of more than 1 MiB.*JSON lines"):
        list(reader.chunks(io.BytesIO(json.dumps(MANY).encode())))


def read(reader: LineReader | DocumentReader, stream: BinaryIO) -> list[ParsedChunk]:
    return list(reader.chunks(stream))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000, 5000])
def test_a_line_too_long_costs_itself(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 64)
    long = json.dumps({"a": 2, "b": "x" * 9000})
    text = f"{json.dumps(RECORD)}\n{long}\n{json.dumps(RECORD)}\n{long}"
    chunks = read(LineReader(PLAIN, False, "utf-8", chunk_bytes=size), io.BytesIO(text.encode()))
    rows = [row for one in chunks if one.table for row in one.table.column(" row").to_pylist()]
    rejects = [reject for one in chunks for reject in one.rejects]
    assert rows == [1, 3]
    assert [(reject.file_row, reject.line, reject.rules) for reject in rejects] == [
        (2, 2, ("record:too_long",)),
        (4, 4, ("record:too_long",)),
    ]
    assert {reject.raw for reject in rejects} == {f"{long[:KEPT_OF_LONG_LINE]}… ({len(long):,} bytes)"}


def test_five_thousand_fields_are_read_and_kept() -> None:
    wide = json.dumps({**RECORD, **{f"x{n}": n for n in range(5000)}})
    found = recognised(wide)
    assert found.layout is PLAIN
    assert len(found.added) == 5000
    (chunk,) = registry.reader_of(found.written, PLAIN, True).chunks(io.BytesIO(wide.encode()))  # type: ignore[arg-type]
    assert chunk.table is not None
    assert len(json.loads(chunk.table[" extra"][0].as_py())) == 5000


def test_the_formats_that_a_layout_may_name_are_those_that_are_read() -> None:
    assert {one.name for one in registry.FORMATS} <= set(FORMATS)
    with pytest.raises(ValueError, match="expected one of csv, jsonl"):
        replace(PLAIN, format="xlsx")
    with pytest.raises(ValueError, match="expected a path such as"):
        replace(PLAIN, rows="data")
    with pytest.raises(ValueError, match="of JSON documents, not csv"):
        replace(PLAIN, rows="$.data", format="csv")
    with pytest.raises(ValueError, match=r"columns that it does not read: \['c'\]"):
        replace(PLAIN, optional=["c"])


def test_a_csv_may_lack_an_optional_column() -> None:
    layout = replace(GAUGES, optional=["note"])
    text = b"name,at,value,count\ng,2024-01-01 00:00:00,1,1\ng,2024-01-01 00:00:00,x,1\n"
    found = recognised(text, layout)
    assert found.layout is layout
    (chunk,) = registry.reader_of(found.written, layout, False).chunks(io.BytesIO(text))  # type: ignore[arg-type]
    assert chunk.table is not None
    assert chunk.table["note"].to_pylist() == [None]
    assert [reject.rules for reject in chunk.rejects] == [("value:type",)]


NESTED = {
    "lists": ("[" * 200 + "]" * 200, False),
    "lists, one more": ("[" * 201 + "]" * 201, True),
    "lists in objects": ('{"a":' * 100 + "[" * 100 + "]" * 100 + "}" * 100, False),
    "lists in objects, one more": ('{"a":' * 100 + "[" * 101 + "]" * 101 + "}" * 100, True),
    "many beside each other": (json.dumps([[[n]] for n in range(999)]), False),
    "brackets in a text": (json.dumps(["[" * 999]), False),
    "never closed": ("[" * 999, True),
    "never closed, but shallow": ("[[]," * 99, False),
}


@pytest.mark.parametrize("kind", NESTED)
def test_depth_is_counted_whatever_it_is_made_of(kind: str) -> None:
    text, expected = NESTED[kind]
    assert is_too_deep(text) is expected


CANDLE_ROW = [1609459200000, "1", 2, 3]


def answer(rows: Any, **told: Any) -> str:
    return json.dumps({"result": {"candles": rows, "pair": "X"} | told})


SET_ASIDE = {
    "all that it says beside its rows is twice": '{"result": {"pair": "A", "candles": []}, "result": {"pair": "B", "candles": []}}',
    "beside its rows": '{"result": {"pair": "A", "candles": [], "pair": "B"}}',
    "the rows themselves": '{"result": {"pair": "A", "candles": [], "candles": []}}',
    "a name that is a path": '{"result.pair": "B", "result": {"candles": [], "pair": "A"}}',
    "by an escape": '{"result": {"pair": "A", "candles": [], "p\\u0061ir": "B"}}',
}


@pytest.mark.parametrize("kind", SET_ASIDE)
def test_a_document_that_says_something_twice_is_set_aside(kind: str) -> None:
    assert "is there twice: which is meant?" in why(SET_ASIDE[kind], CANDLE)


AMBIGUOUS = ('{"a": 1, "o": {"p": "x"}, "o.p": "y"}', '{"a": 1, "o.p": {"q": 1}, "o": {"p": {"r": 2}}}')


@pytest.mark.parametrize("record", AMBIGUOUS)
@pytest.mark.parametrize("within", [False, True])
def test_a_record_that_says_something_by_a_name_and_by_a_path_is_told(record: str, within: bool) -> None:
    text = '{"a": 1, "b": ' + record + "}" if within else record
    for keeps_extra in (False, True):
        (chunk,) = read(LineReader(Layout("one", {"a": pl.Int64}, {}), keeps_extra, "utf-8"), io.BytesIO(text.encode()))
        (told,) = chunk.rejects
        assert told.rules == ("record:repeated_field",)
        path = "b.o.p" if within else "o.p"
        assert f"the field '{path}' is there twice" in chunk.reader.spelling.why_none("repeated_field", told.raw)
    plain = '{"a": 1, "o.p": "x", "o": {"q": "y"}}'
    (chunk,) = read(LineReader(Layout("one", {"a": pl.Int64}, {}), True, "utf-8"), io.BytesIO(plain.encode()))
    assert not chunk.rejects


ROWS = {
    "none": ([], []),
    "one that is broken": (["NaN"], ["record:no_number"]),
    "one too deep": (["[" * 300 + "]" * 300], ["record:too_deep"]),
    "an object among lists": ([CANDLE_ROW, {}], ["open_time:absent"]),
    "others among lists": ([5, None, CANDLE_ROW, CANDLE_ROW[:2]], ["record:no_object"] * 2 + ["record:too_few_fields"]),
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows_of_a_document_cost_themselves_wherever_in_it_they_are(kind: str) -> None:
    rows, rules = ROWS[kind]
    text = answer(rows)
    for one in rows:
        text = text.replace(json.dumps(one), one) if isinstance(one, str) else text
    found = recognised(text, CANDLE)
    assert (found.layout, found.added) == (CANDLE, ())
    chunks = read(DocumentReader(CANDLE, False, "utf-8"), io.BytesIO(text.encode()))
    assert sum(chunk.n_records for chunk in chunks) == len(rows)
    assert sorted(one.rules[0] for chunk in chunks for one in chunk.rejects) == rules
    assert why(json.dumps({"result": {"candles": []}}), CANDLE)  # what is needed beside them is not there


def test_what_is_said_beside_lists_may_be_an_object() -> None:
    assert recognised(answer([CANDLE_ROW], pair={"a": 1}), CANDLE).layout is CANDLE
