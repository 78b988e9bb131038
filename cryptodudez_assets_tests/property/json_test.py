"""Reading JSON: what becomes of a record does not depend on its neighbours, on chunks, or on whether lines or a list hold it."""

import io
import json
import re
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.formats.json.document import DocumentReader
from cryptodudez_assets.lake.formats.json.lines import LineReader
from cryptodudez_assets.lake.formats.json.parse import MARKING, Broken, as_json, parsed
from cryptodudez_assets.lake.formats.reader import EXTRA, ROW
from cryptodudez_assets.sources.declaration import Layout

LAYOUT = Layout(
    "records",
    {"a": pl.String, "n": pl.Int64, "x": pl.Float64, "on": pl.Date, "u.id": pl.String},
    {},
    optional=["x", "on"],
)
Fates = list[Any]

ATOMS = """null true false 0 -0 1.10 1e400 -1e-400 12345678901234567890 01 1. .5 +1 NaN -Infinity "" "1" "1.5" "x" "a\tb"
"\\ud83d" "\\ud83d\\ude00" "\\u0000" "\\\\u0000" "2020-02-29" "2021-02-29" "\u00a07" "é😀" 'q' {} [] [1.10,"1.10"] {"id":2}
{"id":null} {"id":1,"id":2} {"id":{"deep":1.0}} undefined"""
atoms = st.sampled_from(re.split("[ \n]", ATOMS))
names = st.sampled_from(["a", "n", "x", "on", "u", "u.id", "more", "a"])
fields = st.tuples(names, atoms).map(lambda pair: f'"{pair[0]}":{pair[1]}')
drawn = st.lists(fields, max_size=7).map(lambda told: "{" + ",".join(told) + "}")
good = st.builds('{{"a":{},"n":{},"u":{{"id":{}}}}}'.format, atoms, st.sampled_from(["1", "null", '"2"']), atoms)
records = st.one_of(good, good, drawn, atoms, st.sampled_from(["{", "}", "banana", "[[", '{"a":1}}']))
# What keeps its place in a list whatever is wrong in it.
closed = st.one_of(good, drawn, atoms).filter(lambda text: not re.search(r"[ ']", text) and text.count('"') % 2 == 0)


def read(reader: LineReader | DocumentReader, text: str) -> Fates:
    """What becomes of each record: its values, or the rules that it breaks."""
    fates: dict[int, Any] = {}
    n = 0
    for chunk in reader.chunks(io.BytesIO(text.encode("utf-8", "surrogatepass"))):
        rows = chunk.table.to_pylist() if chunk.table is not None else []
        fates |= {row.pop(ROW): repr(row) for row in rows}  # as text, for NaN is not itself
        fates |= {reject.file_row: list(reject.rules) for reject in chunk.rejects}
        n += chunk.n_records
        assert len(rows) + len(chunk.rejects) == chunk.n_records
    assert sorted(fates) == list(range(1, n + 1))
    return [fates[row] for row in sorted(fates)]


def lines(texts: list[str], chunk_bytes: int = 1 << 20) -> Fates:
    return read(LineReader(LAYOUT, True, "utf-8", chunk_bytes), "\n".join(texts))


@given(st.lists(records, max_size=8), st.integers(1, 80))
@settings(max_examples=250, deadline=None)
@example(["{}", '{"a":1}'], 1)
def test_the_fate_of_a_record_is_its_own_whatever_stands_around_it_and_wherever_chunks_end(
    texts: list[str], chunk_bytes: int
) -> None:
    alone = [fate for text in texts for fate in lines([text])]
    assert lines(texts) == alone
    assert lines(texts, chunk_bytes) == alone


@given(st.lists(closed, min_size=1, max_size=8), st.integers(1, 80), st.sampled_from(["", " ", "\n"]))
@settings(max_examples=250, deadline=None)
def test_a_record_in_a_document_is_what_it_is_on_a_line(texts: list[str], chunk_bytes: int, gap: str) -> None:
    document = f"[{gap}" + f"{gap},{gap}".join(texts) + f"{gap}]"
    found = read(DocumentReader(LAYOUT, True, "utf-8", chunk_bytes), document)
    assert found == [fate for text in texts for fate in lines([text])]


@given(st.text(st.sampled_from('{}[]":,ab1\\ \n'), max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_document_is_read_or_refused_with_words_and_never_half(text: str) -> None:
    told = "a JSON document"
    try:
        read(DocumentReader(LAYOUT, False, "utf-8"), text)
    except FileRefused as error:
        told = str(error)
    assert told.startswith("a JSON document")


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_again_says_the_same_to_the_last_digit(value: Any) -> None:
    text = _written(value)
    try:
        again = as_json(parsed(text, MARKING))
    except Broken as error:
        again = text if error.fault == "binary" else error.fault
    assert again == text


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value).replace("E+", "e+")
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def test_added_fields_are_kept_with_their_digits() -> None:
    record = '{"a":1,"n":1,"u":{"id":1,"k":1.10},"more":[1e400,"1"]}'
    (chunk,) = LineReader(LAYOUT, True, "utf-8").chunks(io.BytesIO(record.encode()))
    assert chunk.table is not None
    assert chunk.table[EXTRA].to_pylist() == ['{"u.k":1.10,"more":[1e400,"1"]}']
