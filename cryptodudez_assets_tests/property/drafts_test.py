"""A draft reads what its sample holds, whatever divides, encodes and names it; or it asks, and reads it so when answered."""

import csv
import gzip
import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.drafting.choices import Choices, Undecided
from cryptodudez_assets.drafting.draft import decided
from cryptodudez_assets.drafting.sample import Sample, read_sample
from cryptodudez_assets.drafting.trial import declared
from cryptodudez_assets.lake.formats.csv.chunks import chunks
from cryptodudez_assets.lake.formats.csv.dialect import recognise
from cryptodudez_assets.lake.formats.csv.parse import ChunkReader
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.lake.ingest.validating import FILE, canonical
from cryptodudez_assets.sources.declaration import CATALOGUED, Source

LANDED = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = {"day-first": "{d}{m}{y}", "month-first": "{m}{d}{y}", "": "{y}{m}{d}"}
TIMES = ["ts", "Date", " Time ", "opened at", "когда", "TS (UTC)"]
HEADERS = [
    *("symbol", "Symbol Name", "class", "pl", "pa", "schema", "validate", "Config", "event_ts", "file_id", "extra", "float"),
    *("価格", 'say "hi"', "a,b", "c;d", "e|f", "1st", "%", "%%", "Open-Price", "OpenPrice", "Open Price", "-", "'", "\\", "{x}"),
]  # fmt: skip
TEXTS = [
    "ETH",
    "bitcoin",
    "a,b;c|d",
    'say "hi"',
    "two\nlines",
    " padded ",
    "été",
    "null",
    "007",
    "12 apples",
    "'",
    "\\",
    "{x}",
]
NUMBERS = {"whole": "{:.0f}", "point": "{:.2f}", "comma": "{:.2f}", "exponent": "{:.3e}"}


@dataclass(frozen=True)
class Written:
    """A file, and the truth about it."""

    content: bytes
    headers: tuple[str, str, str]
    times: list[datetime]
    texts: list[str]
    numbers: list[float | None]
    order: str
    is_open: bool
    """Whether days and months can be taken for each other in every record."""
    suffix: str = ".csv"


@st.composite
def files(draw: st.DrawFn) -> Written:
    delimiter = draw(st.sampled_from(",;\t|"))
    order, mark = draw(st.sampled_from(sorted(ORDERS))), draw(st.sampled_from("-/."))
    padded, clock, zone = draw(st.booleans()), draw(st.sampled_from(["", " %H:%M", " %H:%M:%S", "T%H:%M:%S"])), ""
    if clock:
        zone = draw(st.sampled_from(["", "Z", "+00", "+02:00", "-0330", " UTC"]))
    days = st.datetimes(datetime(2001, 1, 1), datetime(2024, 12, 31)).map(
        lambda day: day.replace(second=0, microsecond=0)
    )
    if not clock:
        days = days.map(lambda day: day.replace(hour=0, minute=0))
    times = draw(st.lists(days, min_size=1, max_size=12, unique=True))
    texts = draw(st.lists(st.sampled_from(TEXTS), min_size=len(times), max_size=len(times)))
    kinds = sorted(NUMBERS) if delimiter != "," else sorted(set(NUMBERS) - {"comma"})
    kind = draw(st.sampled_from(kinds))
    values = draw(st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=len(times), max_size=len(times)))
    numbers = ["" if value is None else NUMBERS[kind].format(value) for value in values]
    headers = (
        draw(st.sampled_from(TIMES)),
        *draw(st.lists(st.sampled_from(HEADERS), min_size=2, max_size=2, unique=True)),
    )
    text = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(
        text, delimiter=delimiter, quoting=quoting, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))
    )
    writer.writerow(headers)
    for when, name, number in zip(times, texts, numbers, strict=True):
        told = number.replace(".", ",") if kind == "comma" else number
        writer.writerow([_day(when, order, mark, padded=padded) + when.strftime(clock) + zone, name, told])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    content, suffix = _packed(text.getvalue().encode(encoding), draw(st.sampled_from([".csv", ".csv.gz", ".zip"])))
    is_open = order != "" and all(when.day <= 12 for when in times)
    in_utc = [when.replace(tzinfo=UTC) - _offset(zone) for when in times]
    return Written(
        content, headers, in_utc, texts, [float(one) if one else None for one in numbers], order, is_open, suffix
    )


def _day(when: datetime, order: str, mark: str, *, padded: bool) -> str:
    day, month = (f"{when.day:02}", f"{when.month:02}") if padded else (str(when.day), str(when.month))
    return mark.join(ORDERS[order].replace("}{", "} {").format(d=day, m=month, y=when.year).split())


def _offset(zone: str) -> timedelta:
    return {"+02:00": timedelta(hours=2), "-0330": -timedelta(hours=3, minutes=30)}.get(zone, timedelta(0))


def _packed(content: bytes, suffix: str) -> tuple[bytes, str]:
    if suffix.endswith(".gz"):
        return gzip.compress(content), suffix
    if suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("sample.csv", content)
        return packed.getvalue(), suffix
    return content, suffix


@pytest.mark.slow
@given(written=files())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_draft_reads_what_is_written_or_asks_what_is_open(written: Written, tmp_path: Path) -> None:
    path = tmp_path / f"sample{written.suffix}"
    path.write_bytes(written.content)
    sample = read_sample(path, Choices())
    question = _asked(sample)
    assert bool(question) == written.is_open, question
    assert not question or f"--dates {written.order}" in question
    text, time, *_ = decided("drafted", sample, Choices(dates=written.order or None))
    assert time is not None
    with declared("drafted", text, tmp_path) as source:
        rows = _read(source, sample.content)
    texts, numbers, *_ = source.layouts[0].canonical
    stripped = any(one != one.strip() for one in written.texts)
    assert rows["event_ts"].to_list() == written.times
    assert rows[texts].to_list() == [one.strip() if stripped else one for one in written.texts]
    assert rows[numbers].to_list() == written.numbers


def _asked(sample: Sample) -> str:
    try:
        decided("drafted", sample, Choices())
    except Undecided as question:
        return str(question)
    return ""


def _read(source: Source, text: bytes) -> pl.DataFrame:
    """What ingest makes of a file."""
    seen = recognise(text[:HEAD_BYTES], source.layouts)
    assert seen.layout is not None
    assert seen.problem is None
    (chunk,) = chunks(io.BytesIO(text), seen.dialect)
    parsed = ChunkReader(seen.dialect, seen.layout).read(chunk, 1)
    assert parsed.table is not None
    assert not parsed.rejects
    raw = pl.DataFrame(pl.from_arrow(parsed.table)).with_columns(
        pl.lit("f").alias(FILE), pl.lit(LANDED).alias(CATALOGUED)
    )
    rows, misfits = canonical(source, parsed.reader, raw)
    assert not misfits
    return rows
