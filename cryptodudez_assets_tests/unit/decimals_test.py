"""Decimals as they are written: every digit is kept, or the record is set aside; in every format, by both ways of reading."""

import io
from collections.abc import Sequence
from decimal import Decimal, localcontext
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.csv.chunks import CHUNK_BYTES, chunks
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.formats.json.records import Found, RecordReader
from cryptodudez_assets.lake.formats.parquet.values import fitted
from cryptodudez_assets.sources.declaration import Layout

LAYOUT = Layout("amounts", {"id": pl.Int64, "amount": pl.Decimal}, {})
DIALECT = Dialect("utf-8", ",", "\n", ("id", "amount"))
STEP, BOUND = Decimal(1).scaleb(-18), Decimal(10) ** 20

digits = st.text("0123456789", max_size=24)
numbers = st.builds(
    lambda sign, whole, point, behind, exponent: f"{sign}{whole}{point}{behind}{exponent}",
    st.sampled_from(["", "", "-", "+"]),
    digits,
    st.sampled_from(["", ".", "."]),
    digits,
    st.one_of(
        st.just(""),
        st.just(""),
        st.builds(lambda e, n: f"{e}{n}", st.sampled_from("eE"), st.integers(-45, 45)),
    ),
)
odd = st.sampled_from(
    ["NaN", "inf", "-Infinity", "0x10", "1_000", "1,5", "1e", "1e999999999999", "--1", "٣", "1 000", "-"]
)


def meant(text: str) -> Decimal | None:
    """What a text means, exactly; None where it is no number, or none that can be kept."""
    if not text.isascii() or "_" in text:
        return None
    with localcontext() as context:
        context.prec = 200
        try:
            value = Decimal(text)
            fits = value.is_finite() and abs(value) < BOUND and value == value.quantize(STEP)
        except ArithmeticError:
            return None
    return value if fits else None


def by_csv(texts: Sequence[str], *, careful: bool = False) -> list[Decimal | None]:
    text = "".join(f'{number},"{one}"\n' for number, one in enumerate(texts)).encode()
    (chunk,) = chunks(io.BytesIO(b"id,amount\n" + text), DIALECT, CHUNK_BYTES)
    reader = ChunkReader(DIALECT, LAYOUT, careful_bytes=1 << 30 if careful else 64)
    parsed = reader.read(chunk, 1)
    assert parsed.table is not None
    found = dict(zip(parsed.table["id"].to_pylist(), parsed.table["amount"].to_pylist(), strict=True))
    assert {rule for one in parsed.rejects for rule in one.rules} <= {"amount:type"}
    assert len(found) + len(parsed.rejects) == len(texts)
    return [found.get(number) for number in range(len(texts))]


def by_json(texts: Sequence[str]) -> list[Decimal | None]:
    records = [Found(f'{{"id":{number},"amount":"{one}"}}', number) for number, one in enumerate(texts)]
    table = RecordReader(LAYOUT, False, {}).read(records, 1).table
    found = dict(zip(table["id"].to_pylist(), table["amount"].to_pylist(), strict=True))
    return [found.get(number) for number in range(len(texts))]


def by_parquet(texts: Sequence[str]) -> list[Decimal | None]:
    made, failed = fitted(pa.array(texts, pa.string()), pl.Decimal)
    values: list[Decimal | None] = made.to_pylist()
    assert [values[at] for at, _ in failed] == [None] * len(failed)
    return values


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(numbers, numbers, odd), min_size=1, max_size=12))
@example(["6800000000000.000000000000000001", "1.00E-05", "9.99e-05", "-10.000000000000000000"])
@example(["100000000000000000000"])  # 10^20, of which 128 bits would hold the digits
@example(["170141183460469231731.5", "99999999999999999999.999999999999999999"])
@example(["1.0000000000000000000000000000000000000000", "0.0000000000000000001", "1e-18", "1e-19", "0e-400", "1e19"])
def test_a_decimal_is_what_is_written_or_set_aside(texts: list[str]) -> None:
    texts = [text for text in texts if text]  # nothing is no number, and not wrong
    expected = [meant(text) for text in texts]
    if texts:
        assert by_csv(texts) == expected
        assert by_csv(texts, careful=True) == expected
        assert by_json(texts) == expected
        assert by_parquet(texts) == expected


def test_numbers_of_json_have_the_digits_that_are_written() -> None:
    texts = ["6800000000000.000000000000000001", "1.00E-5", "-10.000000000000000000", "1e20", "0.1"]
    records = [Found(f'{{"id":{number},"amount":{one}}}', number) for number, one in enumerate(texts)]
    read = RecordReader(LAYOUT, True, {}).read(records, 1)
    assert read.table["amount"].to_pylist() == [Decimal(one) for one in texts if one != "1e20"]
    assert [(one.file_row, one.rules) for one in read.rejects] == [(4, ("amount:type",))]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, -5, None], pa.int64()), ["1", "-5", None]),
        (pa.array([2**63 - 1, -(2**63)], pa.int64()), [str(2**63 - 1), str(-(2**63))]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (
            pa.array([0.1, 1e-5, 1e20, float("nan"), 6.8e12], pa.float64()),
            ["0.1", "0.00001", None, None, "6800000000000"],
        ),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([Decimal("1.5"), Decimal("-0.01")], pa.decimal128(10, 2)), ["1.5", "-0.01"]),
        (pa.array([Decimal("1e-19"), Decimal("1.5")], pa.decimal128(38, 19)), [None, "1.5"]),
        (pa.array([Decimal(10) ** 20, Decimal(10) ** 19], pa.decimal128(38, 0)), [None, "1e19"]),
        (pa.array([Decimal(10) ** 40, Decimal("0.5")], pa.decimal256(76, 20)), [None, "0.5"]),
        (pa.array([True, False]), [None, None]),
        (pa.array([b"1.5", b"x"], pa.binary()), ["1.5", None]),
    ],
    ids=lambda one: str(one.type) if isinstance(one, pa.Array) else "",
)
def test_of_parquet_what_loses_nothing_is_taken(values: pa.Array, expected: list[str | None], tmp_path: Path) -> None:
    pq.write_table(pa.table({"amount": values}), tmp_path / "a.parquet")
    stored = pq.read_table(tmp_path / "a.parquet")["amount"].combine_chunks()
    made, _ = fitted(stored, pl.Decimal)
    assert made.to_pylist() == [None if one is None else Decimal(one) for one in expected]
