"""The table of `docs/stores.md`: how many tests of which suite passed on which store, from a report that is kept in `docs/stores.csv`.

`python docs/stores_made.py REPORT…` takes JUnit reports, as `make test-stores` leaves one in `.stores.xml`; of a suite on a store
that none of them has, what was known before stays. The table itself needs no servers.
"""

import ast
import csv
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("stores.csv")
SUITES = ROOT / "cryptodudez_assets_tests" / "integration"
STORES = ("folder", "s3", "s3-versioned", "gs", "postgres")
TOLD = ("passed", "skipped", "failed")

Counts = dict[tuple[str, str], Counter[str]]


def main() -> None:
    """Keep what these reports tell."""
    counts = _kept() | _told(map(Path, sys.argv[1:]))
    with KEPT.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["suite", "store", *TOLD])
        for (suite, store), count in sorted(counts.items(), key=lambda one: (one[0][0], STORES.index(one[0][1]))):
            writer.writerow([suite, store, *(count[what] for what in TOLD)])


def table() -> str:
    """The table, as Markdown."""
    counts = _kept()
    lines = [["suite", "what it is about", *STORES], ["---"] * (2 + len(STORES))]
    for suite in sorted({suite for suite, _ in counts} | _marked()):
        cells = [_cell(counts.get((suite, store), Counter())) for store in STORES]
        lines.append([f"[{suite}](../cryptodudez_assets_tests/integration/{suite}_test.py)", _about(suite), *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _marked() -> set[str]:
    """The suites that are meant to be run on every store, whether they were or not."""
    found = (path for path in SUITES.glob("*_test.py") if "mark.every_store" in path.read_text())
    return {path.stem.removesuffix("_test") for path in found}


def _cell(count: Counter[str]) -> str:
    told = [f"{count[what]} {what}" for what in TOLD[1:] if count[what]]
    return ", ".join([str(count["passed"]), *told]) if count.total() else "not run"


def _about(suite: str) -> str:
    """What the suite's module says of itself, to the first colon or full stop."""
    told = ast.get_docstring(ast.parse((SUITES / f"{suite}_test.py").read_text())) or ""
    return told.partition("\n")[0].partition(":")[0].partition(".")[0]


def _kept() -> Counts:
    with KEPT.open(newline="") as file:
        return {
            (row["suite"], row["store"]): Counter({what: int(row[what]) for what in TOLD})
            for row in csv.DictReader(file)
        }


def _told(reports: Iterable[Path]) -> Counts:
    counts: Counts = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  (written by pytest)
            stores = [one.get("value", "") for one in case.iter("property") if one.get("name") == "store"]
            if not stores:
                continue
            suite = case.get("classname", "").split(".")[2].removesuffix("_test")
            is_failed = case.find("failure") is not None or case.find("error") is not None
            how = "failed" if is_failed else "skipped" if case.find("skipped") is not None else "passed"
            counts.setdefault((suite, stores[0]), Counter())[how] += 1
    return counts


if __name__ == "__main__":
    main()
