"""`new-source` on samples from outside: what it writes reads the sample, and what it cannot know it asks for and writes nothing."""

import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets import sources
from cryptodudez_assets.cli import main
from cryptodudez_assets.drafting.choices import Choices, Undecided, Unusable
from cryptodudez_assets.drafting.draft import Draft, draft
from cryptodudez_assets.drafting.trial import declared
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets_tests.toy import load, table

Drop = Callable[[str, str, bytes], Path]
Make = Callable[..., Draft]
DAYS = range(1, 29)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Draft a source from a text."""

    def drafted(text: str | bytes, **choices: Any) -> Draft:
        sample = tmp_path / "sample.csv"
        sample.write_bytes(text if isinstance(text, bytes) else text.encode())
        return draft("prix", sample, Choices(**choices))

    return drafted


@pytest.fixture
def landed(make: Make, lake: Lake, drop: Drop, tmp_path: Path) -> Callable[..., tuple[list[dict[str, Any]], Any]]:
    """Draft a source from a text, land the text, and return the table's rows and the counts."""

    def bring(text: str | bytes, **choices: Any) -> tuple[list[dict[str, Any]], Any]:
        made = make(text, **choices)
        drop("prix", "sample.csv", text if isinstance(text, bytes) else text.encode())
        with declared("prix", made.text, tmp_path) as source:
            load(lake, source)
            assert unbalanced_files(lake, source).is_empty()
            rows = table(lake, source).sort(source.key).drop("file_id", "file_row", "known_ts")
            return rows.to_dicts(), status_of(lake, "prix")

    return bring


def at(day: int, month: int = 1, hour: int = 0) -> datetime:
    return datetime(2021, month, day, hour, tzinfo=UTC)


US = "date,symbol,open\n" + "".join(f"{month:02}/{day:02}/2021,ETH,1\n" for month in (1, 2, 3) for day in DAYS)
PAIRS = "ts,exchange,pair,price\n" + "".join(
    f"2021-01-{day:02},{exchange},{pair},{day}\n"
    for day in DAYS
    for exchange, pair in (("a", "x"), ("a", "y"), ("b", "x"))
)
YAHOO = (
    "Date,Open,Volume\n"
    + "".join(f"2021-01-{day:02},1.5,{day}\n" for day in DAYS)
    + "2021-01-29,null,null\n2021-01-30,2.5,3\n"
)


class TestWhatComesOutRight:
    def test_several_rows_at_a_time_are_told_apart_by_the_fewest_names(self, landed):
        rows, counts = landed(PAIRS)
        assert (counts.valid, counts.duplicate) == (84, 0)
        assert rows[0] == {"exchange": "a", "pair": "x", "price": 1.0, "event_ts": at(1)}

    def test_days_over_twelve_tell_the_order(self, landed):
        rows, counts = landed(US)
        assert counts.valid == 84
        assert (rows[0]["event_ts"], rows[-1]["event_ts"]) == (at(1), at(28, 3))

    def test_blanks_around_names_and_values_are_no_part_of_them(self, landed):
        rows, _ = landed("date, symbol, open\n2021-01-01, ETH, 1\n2021-01-02, ETH, 2\n")
        assert rows[1] == {"symbol": "ETH", "open": 2.0, "event_ts": at(2)}

    def test_a_column_without_values_sets_nothing_aside(self, landed):
        rows, counts = landed('date,note,n\n2021-01-01,"",1')
        assert rows == [{"note": None, "n": 1, "event_ts": at(1)}]
        assert counts.quarantined == 0

    def test_a_time_of_day_belongs_to_the_day_beside_it(self, landed):
        rows, _ = landed("time,date,price\n12:00:00,2021-01-01,1\n")
        assert rows == [{"price": 1.0, "event_ts": at(1, hour=12)}]

    def test_a_row_of_nulls_makes_no_number_text(self, landed):
        rows, counts = landed(YAHOO)
        assert (counts.valid, counts.quarantined) == (30, 0)
        assert rows[28] == {"open": None, "volume": None, "event_ts": at(29)}
        assert rows[29] == {"open": 2.5, "volume": 3.0, "event_ts": at(30)}

    def test_a_bad_time_among_good_ones_is_set_aside_and_told(self, landed, make):
        text = "date,n\n" + "".join(f"2021-01-{day:02},{day}\n" for day in DAYS) + "2021-02-30,0\n"
        _, counts = landed(text)
        assert (counts.valid, counts.quarantined) == (28, 1)
        assert any("line 30" in line for line in make(text).lines)

    def test_prices_with_signs_and_thousands_are_numbers(self, landed):
        rows, _ = landed('Date,Close/Last,Volume\n2021-01-01,$1234.50,"1,000,000"\n2021-01-02,$9,"2,000"\n')
        assert rows[0] == {"close_last": 1234.5, "volume": 1e6, "event_ts": at(1)}

    def test_other_spellings_of_numbers_are_text_and_told_and_no_key(self, make):
        made = make("ts,change\n2021-01-01,5%\n2021-01-01,6%\n", key=["ts"])
        assert any("change, such as '5%'" in line for line in made.lines)
        with pytest.raises(Undecided, match="--key"):
            make("ts,change\n2021-01-01,5%\n2021-01-01,6%\n")

    def test_a_name_may_begin_as_a_comment_does(self, landed):
        rows, _ = landed("#,ts,v\n1,2021-01-01,5\n2,2021-01-02,6\n")
        assert rows[0] == {"column_": 1, "v": 5, "event_ts": at(1)}

    def test_a_row_without_its_name_does_not_change_the_key(self, landed):
        _, counts = landed(PAIRS + "2021-01-30,,x,1\n")
        assert (counts.valid, counts.quarantined, counts.duplicate) == (84, 1, 0)

    def test_offsets_of_hours_are_read(self, landed):
        rows, _ = landed("ts,n\n2021-01-01 01:00:00.5+01,1\n2021-01-01 01:00:00+00,2\n")
        assert [row["event_ts"] for row in rows] == [at(1).replace(microsecond=500_000), at(1, hour=1)]

    @pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
    def test_seconds_since_1970_are_times(self, make, unit, factor):
        moment = 1_609_459_200
        made = make(f"ts,price\n{moment * factor},1\n{(moment + 60) * factor},2\n")
        assert any("2021-01-01 00:00 to 2021-01-01 00:01" in line for line in made.lines)

    def test_whole_numbers_that_become_decimal_late_are_numbers(self, landed):
        text = "ts,n\n" + "".join(
            f"2021-01-01 {i // 60:02}:{i % 60:02},{i if i < 150 else i + 0.5}\n" for i in range(160)
        )
        rows, counts = landed(text)
        assert counts.valid == 160
        assert rows[-1]["n"] == 159.5

    def test_without_a_time_the_time_of_landing_is_taken(self, landed, make):
        rows, _ = landed("user_id\n\na1\nb2\n")
        assert [row["user_id"] for row in rows] == ["a1", "b2"]
        assert any("of landing" in line for line in make("user_id\na1\n").lines)

    def test_text_that_is_no_utf8_is_set_aside_and_told(self, landed):
        text = "ts;name\n2021-01-01;a\n2021-01-02;b\n2021-01-03;c\n2021-01-04;d\n2021-01-05;é\n".encode("latin-1")
        _, counts = landed(text)
        assert (counts.valid, counts.quarantined) == (4, 1)

    def test_rows_that_say_the_same_twice_are_told_as_duplicates(self, landed):
        _, counts = landed("ts,n\n2021-01-01,1\n2021-01-01,1\n2021-01-02,1\n")
        assert (counts.valid, counts.duplicate) == (2, 1)


class TestWhatIsAskedFor:
    @pytest.mark.parametrize(
        ("text", "options"),
        [
            ("date,symbol,open\n01/02/2021,ETH,1\n02/02/2021,ETH,1\n", ["--dates day-first", "--dates month-first"]),
            ("date,v\n02-03-04,1\n", ["--dates day-first", "--dates month-first", "--dates year-first"]),
            ("1,Testcoin,TST,2021-01-01\n2,Testcoin,TST,2021-01-02\n", ["--header"]),
            ("ETH,kraken\nBTC,kraken\n", ["--header"]),
            ("created_at,seen_at,n\n2021-01-01,2021-01-02,1\n2021-01-02,2021-01-05,1\n", ["--time created_at"]),
            ("ts,n\n2021-01-01 10:00 EST,1\n", ["--time none"]),
            ("date,n\n2150-01-01,1\n", ["--time date"]),
            ("date,n\n1970-01-01,1\n1970-01-01,2\n", ["--time date"]),
            ("date,from_time,to_time,n\n2021-01-01,10:00,11:00,1\n", ["--time date,from_time", "--time date"]),
            ("ts,n,price\n2021-01-01,1,1\n2021-01-01,2,2\n", ["--key n,ts"]),
            ("a,b\n1,2\n1,3\n", ["--key"]),
        ],
    )
    def test_in_one_line_with_the_options_that_decide(self, make, text, options):
        with pytest.raises(Undecided) as asked:
            make(text)
        assert all(option in str(asked.value) for option in options)
        assert "\n" not in str(asked.value)

    @pytest.mark.parametrize(
        ("text", "choices", "first"),
        [
            ("date,n\n01/02/2021,1\n", {"dates": "day-first"}, {"n": 1, "event_ts": at(1, 2)}),
            ("date,n\n01/02/2021,1\n", {"dates": "month-first"}, {"n": 1, "event_ts": at(2)}),
            ("date,2020\n2021-01-01,1\n", {"header": True}, {"column_2020": 1, "event_ts": at(1)}),
            ("a,b\n2021-01-01,2021-01-02\n", {"time": ["b"]}, {"a": "2021-01-01", "event_ts": at(2)}),
            ("ts,n\n2021-01-01,1\n2021-01-01,2\n", {"key": ["n"]}, {"n": 1, "event_ts": at(1)}),
        ],
    )
    def test_and_done_as_it_is_answered(self, landed, text, choices, first):
        assert landed(text, **choices)[0][0] == first


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("date,open,open\n2021-01-01,1,1\n", "open"),
            ('{"ts": "2021-01-01", "n": 1\n', "a JSON document that cannot be read"),
            (b"PAR1\x15\x04\x15\x00PAR1", "Parquet"),
            ("", "empty"),
            ("sep=;\nts;n\n2021-01-01;1\n2021-01-02;2\n", "sep="),
            ("ts,n\n", "no record"),
            ("made by a tool\nts,n\n2021-01-01,1\n2021-01-02,2\n", "above"),
            ("ts,n\n2021-01-01,1\nx,1\ny,1\n2021-01-02,1\n2021-01-03,2\n", "2 of 5 rows"),
            ("ts,n\n2021-01-01,1\n", "no such column"),
        ],
    )
    def test_in_one_line(self, make, text, told):
        with pytest.raises(Unusable, match=told) as refused:
            make(text, key=["elsewhere"] if told == "no such column" else [])
        assert "\n" not in str(refused.value)
        assert not isinstance(refused.value, Undecided)


class TestTheCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A second folder of sources, the one that is written to."""
        folder = tmp_path / "more_sources"
        folder.mkdir()
        monkeypatch.setattr(sources, "__path__", [str(folder), *sources.__path__])
        yield folder
        sys.modules.pop(f"{sources.__name__}.prix", None)  # another test may draft one of this name

    def run(self, tmp_path: Path, text: str, *options: str) -> Result:
        sample = tmp_path / "sample.csv"
        sample.write_text(text)
        return CliRunner().invoke(main, ["new-source", "prix", str(sample), *options])

    def test_says_what_it_decided_and_writes_it(self, folder, tmp_path):
        done = self.run(tmp_path, PAIRS)
        assert done.exit_code == 0
        assert "84 taken, 0 set aside" in done.stdout
        assert "exchange,pair,event_ts" in done.stdout
        assert "2021-01-01 00:00 to 2021-01-28 00:00" in done.stdout
        assert (folder / "prix.py").is_file()

    def test_asks_and_writes_nothing(self, folder, tmp_path):
        asked = self.run(tmp_path, "date,n\n01/02/2021,1\n")
        assert asked.exit_code == 2
        assert len(asked.stderr.splitlines()) == 1
        assert not (folder / "prix.py").exists()
        assert self.run(tmp_path, "date,n\n01/02/2021,1\n", "--dates", "day-first").exit_code == 0

    def test_leaves_what_is_there(self, folder, tmp_path):
        (folder / "prix.py").write_text("# mine\n")
        refused = self.run(tmp_path, PAIRS)
        assert refused.exit_code == 1
        assert (folder / "prix.py").read_text() == "# mine\n"


CANDLES = "".join(f"{1_609_459_200_000 + hour * 3_600_000},1.0,2.5,1.0,{hour}.5,{hour}\n" for hour in range(30))
CANDLE = ["open_time", "open", "high", "low", "close", "trades"]


@pytest.mark.parametrize("header", ["", ",".join(CANDLE) + "\n"], ids=["without a header", "with one"])
def test_a_file_without_a_header_loads_with_the_names_that_are_said(
    make: Make, lake: Lake, drop: Drop, tmp_path: Path, header: str
) -> None:
    with pytest.raises(Undecided, match=r"looks like data.*say --columns with the names of the 6 columns"):
        make(CANDLES)
    made = make(CANDLES, names=CANDLE)
    # A file of the same source may have a header, as exchanges begin to write one.
    drop("prix", "another.csv", (header + CANDLES).encode())
    with declared("prix", made.text, tmp_path) as source:
        load(lake, source)
        rows = table(lake, source).sort("event_ts")
    assert [row["event_ts"] for row in rows.to_dicts()[:2]] == [at(1), at(1, hour=1)]
    assert rows["close"].to_list() == [hour + 0.5 for hour in range(30)]
    assert (status_of(lake, "prix").read, status_of(lake, "prix").quarantined) == (30, 0)


def test_names_for_other_columns_than_there_are_are_told(make: Make) -> None:
    with pytest.raises(Unusable, match=r"--columns has 2 names, and the first record has 6 fields"):
        make(CANDLES, names=["a", "b"])
    with pytest.raises(Unusable, match=r"might as well be a header"):
        make("ETH,ether\nBTC,bitcoin\n", names=["a", "b"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("day,name\n" + "2021-01-01,caf\xe9\n" * 3, r"3 of 3 records cannot be read, such as line 2: name is 'caf\\xe9', which is no UTF"),
        ("Prices of ETH\nday,open\n2021-01-01,1\n", r"line 1, 'Prices of ETH', not the header"),
        ("day,open\n2021-01-01,1,\n", r"has 3 fields, expected 2 as in the header"),
        ("day,na\0me\n2021-01-01,1\n", r"the column name 'na\\x00me' has a NUL character"),
        ("day open\n2021-01-01 1\n2021-01-02 2\n", r"one column was found, 'day open', and blanks divide each line"),
        ("day^open\n2021-01-01^1\n2021-01-02^2\n", r"carets divide each line"),
        ("date,n\n" + "2021-01-01,1\n,\n" * 3, r"3 of 6 records have none there"),
        ("PAR1\0\0\0", r"Parquet"),
    ],
)  # fmt: skip
def test_what_cannot_be_drafted_is_told_as_it_is(make: Make, text: str, told: str) -> None:
    with pytest.raises(Unusable, match=told):
        make(text.encode("latin-1"))


def test_what_the_trial_set_aside_is_told_in_words(make: Make) -> None:
    made = make("date,n\n" + "".join(f"2021-01-{day:02},{day}\n" for day in DAYS) + "banana,1\n")
    assert any("date is 'banana', expected a time such as 2021-12-31" in line for line in made.lines)


def test_columns_without_a_name_are_left_out(landed: Callable[..., tuple[list[dict[str, Any]], Any]]) -> None:
    rows, counts = landed("date,,n,,\n" + "".join(f"2021-01-{day:02},x,{day},,\n" for day in DAYS))
    assert set(rows[0]) == {"event_ts", "n"}
    assert (counts.valid, counts.quarantined) == (28, 0)


def zipped(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


PLAIN = "date,n\n" + "".join(f"2021-01-{day:02},{day}\n" for day in DAYS)


@pytest.mark.parametrize(
    "first", [{"README.md": "hello\n"}, {"LICENSE": "All rights\nreserved\n"}, {"page.html": "<html>"}]
)
def test_of_an_archive_the_first_table_is_the_sample(make: Make, first: dict[str, str]) -> None:
    assert "28 rows of prices.csv" in make(zipped({**first, "prices.csv": PLAIN})).lines[0]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"inner.zip": "x"}, r"inner.zip: an archive inside an archive: unpack it once"),
        ({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}, r"an Excel workbook \(xlsx\).*save its sheet as CSV"),
        ({}, r"nothing in the archive"),
        ({"__MACOSX/._a": "x"}, r"nothing in the archive"),
    ],
)  # fmt: skip
def test_an_archive_without_a_table_says_why(make: Make, members: dict[str, str], told: str) -> None:
    with pytest.raises(Unusable, match=told):
        make(zipped(members))


def test_a_sample_of_many_texts_that_tell_nothing_apart_is_asked_about_at_once(make: Make) -> None:
    names = ",".join(f"name{number}" for number in range(150))
    row = ",".join(["same"] * 150)
    with pytest.raises(Undecided, match="which columns tell rows apart"):
        make(f"date,{names},n\n" + "".join(f"2021-01-01,{row},{number}.5\n" for number in range(3)))
