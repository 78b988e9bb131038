"""`cryptodudez sql` with parameters and files, and `cryptodudez metric`, as their users type them."""

from pathlib import Path

import pytest

from cryptodudez_assets_tests.integration.cli_test import Run, command

FILE = "-- question 1\n-- What follows?\nSELECT $day::DATE + 1 AS next;\n-- question 2\nSELECT $word AS word;\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return command(tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.sql"
    path.write_text(FILE)
    return path


def test_a_parameter_stands_for_its_value(run: Run):
    asked = run(
        "sql", "select $day::DATE + 1 as next, $word as word", *params(day="2024-02-28", word="a=b"), "--format=csv"
    )

    assert asked.stdout == "next,word\n2024-02-29,a=b\n"


def test_a_file_is_asked_as_a_whole_or_for_one_of_its_statements(run: Run, file: Path):
    given = params(day="2024-02-28", word="so")

    both = run("sql", "--file", file, *given).stdout
    assert both.index("question 1") < both.index("2024-02-29") < both.index("question 2") < both.index("so")
    one = run("sql", "--file", file, "--only", "question 1", "--format", "csv", *given)
    assert one.stdout == "next\n2024-02-29\n"
    assert "does not name $word" in one.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["select $a, $b", "--param", "b=1"], 1, "no value for $a; expected --param a=VALUE"),
        (["select $a", "--param", "a"], 2, "'a': expected NAME=VALUE"),
        (["select $a", "--param", "a=1", "--param", "$a=2"], 2, "the same is given twice"),
        ([], 2, "expected a QUERY or --file"),
        (["select 1", "--only", "question 1"], 2, "--only chooses from the statements of a --file"),
        (["select from where"], 1, "syntax error"),
        (["select $day::DATE", "--param", "day=tomorrow"], 1, "tomorrow"),
        (["--file", "FILE", "--only", "question 9"], 2, "there are: question 1, question 2"),
        (
            ["--file", "FILE", "--format", "csv"],
            2,
            "csv is of one statement; choose with --only: question 1, question 2",
        ),
    ],
)
def test_what_cannot_be_asked_is_told(run: Run, file: Path, arguments: list[str], code: int, told: str):
    given = [str(file) if one == "FILE" else one for one in arguments]
    assert told in run("sql", *given, code=code).output


def test_metrics_are_listed_and_those_that_there_are_not_are_told_with_them(run: Run):
    assert "volume (units of the currency): " in run("metric").stdout
    assert "there are: active_users, " in run("metric", "active", code=2).output
    assert "by day, week, month" in run("metric", "volume", "--by", "hour", code=2).output
    assert (
        "2024-02-02 is after --to 2024-02-01"
        in run("metric", "volume", "--from", "2024-02-02", "--to", "2024-02-01", code=2).output
    )
    assert "no rows in accounts.fact_currency_day yet" in run("metric", "volume", code=1).output


@pytest.mark.parametrize("format_", ["table", "csv"])
def test_an_amount_has_its_digits_and_so_has_none_of_it(run: Run, format_: str):
    told = run("sql", "select 0::DECIMAL(38,18) as none, 6800000000000.000000000000000009 as some", "--format", format_)

    assert "0.000000000000000000" in told.stdout
    assert "6800000000000.000000000000000009" in told.stdout


def params(**given: str) -> list[str]:
    return [part for name, value in given.items() for part in ("--param", f"{name}={value}")]
