"""A draft from JSON or Parquet reads what its sample says: fields by path, nulls, what is absent, any text, numbers with their digits."""

import io
import json
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.drafting.choices import Choices
from cryptodudez_assets.drafting.draft import decided
from cryptodudez_assets.drafting.sample import read_sample
from cryptodudez_assets.drafting.trial import declared
from cryptodudez_assets.lake.formats.archives import Text
from cryptodudez_assets.lake.formats.reader import Content
from cryptodudez_assets.lake.formats.registry import reader_of, recognise
from cryptodudez_assets.lake.formats.seekable import seekable
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.lake.ingest.validating import FILE, canonical
from cryptodudez_assets.sources.declaration import CATALOGUED, Source

START = datetime(2022, 3, 4, tzinfo=UTC)
ABSENT: Any = object()
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(
    lambda text: f"x{text}y"
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "count": st.integers(-(2**62), 2**62),
    "amount": st.decimals(-(10**20), 10**20, places=10),
    "flag": st.booleans(),
    "list": st.lists(st.integers(0, 9), min_size=1, max_size=3),
}
PATHS = {"text": "user.text", "count": "user.more.count", "amount": "amount", "flag": "flag", "list": "list"}
NAMES = {"text": "user_text", "count": "user_more_count"}


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records with an id and a time, of which other fields may be null or absent, all of a field's values of one kind."""
    chosen = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, unique=True))
    lacking = {name: draw(st.sampled_from([None, ABSENT, "never"])) for name in chosen}
    found = []
    for number in range(draw(st.integers(1, 12))):
        one: dict[str, Any] = {"id": f"r{number}"}
        for name in chosen:
            lacks = lacking[name] != "never" and number and draw(st.booleans())
            one[name] = lacking[name] if lacks else draw(FIELDS[name])
        found.append(one)
    return found


def nested(record: dict[str, Any], when: int) -> dict[str, Any]:
    """The record as it is written: fields in fields by their paths; what is absent is not there."""
    told: dict[str, Any] = {"id": record["id"], "at": when}
    for name, value in record.items():
        if name == "id" or value is ABSENT:
            continue
        *above, last = PATHS[name].split(".")
        inner = told
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return told


def as_json(value: Any) -> str:
    """With the digits of decimals."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {as_json(one)}" for name, one in value.items()) + "}"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def jsonl(told: list[dict[str, Any]]) -> bytes:
    return "".join(as_json(one) + "\n" for one in told).encode()


def document(told: list[dict[str, Any]]) -> bytes:
    return f'{{"ok": true, "result": {{"rows": [{", ".join(map(as_json, told))}]}}}}'.encode()


def parquet(told: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    names = dict.fromkeys(name for one in told for name in one)
    types = {"amount": pa.decimal128(38, 10)}
    pq.write_table(pa.table({name: pa.array([one.get(name) for one in told], types.get(name)) for name in names}), file)
    return file.getvalue()


def expected(record: dict[str, Any], name: str) -> Any:
    value = None if record[name] is ABSENT else record[name]
    return json.dumps(value).replace(" ", "") if name == "list" and value else value


def same(found: Any, value: Any) -> bool:
    """Whether a value is kept: of a decimal, all its digits."""
    if found is None or value is None:
        return found is value
    if isinstance(value, Decimal):
        return Decimal(repr(found) if isinstance(found, float) else str(found)) == value
    if isinstance(value, bool):
        return bool(found == str(value).lower())
    return bool(found == value or (isinstance(found, str) and found.replace(" ", "") == value))


@pytest.mark.parametrize("written", [jsonl, document, parquet])
@given(told=records())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_draft_reads_what_its_sample_says(written: Any, told: list[dict[str, Any]]) -> None:
    times = [START + timedelta(seconds=number) for number in range(len(told))]
    content = written([nested(one, int(when.timestamp() * 1000)) for one, when in zip(told, times, strict=True)])
    with tempfile.TemporaryDirectory() as name:
        sample = Path(name, "sample")
        sample.write_bytes(content)
        text, *_ = decided("drafted", read_sample(sample, Choices()), Choices(key=["id"]))
        with declared("drafted", text, Path(name)) as source:
            rows = {row["id"]: row for row in read(source, content)}
    assert len(rows) == len(told)
    for one, when in zip(told, times, strict=True):
        row = rows[one["id"]]
        assert row["event_ts"] == when
        for field in set(one) - {"id"}:
            assert same(row.get(NAMES.get(field, field)), expected(one, field)), (field, row, one)


def read(source: Source, content: bytes) -> list[dict[str, Any]]:
    """What ingest makes of a file, all of it good."""
    seen = recognise(Content(content[:HEAD_BYTES], True, lambda: seekable(io.BytesIO(content))), source.layouts)
    assert seen.layout is not None, seen.problem
    found: list[dict[str, Any]] = []
    reader = reader_of(seen.written, seen.layout, keeps_extra=False)
    for parsed in reader.chunks(cast(Text, io.BytesIO(content))):
        assert parsed.table is not None
        assert not parsed.rejects
        raw = pl.DataFrame(pl.from_arrow(parsed.table)).with_columns(
            pl.lit("f").alias(FILE), pl.lit(START).alias(CATALOGUED)
        )
        rows, misfits = canonical(source, reader, raw)
        assert not misfits
        found += rows.to_dicts()
    return found
