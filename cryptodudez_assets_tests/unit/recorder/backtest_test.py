"""Back-tests: what would have fired on what was recorded, in the numbers that a person would count."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from cryptodudez_assets.cli import main
from cryptodudez_assets.declared_rules.declaration import Threshold
from cryptodudez_assets.recorder.backtest import NothingToTest, backtest, of_files
from cryptodudez_assets.recorder.record import to_frame
from cryptodudez_assets_tests.spreads import BOOK, START, records, runs

QUIET = runs((0.1, 10))


def rows(spreads: list[float | None], first: int = 0) -> pl.DataFrame:
    told = [(one.second, one.book, one.bid, one.ask, one.is_gap) for one in records(spreads, first)]
    schema = {"second": pl.Int64, "book": pl.String, "bid": pl.Float64, "ask": pl.Float64, "is_gap": pl.Boolean}
    return pl.DataFrame(told, schema=schema, orient="row")


def written(folder: Path, spreads: list[float | None], name: str = "a.parquet", first: int = 0) -> Path:
    to_frame(records(spreads, first), "a").write_parquet(folder / name)
    return folder / name


def test_it_counts_seconds_crossings_and_alerts():
    spreads = runs((0.1, 5), (0.8, 1), (0.1, 4), (0.8, 5), (None, 3), (0.6, 2), (0.1, 10), (0.9, 4))

    found = backtest(rows(spreads), BOOK, Threshold(0.5, 0.4, for_seconds=3)).as_row()

    assert (found["known_seconds"], found["gap_seconds"], found["missing_seconds"]) == (31, 3, 0)
    assert (found["seconds_over"], found["crossings"], found["alerts"]) == (12, 3, 2)
    assert found["share_over"] == round(12 / 31, 6)
    assert (found["seconds_in_alert"], found["longest_seconds"], found["median_seconds"]) == (11, 7, 5.5)
    assert found["alerts_a_day"] == round(2 * 86400 / 31, 2)


def test_an_alert_that_is_still_open_has_no_end():
    [first, last] = backtest(rows([0.8, 0.1, 0.8, 0.9]), BOOK, Threshold(0.5)).incidents()

    assert (first["recovered_at"], first["seconds"]) == ("2022-04-30T04:10:27+00:00", 1)
    assert (last["recovered_at"], last["seconds"], last["widest"]) == (None, 2, pytest.approx(0.9))


def test_a_second_that_was_recorded_twice_counts_once_and_one_that_was_not_is_missing():
    twice = pl.concat([rows(QUIET), rows(QUIET[:3], first=2), rows([None], first=4), rows(QUIET, first=20)])

    found = backtest(twice, BOOK, Threshold(0.5))

    assert (found.known, found.repeated, found.missing, found.gaps) == (20, 4, 10, 0)


def test_files_and_folders_of_recordings_are_read_alike(tmp_path: Path):
    written(tmp_path, [0.8] * 5)
    csv = "orderbook_timestamp,book,bid,ask,spread\n2022-04-30T04:10:31+00:00,btc_mxn,992,1000,0.8\n"
    (tmp_path / "b.csv").write_text(csv)
    (tmp_path / "note.txt").write_text("nothing")

    read = of_files([tmp_path], None, None)

    assert read["second"].to_list() == [START + n for n in range(6)]
    assert backtest(read, BOOK, Threshold(0.5)).over == 6
    assert len(of_files([tmp_path], datetime(2022, 4, 30, 4, 10, 31, tzinfo=UTC), None)) == 1
    assert len(of_files([tmp_path], None, datetime(2022, 4, 30, 4, 10, 31, tzinfo=UTC))) == 5


@pytest.mark.parametrize(("name", "content"), [("a.csv", "x,y\n1,2\n"), ("a.parquet", "no parquet"), ("a.csv", "")])
def test_what_is_no_recording_is_told(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)

    with pytest.raises(NothingToTest, match=f"{name}: expected CSV or Parquet with orderbook_timestamp"):
        of_files([tmp_path / name], None, None)


def test_the_command_prints_a_table_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    file = written(tmp_path, runs((0.1, 5), (0.8, 5), (0.1, 5)))

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["alerts", "backtest", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    [found] = json.loads(run(str(file), "--book", "MXN_BTC", "--threshold", "0.5", "--for-seconds", "2", "--json"))
    assert (found["book"], found["alerts"], found["for_seconds"]) == ("btc_mxn", 1, 2)
    assert found["incidents"][0]["started_at"] == "2022-04-30T04:10:31+00:00"
    assert "share_over" in run(str(file))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--book", "nothing"], "'nothing' is no book"),
        (["--book", "usd_mxn"], "no records of usd_mxn; there are some of btc_mxn"),
        (["--threshold", "0.5", "--clear-below", "0.6"], "clear_below=0.6: expected percent of at most over=0.5"),
        (["--threshold", "-1"], "over=-1.0: expected percent"),
        (["--for-seconds", "0"], "for_seconds=0: expected 1 or more"),
    ],
)
def test_what_cannot_be_tested_is_told(tmp_path: Path, words: list[str], told: str):
    done = CliRunner().invoke(main, ["alerts", "backtest", str(written(tmp_path, QUIET)), *words])

    assert done.exit_code != 0
    assert told in done.output


def test_without_a_table_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))

    done = CliRunner().invoke(main, ["alerts", "backtest"])

    assert "there is no table market.order_book_spreads yet: record first, or name files" in done.output


def test_other_people_s_recordings_at_a_tenth_of_a_percent(real_data: Path):
    read = of_files([real_data / "bitso" / "order_book_recordings"], None, None)

    plain = backtest(read, BOOK, Threshold(0.1))
    calm = backtest(read, BOOK, Threshold(0.1, 0.08, for_seconds=10, quiet_for=600))

    assert plain.repeated + backtest(read, "usd_mxn", Threshold(0.1)).repeated >= 96
    assert 0.3 < plain.share_over < 0.35
    assert len(plain.fired) == plain.crossings > 4 * len(calm.fired) > 0
