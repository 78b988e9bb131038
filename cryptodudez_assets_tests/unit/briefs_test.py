"""`docs/briefs.md` has every requirement of the briefs, and names tests, commands and pages that there are."""

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import briefs_ran
import pytest
from click import Context, Group, NoSuchOption

from cryptodudez_assets.cli import main
from cryptodudez_assets_tests.conftest import ROOT

DOCS = ROOT / "docs"
HOW_MANY = {"A": 23, "B": 17, "C": 10, "D": 16, "E": 9}
LINES = list(briefs_ran.lines())
COMMAND = re.compile(r"`(?:cryptodudez|python|make) ([^`]*)`")


def test_every_requirement_has_a_line() -> None:
    assert [line.number for line in LINES] == [f"{of}{n}" for of, last in HOW_MANY.items() for n in range(1, last + 1)]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.number)
def test_a_line_says_whether_it_is_there_and_what_proves_it(line: briefs_ran.Line) -> None:
    assert re.fullmatch(r"whole|partly: .{10,}|not: .{10,}", line.there)
    assert line.tests or line.there.startswith("not")
    for test in line.tests:
        path, *names = test.split("::")
        assert "::".join(names) in collected(ROOT / briefs_ran.TESTS / path), test


@cache
def collected(path: Path) -> set[str]:
    """What pytest collects of a file."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else []
        named = [(f"{node.name}::", one) for one in inner] if isinstance(node, ast.ClassDef) else [("", node)]
        found |= {
            f"{of}{one.name}" for of, one in named if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
        }
    return found


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.number)
def test_the_commands_of_a_line_can_be_typed(line: briefs_ran.Line) -> None:
    for told in re.findall(r"`([^`]*)`", line.shown):
        words = shlex.split(told)
        if "cryptodudez" in words:
            assert_there(words[words.index("cryptodudez") + 1 :], main)
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file(), told
        elif words[0] == "make":
            assert f"\n{words[1].rstrip(',')}:" in (ROOT / "Makefile").read_text(), told


def assert_there(words: list[str], group: Group) -> None:
    """A command, each of its options, and whatever it cannot do without."""
    command = group.get_command(Context(group), words[0])
    assert command is not None, words
    if isinstance(command, Group):
        return assert_there(words[1:], command)
    given, _, _ = command.make_parser(Context(command)).parse_args(words[1:])
    missing = [one for one in command.params if one.name not in given or one.value_is_missing(given[one.name])]
    assert not [one.name for one in missing if one.required], words
    return None


def test_a_command_without_what_it_needs_would_be_seen() -> None:
    for words in (["record", "--csv", "FOLDER"], ["land"]):
        with pytest.raises(AssertionError):
            assert_there(words, main)
    with pytest.raises(NoSuchOption):
        assert_there(["status", "--no-such"], main)


def case(test: str, parameters: str, inner: str) -> str:
    """A test as pytest reports it."""
    path, *classes, name = test.split("::")
    where = ".".join([briefs_ran.TESTS, path.removesuffix(".py").replace("/", "."), *classes])
    return f'<testcase classname="{where}" name="{name}{parameters}">{inner}</testcase>'


def test_of_a_report_it_is_told_what_did_not_pass(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    first, second, *_ = LINES[0].tests
    named = dict.fromkeys(test for line in LINES for test in line.tests)
    cases = "".join(case(test, more, f"{{{at}}}") for at, test in enumerate(named) for more in ("", "[again]"))
    fine = dict.fromkeys(range(len(named)), "")
    skipped = '<skipped message="no Java"/>'
    for bad, lines, code in (
        ({}, [], 0),
        ({1: skipped}, [f"{second}: skipped, no Java"], 0),
        ({0: "<failure/>", 1: skipped}, [f"{first}: failed", f"{second}: skipped, no Java"], 1),
        ({0: "<error/>"}, [f"{first}: failed"], 1),
    ):
        report.write_text(f"<testsuites><testsuite>{cases.format(*(fine | bad).values())}</testsuite></testsuites>")
        assert of_reports(report) == (lines, code)
    report.write_text("<testsuites/>")
    missing = [f"{test}: did not run" for test in named]
    assert of_reports(report) == of_reports() == (missing, 1)


def of_reports(*reports: Path) -> tuple[list[str], int]:
    """What `make briefs` says of them line by line, and how it ends."""
    done = subprocess.run([sys.executable, briefs_ran.__file__, *reports], capture_output=True, text=True)
    *lines, last = done.stdout.splitlines()
    assert last.startswith("docs/briefs.md: "), done.stderr
    return lines, done.returncode


def test_the_retained_log_is_of_a_demo_that_went_well() -> None:
    told = (DOCS / "demo_run.md").read_text()
    assert ": done" in told
    assert "GET /signal/eth" in told
    assert "decision" in told
    assert not re.search("^failed: ", told, re.M)


def test_the_page_of_the_load_test_has_its_numbers() -> None:
    told = (DOCS / "load.md").read_text()
    for heading in ("## What was asked", "## Resources", "## Bottlenecks"):
        assert heading in told
    assert re.search(r"\| [\d,]+ \|", told)
