"""Why a record is set aside: the raw column, what stands in it, what was expected, and what may have happened to it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.contracts.rules import rules_of
from cryptodudez_assets.lake.formats.csv.dialect import Dialect
from cryptodudez_assets.lake.formats.csv.spelling import CsvSpelling
from cryptodudez_assets.lake.formats.impossible import impossible_part
from cryptodudez_assets.lake.ingest.reasons import Wording
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets_tests.toy import GAUGES, LAYOUT

COINS = all_sources()["crypto_prices"]
HEADER = ("SNo", "Name", "Symbol", "Date", "High", "Low", "Open", "Close", "Volume", "Marketcap")
GOOD = dict(zip(HEADER, ["1", "Bitcoin", "BTC", "2021-01-01 23:59:59", "2", "1", "1", "2", "0", "0"], strict=True))
TIME = "expected a time such as 2021-12-31 23:59:59"


def coin(**changed: str) -> str:
    return ",".join((GOOD | changed).values())


def reason(raw: str, *rules: str, source: Source = COINS, header: Sequence[str] = HEADER) -> str:
    layout = source.layouts[0]
    return Wording(source, layout, CsvSpelling(Dialect("utf-8", ",", "\n", tuple(header)))).reason(raw, rules)


TIMES = {
    "1/01/17 23:59": "'1/01/17 23:59', {} (did a spreadsheet save it? Take the file as it was before)",
    "01.01.2017": "'01.01.2017', {} (did a spreadsheet save it? Take the file as it was before)",
    "44197.99999": "'44197.99999', {} (the day number of a spreadsheet?)",
    "1609545599": "'1609545599', {} (seconds or milliseconds since 1970?)",
    "1609545599000": "'1609545599000', {} (seconds or milliseconds since 1970?)",
    "2021-01-01 23:59:59 CET": "'2021-01-01 23:59:59 CET', {} (its time zone 'CET' cannot be read: expected none)",
    "2021-01-01 23:59:59+01": "'2021-01-01 23:59:59+01', {} (its time zone '+01' cannot be read: expected none)",
    "2021-01-01 23:59:59 Europe/Berlin": "'2021-01-01 23:59:59 Europe/Berlin', {} (its time zone 'Europe/Berlin' cannot",
    "2021-02-30 23:59:59": "'2021-02-30 23:59:59', {} (there is no such day: 2021-02-30)",
    "2021-02-28T24:00:00": "'2021-02-28T24:00:00', {} (there is no such hour: 24; midnight is 00:00:00 of the next day)",
    "0000-01-01 00:00:00": "'0000-01-01 00:00:00', {} (there is no such day or time)",
    "2021-01-01": "'2021-01-01', {} (its end is missing)",
    "yesterday": "'yesterday', {}",
    "": "empty, {}",
    "2021\x1b[2J": "'2021\\x1b[2J', {}",
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_that_cannot_be_read_is_shown_with_its_raw_column_and_the_form(text: str) -> None:
    told = reason(coin(Date=text), "event_ts:missing", "known_ts:missing")
    assert told.startswith(f"Date is {TIMES[text].format(TIME)}")
    assert told.count("Date is") == 1


HISTORIES = ("deposits", "withdrawals", "events", "user_levels")
IMPOSSIBLE = {
    "2026-02-30 10:00:00+00": "there is no such day: 2026-02-30",
    "2023-02-29T10:00:00.5Z": "there is no such day: 2023-02-29",
    "2024-04-31 10:00:00.123456-06:00": "there is no such day: 2024-04-31",
    "2024-04-00 10:00:00+00": "there is no such day: 2024-04-00",
    "2024-13-01 10:00:00+00": "there is no such month: 13",
    "2024-01-01 24:00:00+00": "there is no such hour: 24; midnight is 00:00:00 of the next day",
    "2024-01-01 25:00:00 UTC": "there is no such hour: 25",
    "2024-01-01 23:60:00+00": "there is no such minute: 60",
    "2024-01-01 23:59:61.5+00": "there is no such second: 61",
    "2024-01-01 10:00:00 CET": "its time zone 'CET' cannot be read: expected an offset such as +00:00",
    "2024-01-01 10:00:00": "its end is missing",
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_day_or_a_time_that_there_is_not_is_told_and_no_zone_is_blamed(name: str, text: str) -> None:
    source = all_sources()[name]
    header = [column for column in source.layouts[0].columns if column not in source.layouts[0].optional]
    row = ",".join(text if column == "event_timestamp" else "1" for column in header)
    told = reason(row, "event_ts:missing", source=source, header=header)
    assert told == (
        f"event_timestamp is '{text}', expected a time such as 2021-12-31 23:59:59 +00:00 ({IMPOSSIBLE[text]})"
    )


@pytest.mark.parametrize("name", [*HISTORIES, "users"])
def test_who_is_missing_is_told_once(name: str) -> None:
    source = all_sources()[name]
    header = [column for column in source.layouts[0].columns if column not in source.layouts[0].optional]
    row = ",".join("" if column == "user_id" else "1" for column in header)
    told = reason(row, "user_id:missing", "user_key:missing", source=source, header=header)
    assert told == "user_id is empty, expected text"


FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f%#z", "%d/%m/%Y %H:%M:%S", "%+", "%F %T", "%Y%m%dT%H%M%SZ"]


@pytest.mark.parametrize("format_", FORMATS)
@given(
    year=st.integers(1, 9999),
    month=st.integers(0, 14),
    day=st.integers(0, 33),
    hour=st.integers(0, 26),
    minute=st.integers(0, 62),
)
def test_of_any_format_what_python_refuses_is_told_and_nothing_else(
    format_: str, year: int, month: int, day: int, hour: int, minute: int
) -> None:
    text = format_.replace("%+", "%Y-%m-%dT%H:%M:%S%#z").replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    written = {"%Y": f"{year:04}", "%m": f"{month:02}", "%d": f"{day:02}", "%H": f"{hour:02}", "%M": f"{minute:02}"}
    for name, number in {**written, "%S": "59", "%.f": ".25", "%#z": "+00"}.items():
        text = text.replace(name, number)
    try:
        datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        assert impossible_part(text, format_)
    else:
        assert impossible_part(text, format_) is None


NUMBERS = {
    "1,234.5": "(without thousands separators, and with a point before decimals)",
    "2,5": "(without thousands separators, and with a point before decimals)",
    "1 234": "(without thousands separators, and with a point before decimals)",
    "$5": "(without a unit or sign)",
    "5%": "(without a unit or sign)",
    "5 USD": "(without a unit or sign)",
    "N/A": "(leave it empty where there is no value)",
    "null": "(leave it empty where there is no value)",
    "five": "",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_that_cannot_be_read_is_shown_with_its_raw_column_and_the_form(text: str) -> None:
    told = reason(coin(High=f'"{text}"'), "High:type")
    assert told == f"High is '{text}', expected a number such as 1234.5 {NUMBERS[text]}".rstrip()


@pytest.mark.parametrize(
    ("rule", "changed", "told"),
    [
        ("close:greater_than", {"Close": "-2"}, "Close is '-2', expected more than 0"),
        ("open:greater_than_or_equal_to", {"Open": "-1"}, "Open is '-1', expected at least 0"),
        ("close:not_finite", {"Close": "inf"}, "Close is 'inf', expected a finite number"),
        ("symbol:str_length", {"Symbol": "B" * 21}, f"Symbol is '{'B' * 21}', expected 1 to 20 characters"),
        ("symbol:missing", {"Symbol": ""}, "Symbol is empty, expected text"),
        ("symbol:missing", {"Symbol": "\u200b"}, "Symbol is '\\u200b', expected text"),
        ("event_ts:in_range", {"Date": "1021-01-01 23:59:59"}, "expected something from 1700-01-01 to 2200-01-01"),
        ("event_ts:close_of_the_utc_day", {}, "expected close of the utc day (23:59:59)"),
        ("event_ts:leap_second", {"Date": "2021-01-01 23:59:60"}, "with the second 60, which no time here can have"),
        ("High:underflow", {"High": "1e-999"}, "High is '1e-999', so close to zero that only zero could be kept"),
        (
            "high_below_low",
            {"High": "1", "Low": "2"},
            "High is '1' and Low is '2': A candle's high is at least its low",
        ),
        ("Name:encoding", {"Name": r"caf\xe9"}, r"Name is 'caf\xe9', which is no UTF-8: save the file as UTF-8"),
        ("record:binary", {"Name": "a\0b"}, r"Name is 'a\x00b', with a NUL character, which no text has: delete it"),
    ],
)
def test_a_value_that_breaks_a_rule_is_shown_with_its_raw_column_and_what_was_asked(
    rule: str, changed: dict[str, str], told: str
) -> None:
    found = reason(coin(**changed), rule)
    assert told in found
    assert all(found.startswith(f"{name} is ") for name in list(changed)[:1])


@pytest.mark.parametrize(
    ("rule", "raw", "told"),
    [
        ("too_few_fields", "1,B", "the line '1,B' has 2 fields, expected 10 as in the header: is a delimiter (',') missing"),
        ("too_many_fields", coin(Name="a,b"), "has 11 fields, expected 10 as in the header: a text with ',' in it must"),
        ("unclosed_quote", '1,"B', "a quote is opened and not closed in the line '1,\"B'"),
        ("stray_quote", '1,"B"x,', "a quote stands in the middle of a field in the line '1,\"B\"x,': put the field in"),
        ("stray_carriage_return", "1\r2", r"a carriage return stands alone in the line '1\r2'"),
        ("too_long", "1" * 200, "the line is longer than 1,048,576 bytes, it begins with '1111"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_record_itself_is_shown_with_its_line(rule: str, raw: str, told: str) -> None:
    assert told in reason(raw, f"record:{rule}")


def test_a_time_in_several_columns_is_shown_with_all_of_them() -> None:
    tweets = all_sources()["elon_tweets"]
    header = tuple(tweets.layouts[0].columns)
    row = dict.fromkeys(header, "1") | {"date": "2021-01-01 10:00:00", "timezone": "EST"}
    told = reason(",".join(row.values()), "event_ts:missing", source=tweets, header=header)
    assert told.startswith(
        "date is '2021-01-01 10:00:00' and timezone is 'EST', expected a time such as 2021-12-31 23:59:59 +"
    )
    assert told.endswith("(its time zone 'EST' cannot be read: expected an offset such as +00:00)")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_is_repeated_is_known(mark: str) -> None:
    assert reason(mark + ",".join(HEADER), "High:type", "Low:type") == "the header is repeated here: delete the line"


def test_the_form_of_a_day_that_is_read_as_one_is_shown() -> None:
    days = replace(
        LAYOUT, columns={**LAYOUT.columns, "at": pl.Date}, canonical={**LAYOUT.canonical, "event_ts": pl.col("at")}
    )
    dated = replace(GAUGES, layouts=[days])
    told = reason("a,1/2/2021,1,1,x", "at:type", source=dated, header=tuple(LAYOUT.columns))
    assert told.startswith("at is '1/2/2021', expected a date such as 2021-12-31 (did a spreadsheet save it?")
    told = reason("a,,1,1,x", "event_ts:missing", source=dated, header=tuple(LAYOUT.columns))
    assert told == "at is empty, expected a time such as 2021-12-31"


@pytest.mark.parametrize("source", all_sources().values(), ids=lambda one: one.name)
def test_every_rule_of_every_source_has_words(source: Source) -> None:
    for layout in source.layouts:
        rules = [name for name, _ in rules_of(source.contract)]
        rules += [f"{name}:{kind}" for name in layout.columns for kind in ("type", "underflow", "encoding")]
        for rule in rules:
            told = reason(
                ",".join("?" for _ in layout.columns),
                rule,
                source=replace(source, layouts=[layout]),
                header=[*layout.columns],
            )
            assert " is '?'" in told or rule.partition(":")[0] in told
            assert told.strip(" :,") == told
