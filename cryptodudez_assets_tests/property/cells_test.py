"""No value becomes another without a word: odd times, numbers, empty texts and keys, for every source that ships and for a draft."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.drafting.draft import draft
from cryptodudez_assets.sources import Layout, Source, all_sources
from cryptodudez_assets_tests.in_memory import Fate, fates
from cryptodudez_assets_tests.toy import GAUGES, LAYOUT

Record = Mapping[str, str]

SHIPPED = all_sources()
LAYOUTS = {layout.name: (source, layout) for source in SHIPPED.values() for layout in source.layouts}


def drafted(name: str, sample: str, folder: Path) -> Source:
    """The source that `new-source` drafts from a sample."""
    (folder / "sample.csv").write_text(sample)
    module = module_from_spec(spec_from_loader(name, loader=None))  # type: ignore[arg-type]
    module.__file__ = str(folder / f"{name}.py")
    text = draft(name, folder / "sample.csv").text
    (folder / f"{name}.py").write_text(text)
    exec(compile(text, module.__file__, "exec"), module.__dict__)  # noqa: S102
    source: Source = module.SOURCE
    return source


# --- times ---

parts = st.tuples(
    *(st.sampled_from([1960, 2016, 2020]), st.integers(0, 13), st.integers(0, 32)),
    *(st.sampled_from([0, 12, 23, 24]), st.sampled_from([0, 59, 60]), st.sampled_from([0, 59, 59, 60, 60, 61])),
)
Parts = tuple[int, int, int, int, int, int]
Written = Callable[[Parts], Record]


def one_column(name: str, form: str, offset: str = "") -> Written:
    return lambda when: {name: form.format(*when) + offset}


ISO, DAY, CLOCK = "{:04}-{:02}-{:02} {:02}:{:02}:{:02}", "{:04}-{:02}-{:02}", "{3:02}:{4:02}:{5:02}"
WRITTEN: dict[str, Written] = {
    "coin_csv": one_column("Date", ISO),
    "utc_39": one_column("date", ISO),
    "arabian_36": lambda when: {"date": DAY.format(*when), "time": CLOCK.format(*when)},
    "symbol_csv": one_column("Date", DAY),
    "all_tickers_csv": one_column("date", DAY),
    **{name: one_column("event_timestamp", ISO, "+00") for name in ("deposit", "withdrawal", "event", "user_level")},
}
OFFSET = {"arabian_36": timezone(timedelta(hours=4))}


def as_written(layout: str, when: Parts) -> datetime | None:
    """What Python makes of it, which knows no second 60."""
    try:
        return datetime(*when, tzinfo=OFFSET.get(layout, UTC)).astimezone(UTC)
    except ValueError:
        return None


@pytest.mark.parametrize("layout", WRITTEN)
@given(times=st.lists(parts, min_size=1, max_size=4))
@example([(2016, 12, 31, 23, 59, 60)])
@example([(1960, 12, 31, 23, 59, 60), (1960, 12, 31, 0, 0, 0)])
@settings(max_examples=40, deadline=None)
def test_a_time_is_read_as_it_is_written_or_its_row_is_set_aside(layout: str, times: list[Parts]) -> None:
    source, declared = LAYOUTS[layout]
    for when, fate in zip(times, fates(source, declared, [WRITTEN[layout](when) for when in times]), strict=True):
        day_only = "date" in source.key
        expected = as_written(layout, (*when[:3], 0, 0, 0) if day_only else when)
        if isinstance(fate, list):
            assert any(re.match("event_ts|date:|Date:", rule) for rule in fate)
            assert expected is None or layout == "coin_csv", "coins have but the close of their day"
        else:
            assert expected is not None
            assert fate["date" if day_only else "event_ts"] == (expected.date() if day_only else expected)


@pytest.mark.parametrize("form", [ISO, ISO.replace(" ", "T"), ISO.replace(" ", "T") + "Z", ISO + "+02:00", ISO + ".5"])
def test_a_draft_does_not_make_a_leap_second_the_next_minute(form: str, tmp_path: Path) -> None:
    first, leap = (form.format(*when) for when in ((2020, 1, 2, 3, 4, 5), (2016, 12, 31, 23, 59, 60)))
    source = drafted("prix", f"ts,price\n{first},1\n", tmp_path)
    good, bad = fates(source, source.layouts[0], [{"ts": first, "price": "1"}, {"ts": leap, "price": "1"}])
    assert isinstance(good, dict)
    assert bad == ["event_ts:leap_second"]


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%Y %H.%M.%S",
        "%Y%m%d%H%M%S",
        "%Hh%Mm%S %Y-%m-%d",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%d/%m/%y %H:%M:%S",
        "%Y-%m-%d %H:%M:%S%z",
        "%Y%m%d%H%M%S%3f",
        "%Y%m%d %H%M%S%6f",
        "%Y%j%H%M%S",
        "%H%M%S%d%m%Y",
    ],
)
@given(minute=st.datetimes(datetime(1971, 1, 1), datetime(2059, 1, 1)), fraction=st.sampled_from(["", ".60", ".5"]))
@settings(max_examples=25, deadline=None)
def test_a_leap_second_is_set_aside_however_times_are_written(form: str, minute: datetime, fraction: str) -> None:
    when = pl.col("at").str.to_datetime(form, time_unit="us", strict=False)
    zoned = when if "%z" in form else when.dt.replace_time_zone("UTC")
    layout = Layout("odd", LAYOUT.columns, {**LAYOUT.canonical, "event_ts": zoned})
    exact = minute.replace(second=59, microsecond=0, tzinfo=UTC)
    shown = form.replace("%.f", fraction).replace("%3f", "000").replace("%6f", "000000")
    written = exact.strftime(shown)
    leap = exact.strftime(shown.replace("%S", "60"))
    full = exact.replace(second=0).strftime(shown)
    found = fates(GAUGES, layout, [{"name": "g", "at": at} for at in (written, leap, full)])
    assert isinstance(found[0], dict)
    assert found[1] == ["event_ts:leap_second"]
    assert isinstance(found[2], dict)


@given(at=st.datetimes(datetime(1971, 1, 1), datetime(2059, 1, 1)))
@example(datetime(2020, 7, 27, 18, 11))  # 1595873460
@settings(max_examples=50, deadline=None)
def test_seconds_since_1970_that_end_in_sixty_are_times(at: datetime) -> None:
    minute = at.replace(second=0, microsecond=0, tzinfo=UTC)
    seconds = pl.from_epoch(pl.col("at").cast(pl.Int64), time_unit="s").dt.replace_time_zone("UTC")
    layout = Layout("odd", LAYOUT.columns, {**LAYOUT.canonical, "event_ts": seconds.cast(pl.Datetime("us", "UTC"))})
    (found,) = fates(GAUGES, layout, [{"name": "g", "at": str(int(minute.timestamp()))}])
    assert isinstance(found, dict)
    assert found["event_ts"] == minute


# --- numbers ---


def test_a_number_that_an_expression_reads_as_zero_is_not_zero() -> None:
    value = pl.col("name").cast(pl.Float64, strict=False)
    layout = Layout("odd", LAYOUT.columns, {**LAYOUT.canonical, "value": value})
    written = ["1e-400", "-1e-9999", "0", "0e-400", "1e-3"]
    found = fates(GAUGES, layout, [{"name": text, "at": f"2020-01-01 00:00:0{n}"} for n, text in enumerate(written)])
    assert [one if isinstance(one, list) else one["value"] for one in found] == [*[["value:underflow"]] * 2, 0, 0, 1e-3]


digits = st.text("0123456789", min_size=1, max_size=4)
zeros = st.sampled_from(["", "0", "0" * 30, "0" * 330])
exponents = st.sampled_from(["", "e5", "e-5", "E-99", "e-310", "e-323", "e-324", "e-400", "E-0400", "e+400", "e-99999"])
numbers = st.tuples(st.sampled_from(["", "-"]), digits, st.sampled_from(["", "."]), zeros, digits, exponents).map(
    "".join
)


@given(written=st.lists(numbers, min_size=1, max_size=6))
@example(["1e-400", "0", "0e-400", "-0.0", "1e400"])
@example(["0." + "0" * 330 + "1", "0." + "0" * 330])
@settings(max_examples=100, deadline=None)
def test_no_number_but_zero_becomes_zero(written: list[str]) -> None:
    records = [{"name": "g", "at": f"2020-01-01 00:00:{at:02}", "value": text} for at, text in enumerate(written)]
    found = fates(GAUGES, LAYOUT, records)
    assert repr(found) == repr(fates(GAUGES, LAYOUT, records, careful=True))
    for text, fate in zip(written, found, strict=True):
        is_zero = not re.search("[1-9]", text.lower().partition("e")[0])
        if isinstance(fate, dict):
            assert (fate["value"] == 0) == is_zero
            assert fate["value"] == float(text)
        else:
            assert not is_zero
            assert set(fate) <= {"value:underflow", "value:not_finite", "value:less_than_or_equal_to"}
            assert (fate == ["value:underflow"]) == (float(text) == 0)


@pytest.mark.parametrize("layout", ["coin_csv", "symbol_csv", "all_tickers_csv"])
@pytest.mark.parametrize("text", ["1e-400", "-1e-400", "1e400", "0." + "0" * 400 + "7"])
def test_a_number_that_no_column_holds_is_not_taken_for_unrecorded(layout: str, text: str) -> None:
    source, declared = LAYOUTS[layout]
    numeric = [name for name, dtype in declared.columns.items() if dtype is not pl.String and dtype is not pl.Date]
    for name in numeric:
        for careful in (False, True):
            (fate,) = fates(source, declared, [{name: text}], careful=careful)
            assert isinstance(fate, list), f"{name} became {fate}"


@given(number=st.integers(-(2**70), 2**70), raw=st.sampled_from([pl.Float64, pl.Int64, pl.String]))
@example(number=2**53 + 1, raw=pl.Float64)
@example(number=2**63 - 1, raw=pl.Float64)
@settings(max_examples=100, deadline=None)
def test_whole_numbers_keep_every_digit(number: int, raw: type[pl.DataType]) -> None:
    layout = Layout("typed", {**LAYOUT.columns, "count": raw}, LAYOUT.canonical)
    for careful in (False, True):
        (fate,) = fates(
            GAUGES, layout, [{"name": "g", "at": "2020-01-01 00:00:00", "count": str(number)}], careful=careful
        )
        assert isinstance(fate, list) or fate["count"] == number


@given(number=st.integers(-(2**63), 2**63 - 1))
@example(2**53 + 1)
@example(2**63 - 1)
@settings(max_examples=50, deadline=None)
def test_a_whole_number_that_is_no_float_is_not_rounded(number: int) -> None:
    layout = Layout("typed", {**LAYOUT.columns, "value": pl.Int64}, LAYOUT.canonical)
    (fate,) = fates(GAUGES, layout, [{"name": "g", "at": "2020-01-01 00:00:00", "value": str(number)}])
    assert isinstance(fate, list) or Fraction(fate["value"]) == number


# --- keys ---

# Formats that have a shape: Arabic and Egyptian signs around numbers and names.
shaped = "".join(
    map(chr, [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13460)])
)
of_unicode = st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"], exclude_characters="\0\r" + shaped)
unseen = st.text(st.sampled_from("\u00a0\ufeff\u200b\t \ufe0f") | of_unicode, max_size=3)
names = st.sampled_from(["BM", "NAN", "TRUE", "B\u00a0M", "x y", "Ж", "A$"])


@pytest.mark.parametrize(
    ("layout", "column"), [("coin_csv", "Symbol"), ("all_tickers_csv", "symbol"), ("symbols_valid_meta", "Symbol")]
)
@given(before=unseen, name=names, after=unseen)
@settings(max_examples=50, deadline=None)
def test_what_nobody_sees_around_a_key_makes_no_other_key(
    layout: str, column: str, before: str, name: str, after: str
) -> None:
    source, declared = LAYOUTS[layout]
    first, second = fates(source, declared, [{column: before + name + after}, {column: name}])
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["symbol"] == second["symbol"] == name


@given(text=unseen)
@settings(max_examples=30, deadline=None)
def test_a_key_of_which_nothing_is_seen_is_missing(text: str) -> None:
    assert fates(*LAYOUTS["coin_csv"], [{"Symbol": text}]) == [["symbol:missing"]]


# --- empty text ---


def rows_of(found: list[Fate]) -> list[dict[str, Any]]:
    assert all(isinstance(fate, dict) for fate in found), found
    return [fate for fate in found if isinstance(fate, dict)]


@pytest.mark.parametrize("layout", ["utc_39", "arabian_36"])
@pytest.mark.parametrize("careful", [False, True])
def test_a_tweet_with_an_empty_text_is_kept(layout: str, careful: bool) -> None:
    found = rows_of(fates(*LAYOUTS[layout], [{"tweet": "", "language": ""}, {"tweet": "NULL"}, {}], careful=careful))
    assert [row["text"] for row in found] == ["", "NULL", "so it goes"]
    assert [row["language"] for row in found] == [None] * 3


class Notes(TableContract):
    """Made up for tests."""

    plain: str = pa.Field(description="May be empty.")
    stripped: str = pa.Field(description="May be empty.")
    mapped: str = pa.Field(description="Made by a mapping that does not know the empty text.")
    nullable: str = pa.Field(description="Null where it is empty.", nullable=True)
    long: str = pa.Field(description="May not be empty.", str_length={"min_value": 1})
    known: str = pa.Field(description="May not be empty.", isin=["a"])


TOLD = {
    **{name: pl.col(name) for name in ("plain", "nullable", "long", "known")},
    "stripped": pl.col("stripped").str.strip_chars(),
    "mapped": pl.col("mapped").replace_strict({"a": "b"}),
    "event_ts": pl.lit(datetime(2020, 1, 1, tzinfo=UTC), pl.Datetime("us", "UTC")),
}
NOTED = Layout("notes", dict.fromkeys(list(TOLD)[:-1], pl.String), TOLD)
NOTES = Source("notes", "Notes.", "team:tests", "lab.notes", Notes, [NOTED], ["event_ts"])


@pytest.mark.parametrize("careful", [False, True])
def test_which_texts_may_be_empty_is_as_the_contract_says(careful: bool) -> None:
    full = dict.fromkeys(NOTED.columns, "a")
    empty = [full, *(full | {name: ""} for name in ("plain", "stripped", "nullable", "mapped", "long", "known"))]
    whole, plain, stripped, nullable, *refused = fates(NOTES, NOTED, empty, careful=careful)
    assert [row["plain"] for row in rows_of([whole, plain])] == ["a", ""]
    assert [row["stripped"] for row in rows_of([whole, stripped])] == ["a", ""]
    assert [row["nullable"] for row in rows_of([whole, nullable])] == ["a", None]
    assert refused == [["mapped:missing"], ["long:missing"], ["known:missing"]]


@pytest.mark.parametrize(
    ("layout", "column", "rule"),
    [
        ("utc_39", "username", "author"),
        ("coin_csv", "Symbol", "symbol"),
        ("coin_csv", "Name", "name"),
        ("utc_39", "reply_to", "is_reply"),
    ],
)
def test_what_must_say_something_may_not_be_empty(layout: str, column: str, rule: str) -> None:
    assert fates(*LAYOUTS[layout], [{column: ""}]) == [[f"{rule}:missing"]]
