"""Which tests of `docs/briefs.md` ran and passed, from JUnit reports of a run: `python docs/briefs_ran.py REPORT…`.

Exits with 1 where one failed, or is in no report. One that was skipped is told, with its reason. What the page says is read here,
too, for the test that compares it with the briefs and with the tests that there are.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PAGE = Path(__file__).with_name("briefs.md")
TESTS = "cryptodudez_assets_tests"
NUMBER = re.compile(r"[A-E]\d+")
TEST = re.compile(r"`([\w/]+_test\.py(?:::\w+)+)`")
PASSED, FAILED, SKIPPED, MISSING = "passed", "failed", "skipped", "did not run"
WORSE = [PASSED, SKIPPED, FAILED]


@dataclass(frozen=True)
class Line:
    """What the page says of a requirement."""

    number: str
    asked: str
    there: str
    where: str
    shown: str
    tests: tuple[str, ...]


def lines() -> Iterator[Line]:
    """Every requirement of the page, in its order."""
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if NUMBER.fullmatch(cells[0]):
            number, asked, there, where, shown, proved = cells
            yield Line(number, asked, there, where, shown, tuple(TEST.findall(proved)))


@dataclass(frozen=True)
class Fate:
    """What became of a test, and of one that was skipped why."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what}, {self.why}" if self.why else self.what


def fates(reports: Iterable[Path]) -> dict[str, Fate]:
    """By test, as the page names it, what became of it: of one with parameters the worst."""
    found: dict[str, Fate] = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  (written by pytest)
            name = _named(case.get("classname", ""), case.get("name", ""))
            fate = _fate(case)
            found[name] = max(found.get(name, fate), fate, key=lambda one: WORSE.index(one.what))
    return found


def not_passed(reports: Iterable[Path]) -> dict[str, Fate]:
    """The tests of the page that did not pass."""
    told = fates(reports)
    named = dict.fromkeys(test for line in lines() for test in line.tests)
    found = {test: told.get(test, Fate(MISSING)) for test in named}
    return {test: fate for test, fate in found.items() if fate.what != PASSED}


def _named(classname: str, name: str) -> str:
    """Pytest's `cryptodudez_assets_tests.unit.some_test.TestOne` and `test_it[a]` as `unit/some_test.py::TestOne::test_it`."""
    parts = classname.split(".")
    file = next((at for at, part in enumerate(parts) if part.endswith("_test")), len(parts) - 1)
    path = "/".join(parts[: file + 1]).removeprefix(f"{TESTS}/")
    return "::".join([f"{path}.py", *parts[file + 1 :], name.partition("[")[0]])


def _fate(case: ElementTree.Element) -> Fate:
    if case.find("failure") is not None or case.find("error") is not None:
        return Fate(FAILED)
    skipped = case.find("skipped")
    return Fate(PASSED) if skipped is None else Fate(SKIPPED, skipped.get("message", ""))


def main() -> None:
    """Say it."""
    told = not_passed(map(Path, sys.argv[1:]))
    for test, fate in told.items():
        print(f"{test}: {fate}")
    bad = [fate for fate in told.values() if fate.what != SKIPPED]
    print(
        f"docs/briefs.md: of the tests that it names {len(bad)} failed or did not run, {len(told) - len(bad)} were skipped"
    )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
