"""The `cryptodudez` command as its users type it: what it prints, what it exits with, what it refuses."""

import csv
import io
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from cryptodudez_assets.cli import main
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import Truth
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, take_in

Run = Callable[..., Result]
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
CANDLE = "1,Testcoin,TST,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n"


def command(home: Path) -> Run:
    """The command on this home."""
    environment = {"CRYPTODUDEZ_HOME": str(home), "CRYPTODUDEZ_SETTLE_SECONDS": "0", "COLUMNS": "200"}

    def run(*arguments: object, code: int = 0) -> Result:
        done = CliRunner(env=environment).invoke(main, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output + repr(done.exception)
        assert "Traceback" not in done.output
        return done

    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return command(tmp_path / "home")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "coins.csv"
    path.write_text(HEADER + CANDLE)
    return path


@pytest.fixture(scope="module")
def on_demo(demo_home: Path) -> Run:
    """The command on a lake with the tiny demo in it."""
    return command(demo_home)


def all_commands(group: click.Group = main, *path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)  # those of feeds are made when they are asked for
        yield from all_commands(found, *path, name) if isinstance(found, click.Group) else [(*path, name)]


class TestHelp:
    def test_lists_the_commands(self, run: Run):
        shown = run("--help").output

        wanted = "land run status sql quarantine demo up simulate"
        assert all(f"  {name} " in shown for name in wanted.split())
        assert "CRYPTODUDEZ_HOME" in shown

    @pytest.mark.parametrize("path", list(all_commands()), ids=" ".join)
    def test_every_command_has_examples(self, run: Run, path: tuple[str, ...]):
        lines = [line.strip() for line in run(*path, "--help").output.splitlines()]

        examples = lines[next(i for i, line in enumerate(lines) if line in ("Example:", "Examples:")) + 1 :]
        assert f"{examples[0]} ".startswith(f"cryptodudez {' '.join(path)} ")


class TestLand:
    def test_a_file_is_where_it_says(self, run: Run, archive: Path):
        told = run("land", "crypto_prices", archive).stdout

        assert told.startswith("landed: ")
        assert Path(told.removeprefix("landed: ").strip()).read_text() == archive.read_text()

    def test_a_folder_keeps_its_shape(self, run: Run, tmp_path: Path):
        for name in ("a.csv", "deep/b.csv"):
            path = tmp_path / "archives" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

        told = run("land", "crypto_prices", tmp_path / "archives").stdout.splitlines()

        assert [line.split("/archives/")[1] for line in told] == ["a.csv", "deep/b.csv"]

    def test_the_same_bytes_are_landed_once(self, run: Run, archive: Path):
        run("land", "crypto_prices", archive)

        assert run("land", "crypto_prices", archive).stdout.startswith("already there: ")

    def test_other_bytes_under_a_known_name_never_overwrite(self, run: Run, archive: Path):
        first = Path(run("land", "crypto_prices", archive).stdout.split(": ")[1].strip())
        before = first.read_text()
        archive.write_text(HEADER + CANDLE.replace("TST", "XYZ"))

        second = Path(run("land", "crypto_prices", archive).stdout.split(": ")[1].strip())

        assert first.read_text() == before
        assert second != first
        assert second.read_text() == archive.read_text()
        assert second.name == archive.name

    def test_an_unknown_source_is_told_the_known_ones(self, run: Run, archive: Path):
        told = run("land", "nope", archive, code=2).output

        assert f"no source 'nope'; there are: {', '.join(all_sources())}" in told

    def test_a_file_that_is_not_there(self, run: Run):
        assert "does not exist" in run("land", "crypto_prices", "nowhere.csv", code=2).output


class TestRun:
    def test_does_what_is_pending_and_then_has_nothing_to_do(self, run: Run, archive: Path):
        run("land", "crypto_prices", archive)

        assert ": done" in run("run").output
        second = run("run").output
        assert "nothing new in the raw zone: what can be made is up to date" in second
        assert "market.stock_prices is missing, land stock_prices" in second
        assert "behind" not in second
        assert answer(run, "select count(*) as n from market.crypto_prices") == [{"n": 1}]

    def test_only_what_is_selected(self, run: Run, archive: Path):
        run("land", "crypto_prices", archive)

        assert "nothing new" in run("run", "--select", "elon_tweets").output
        assert status(run)["crypto_prices"]["valid"] == 0

    def test_exits_with_1_when_a_blocking_check_fails(self, run: Run, archive: Path, tmp_path: Path):
        run("land", "crypto_prices", archive)
        run("run")
        spoil_table(tmp_path / "home")
        archive.write_text(HEADER + CANDLE.replace("2021", "2020"))
        run("land", "crypto_prices", archive)

        told = run("run", code=1).output

        assert "failed: market/crypto_prices contract: broken rules: 1 × close:greater_than" in told

    def test_rows_in_quarantine_are_a_warning_not_a_failure(self, run: Run, archive: Path):
        archive.write_text(HEADER + CANDLE + "banana\n")
        run("land", "crypto_prices", archive)

        told = run("run").output

        assert (
            "warning: quarantine/rows/crypto_prices nothing_left_behind: 1 row in quarantine: 1 × record:too_few_fields"
            in told
        )


class TestStatus:
    def test_json_has_the_promised_keys(self, on_demo: Run):
        for counts in status(on_demo).values():
            assert {"files", "ignored", "read", "valid", "quarantined", "duplicate", "pending"} <= set(counts)
            assert all(isinstance(count, int) for count in counts.values())

    def test_shows_what_is_behind_on_what_and_since_when(self, run: Run, archive: Path, tmp_path: Path):
        run("land", "crypto_prices", archive)
        lake = open_lake(Settings(home=tmp_path / "home", settle_seconds=0))
        take_in(lake, all_sources()["crypto_prices"])  # and then the process died

        told = json.loads(run("status", "--json").stdout)

        (behind,) = (one for one in told["behind"] if one["product"] == "features.crypto_daily")
        assert behind["inputs"] == ["market.crypto_prices"]
        assert behind["since"] > "20"
        waiting = {one["product"]: one["missing"] for one in told["waiting"]}
        assert waiting["features.stock_daily"] == ["market.stock_prices"]
        shown = run("status").output
        assert "behind: features.crypto_daily: it is not there, or not whole, since 20" in shown
        assert "not made: features.stock_daily" in shown
        assert "has no rows" not in shown  # of what waits, the end of the way is told

    def test_an_empty_lake_has_zeros(self, run: Run):
        assert set(status(run)) == set(all_sources())
        assert all(count == 0 for counts in status(run).values() for count in counts.values())
        assert "crypto_prices" in run("status").output

    def test_files_add_up_one_by_one(self, on_demo: Run):
        files = json.loads(on_demo("status", "--json", "--files").stdout)["files"]

        loaded = [file for file in files if file["status"] == "loaded"]
        assert {file["source"] for file in loaded} == set(all_sources())
        for file in loaded:
            assert file["rows_read"] == file["rows_valid"] + file["rows_quarantined"] + file["rows_duplicate"]

    def test_the_table_shows_every_file(self, on_demo: Run):
        shown = on_demo("status", "--files").output

        assert "cryptocurrency_historical_prices.zip!cryptocurrency_historical_prices/coin_Ethereum.csv" in shown
        assert "…" not in shown


class TestSql:
    def test_json_is_an_array_of_objects_with_numbers_in_it(self, on_demo: Run):
        (row,) = answer(on_demo, "select sum(likes) as s, max(id) as id, 0.5 as half from social.elon_tweets")

        assert isinstance(row["s"], int)
        assert row["id"] > 1 << 60
        assert answer(on_demo, "select max(id)::text as id from social.elon_tweets") == [{"id": str(row["id"])}]
        assert row["half"] == 0.5

    def test_no_rows_are_an_empty_array(self, on_demo: Run):
        assert answer(on_demo, "from market.crypto_prices where false") == []

    def test_csv_can_be_read_again_whatever_is_in_it(self, on_demo: Run):
        shown = on_demo("sql", "from catalog.files where layout is not null", "--format", "csv").stdout

        rows = list(csv.DictReader(io.StringIO(shown)))
        assert rows
        assert all(isinstance(json.loads(row["header"]), list) for row in rows)

    def test_tables_show_text_as_it_is(self, on_demo: Run):
        shown = on_demo(
            "sql", "select '[bold]not markup[/] [/red]' as text, [1, 2] as list, interval 3 day as days"
        ).output

        assert "[bold]not markup[/] [/red]" in shown
        assert "[1, 2]" in shown
        assert "3 days" in shown

    @pytest.mark.parametrize("format_", ["json", "csv", "table"])
    def test_types_of_every_kind_can_be_shown(self, on_demo: Run, format_: str):
        odd = "interval 1 day, 'x'::blob, uuid(), time '10:00', date '2021-01-01', (2^100)::hugeint"
        nested = "[1], {'a': [1]}, map {'a': 1}, null, 1.25, now(), true, [interval 1 day]"

        on_demo("sql", f"select {odd}, {nested}", "--format", format_)

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("selec 1", 'syntax error at or near "selec"'),
            ("from crypto_prices", 'Did you mean "market.crypto_prices"?'),
            ("select nope from market.crypto_prices", '"nope" not found'),
            ("select 'abc'::int", "Could not convert string 'abc'"),
        ],
    )
    def test_mistakes_are_explained(self, on_demo: Run, query: str, told: str):
        assert told in on_demo("sql", query, code=1).output

    def test_an_unknown_table_is_answered_with_the_known_ones(self, on_demo: Run, run: Run):
        assert (
            "market.crypto_prices, market.order_book_gaps, market.order_book_spreads, market.stock_market, market.stock_prices"
            in on_demo("sql", "from nope", code=1).output
        )
        assert "none yet" in run("sql", "from nope", code=1).output


class TestQuarantine:
    def test_lists_each_row_with_its_reason(self, on_demo: Run, demo_home: Path):
        listed = json.loads(on_demo("quarantine", "list", "--source", "crypto_prices", "--format", "json").stdout)

        truth = Truth.load(demo_home / "samples" / "tiny-7" / "truth" / "truth.json")
        planted = [
            (member.name, bad.line)
            for archive in truth.sources["crypto_prices"].archives
            for member in archive.members
            for bad in member.bad
        ]
        assert [(row["member"], row["line"]) for row in listed] == planted
        assert all(row["why"] for row in listed)

    def test_what_the_list_shows_can_be_asked_for(self, on_demo: Run):
        shown = on_demo("quarantine", "list").output
        row_id = json.loads(on_demo("quarantine", "list", "--format", "json").stdout)[0]["id"]

        assert row_id in shown  # in one piece, to be copied
        details = on_demo("quarantine", "show", row_id).output
        assert "raw" in details
        assert "record:" in details

    def test_an_unknown_id_is_no_crash(self, on_demo: Run):
        assert "nothing in quarantine has the id 'nope'" in on_demo("quarantine", "show", "nope", code=1).output

    def test_an_empty_quarantine_is_an_empty_list(self, run: Run):
        assert json.loads(run("quarantine", "list", "--format", "json").stdout) == []


class TestDemo:
    def test_sums_up_and_says_where_to_look_next(self, demo_home: Path):
        said = demo_home.with_name("said").read_text()
        assert ": done" in said
        for told in ("What is in the lake", "cryptodudez up", "quarantine list", "cryptodudez sql"):
            assert told in said

    def test_each_report_says_that_its_data_are_samples(self, demo_home: Path):
        reports = {path.name: path.read_text() for path in (demo_home / "reports").glob("*.html")}
        assert {"dogecoin.html", "mood.html", "trends.html", "eth_signal.html"} <= set(reports)
        assert not [name for name, text in reports.items() if "Sample data: all of it is simulated" not in text]

    def test_the_counts_are_the_simulator_s_truth(self, on_demo: Run, demo_home: Path):
        truth = Truth.load(demo_home / "samples" / "tiny-7" / "truth" / "truth.json")

        told = status(on_demo)
        for source, planted in truth.sources.items():
            totals = vars(planted.totals)
            assert {name: told[source][name] for name in totals} == totals

    @pytest.mark.parametrize(
        "source",
        [source for source in all_sources().values() if not source.shares_raw_with],
        ids=lambda source: source.name,
    )
    def test_the_tables_are_the_simulator_s_truth_row_by_row(self, on_demo: Run, demo_home: Path, source):
        truth = pl.read_parquet(demo_home / "samples" / "tiny-7" / "truth" / f"{source.name}.parquet")
        rows = open_lake(Settings(home=demo_home)).tables.scan(source.table)

        found = rows.select(truth.columns).collect().sort(source.key)
        assert_frame_equal(found, truth.sort(source.key), check_exact=True)

    def test_a_second_time_finds_nothing_new(self, on_demo: Run):
        before = status(on_demo)

        told = on_demo("demo", "--size", "tiny").output

        assert "nothing new in the raw zone" in told
        assert "landed" not in told
        assert status(on_demo) == before


def test_up_says_when_its_port_is_taken(run: Run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = run("up", "--port", taken.getsockname()[1], code=1).output

    assert "cannot listen on 127.0.0.1" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("BATCH_MEGABYTES=many", "BATCH_MEGABYTES=many: Input should be a valid integer"),
        ("CATALOG=mysql://user:secret@x", "CATALOG: must begin with sqlite:///, postgresql://, https:// or http://"),
    ],
)
def test_a_wrong_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, setting: str, told: str):
    name, _, value = setting.partition("=")
    monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)

    assert f"Error: CRYPTODUDEZ_{told}" in run("status", code=1).output


def test_a_mistyped_setting_is_told_and_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_SENSOR_SECOND", "9")

    told = run("status", "--json")

    assert "CRYPTODUDEZ_SENSOR_SECOND is no setting, did you mean CRYPTODUDEZ_SENSOR_SECONDS?" in told.stderr
    assert json.loads(told.stdout)


class TestHome:
    @pytest.mark.parametrize("words", ["status", "run", "land crypto_prices FILE", "demo", "up", "serve"])
    def test_a_file_cannot_be_one(self, archive: Path, words: str):
        home = archive / "home"
        arguments = words.replace("FILE", str(archive)).split()
        for unusable in (archive, home):
            told = command(unusable)(*arguments, code=1).output
            assert f"Error: CRYPTODUDEZ_HOME={unusable} cannot be used: it is not a folder" in told

    def test_a_folder_that_cannot_be_made_cannot_be_one(self):
        run = command(Path("/proc/nohome"))
        for asked in ("status", "serve"):
            assert "CRYPTODUDEZ_HOME=/proc/nohome cannot be used: No such file" in run(asked, code=1).output

    @pytest.mark.parametrize("words", ["status --json", "run", "sql VALUES(1)", "quarantine list --format json"])
    def test_to_look_where_there_is_none_makes_none(self, run: Run, tmp_path: Path, words: str):
        told = run(*words.split())

        assert f"nothing at {tmp_path / 'home'} yet: set CRYPTODUDEZ_HOME, or run cryptodudez demo" in told.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["./bitso"], "Write sample archives"),
        (["other"], "Write sample archives"),
        (["--size", "tiny", "other"], "Write sample archives"),
        (["bitso"], "Stand in for the exchange Bitso"),
        (["x"], "Stand in for X"),
        ([], "FOLDER [OPTIONS] | bitso|binance|x [OPTIONS]"),
    ],
)
def test_simulate_takes_a_folder_or_a_venue(run: Run, words: list[str], wanted: str):
    assert wanted in run("simulate", *words, "--help").output


def test_simulate_writes_archives_and_truth(run: Run, tmp_path: Path):
    run("simulate", tmp_path / "out", "--size", "tiny", "--seed", "3")

    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(source.raw for source in all_sources().values()),
        "truth",
    }
    assert Truth.load(tmp_path / "out" / "truth" / "truth.json").seed == 3


def status(run: Run) -> dict[str, dict[str, int]]:
    return json.loads(run("status", "--json").stdout)["sources"]


def answer(run: Run, query: str) -> list[dict]:
    return json.loads(run("sql", query, "--format", "json").stdout)


def spoil_table(home: Path) -> None:
    """A row that ingest would never let through."""
    lake, source = open_lake(Settings(home=home)), all_sources()["crypto_prices"]
    rows = lake.tables.scan(source.table)
    with lake.tables.changing(table_spec(source)) as change:
        change.add(rows.collect().with_columns(symbol=pl.lit("BAD"), close=pl.lit(-1.0), file_id=pl.lit("by hand")))
