"""Identities go out of texts of every form, and nothing else changes: whoever reads them finds the same, but for the pseudonym."""

import csv
import io
import json
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.lake.erasing import contents
from cryptodudez_assets.lake.erasing.contents import Kind, rewritten
from cryptodudez_assets.lake.erasing.edited import Tagged
from cryptodudez_assets.lake.erasing.identity import Mode, Names, is_distinctive, shape_of
from cryptodudez_assets_tests.toy_accounts import COLUMNS, PAYMENTS

KIND = Kind(PAYMENTS.layouts, Tagged(frozenset({"user_id"})))
INSTEAD = "erased-0123456789abcdef0123456789abcdef"
# A number that is an amount, too; a word; one with signs that CSV and JSON write in ways of their own; the usual ones.
IDS = ["42", "ada", 'a"b,c;1', "ä/\\ö-77", "user-1", "2dea61eed4bceec564a00115c4d21334"]
others = st.one_of(
    st.sampled_from(
        [*IDS, "user-12", "x2dea61eed4bceec564a00115c4d21334", "", "43", "a\nb", "ü;,", "\u200b", "end\r\nof"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6),
)
records = st.lists(st.tuples(others, st.sampled_from([*IDS, "user-12", "bob"]), others), min_size=1, max_size=8)


def rows_of(records: Sequence[tuple[str, str, str]]) -> list[list[str]]:
    return [[f"p{one}", "2024-01-01", user, "42", note] for one, user, note in records]


def as_csv(rows: Sequence[Sequence[str]], delimiter: str, quoting: int, end: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows([list(COLUMNS), *rows])
    return out.getvalue()


def erased_from(content: bytes, names: Names, block_bytes: int = 4 << 20) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "BLOCK_BYTES", block_bytes)
        made = rewritten(io.BytesIO(content), KIND, names)
    return content if made is None else made.content.read()


def expected(rows: Sequence[Sequence[str]], identity: str, mode: Mode) -> list[list[str]]:
    """What a reader is to find: another user where it was this one, and in other text only where it can be nobody else."""
    loose = Names("account", {identity: INSTEAD}).distinctive if mode is Mode.PSEUDONYMISE else Names("account", {})
    told = []
    for row in rows:
        is_theirs = row[2] == identity
        if is_theirs and mode is Mode.REMOVE:
            continue
        user = INSTEAD if is_theirs and mode is Mode.PSEUDONYMISE else row[2]
        told.append([loose.out_of_text(cell) if index != 2 else user for index, cell in enumerate(row)])
    return told


sizes = st.sampled_from([16, 100, 4 << 20])
"""Of the parts in which a text is read."""
forms = st.tuples(
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)


@given(records, st.sampled_from(IDS), st.sampled_from(list(Mode)), forms, sizes)
def test_csv(
    found: list[tuple[str, str, str]], identity: str, mode: Mode, form: tuple[str, int, str, str], block_bytes: int
):
    delimiter, quoting, end, encoding = form
    rows = rows_of(found)
    content = as_csv(rows, delimiter, quoting, end).encode(encoding)

    out = erased_from(content, Names("account", {identity: INSTEAD}, mode), block_bytes).decode(encoding)

    assert list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter)) == [
        list(COLUMNS),
        *expected(rows, identity, mode),
    ]


@given(records, st.sampled_from(IDS), st.sampled_from(list(Mode)), st.booleans(), st.booleans(), sizes)
def test_json(
    found: list[tuple[str, str, str]], identity: str, mode: Mode, is_ascii: bool, is_document: bool, block_bytes: int
):
    rows = rows_of(found)
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    lines = [json.dumps(one, ensure_ascii=is_ascii) for one in objects]
    content = json.dumps(objects, ensure_ascii=is_ascii, indent=1) if is_document else "\n".join(lines) + "\n"

    out = erased_from(content.encode(), Names("account", {identity: INSTEAD}, mode), block_bytes)

    told = json.loads(out) if is_document else [json.loads(line) for line in out.split(b"\n") if line]
    assert told == [dict(zip(COLUMNS, row, strict=True)) for row in expected(rows, identity, mode)]


@given(records, st.sampled_from(IDS), st.sampled_from(list(Mode)))
def test_parquet(found: list[tuple[str, str, str]], identity: str, mode: Mode):
    rows = rows_of(found)
    packed = io.BytesIO()
    pl.DataFrame(rows, dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(packed, row_group_size=3)

    out = erased_from(packed.getvalue(), Names("account", {identity: INSTEAD}, mode))

    assert [list(row) for row in pl.read_parquet(io.BytesIO(out)).iter_rows()] == expected(rows, identity, mode)


words = st.text("ab19", min_size=1, max_size=9)
signs = st.sampled_from(["", ".", "-", "_", "@", "+", ":", " ", "é"])


@st.composite
def namesakes(draw: st.DrawFn) -> tuple[str, str]:
    """Two identities, of which the second has the first in it."""
    one = draw(st.sampled_from(".-_@+")).join(draw(st.lists(words, min_size=1, max_size=3)))
    before, behind = (draw(st.sampled_from(["", draw(words)])) for _ in range(2))
    longer = (before + draw(signs) if before else "") + one + (draw(signs) + behind if behind else "")
    return one, longer if longer != one else f"{one}.b"


@given(namesakes(), st.sampled_from(["csv", "quoted", "jsonl", "json", "parquet"]), st.booleans(), sizes)
def test_who_has_an_erased_one_in_the_name_stays(pair: tuple[str, str], form: str, is_known: bool, block_bytes: int):
    one, other = pair
    names = Names("account", {one: INSTEAD}, others=frozenset({other} if is_known else ()))
    people = [
        (one, "ok"),
        (other, "ok"),
        (one, f"to {one}."),
        *([(other, f"{other} is not {one}")] if is_known else []),
    ]
    rows = [[f"p{n}", "2024-01-01", user, "42", note] for n, (user, note) in enumerate(people)]
    instead = INSTEAD if is_distinctive(one) else one
    notes = ["ok", "ok", f"to {instead}.", f"{other} is not {instead}"]

    out = erased_from(written(rows, form), names, block_bytes)

    found = read(out, form)
    assert [row[2] for row in found] == [INSTEAD if row[2] == one else other for row in rows]
    assert [row[4] for row in found] == notes[: len(rows)]
    assert [row[:2] + row[3:4] for row in found] == [row[:2] + row[3:4] for row in rows]


def written(rows: Sequence[Sequence[str]], form: str) -> bytes:
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    if form == "parquet":
        packed = io.BytesIO()
        pl.DataFrame(objects).write_parquet(packed)
        return packed.getvalue()
    if form == "json":
        return json.dumps(objects).encode()
    if form == "jsonl":
        return "".join(json.dumps(one) + "\n" for one in objects).encode()
    return as_csv(rows, ",", csv.QUOTE_ALL if form == "quoted" else csv.QUOTE_MINIMAL, "\n").encode()


def read(content: bytes, form: str) -> list[list[str]]:
    if form == "parquet":
        return [list(row) for row in pl.read_parquet(io.BytesIO(content)).iter_rows()]
    if form == "json":
        return [list(one.values()) for one in json.loads(content)]
    if form == "jsonl":
        return [list(json.loads(line).values()) for line in content.splitlines()]
    return list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]


@pytest.mark.parametrize("identity", IDS)
def test_a_shape_is_that_of_the_identity(identity: str):
    import re

    assert re.fullmatch(shape_of(identity).encode(), identity.encode())
    assert is_distinctive(identity) == (identity not in ("42", "ada"))
