"""Nothing falls back in silence on the process that plans: of all raw and data files it opens only those that docs/scaling.md names.

Who opens what is told by the system, so that no way to open a file is missed: Python's, Arrow's, Polars' or Java's.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.key_ranges import dividing_columns
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets_tests.builders import READINGS, compute_few_rows_at_a_time, csv, files, open_lake
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.opened_files import OpenedFiles
from cryptodudez_assets_tests.toy_graph import SENSOR_DAYS
from cryptodudez_assets_tests.wrapped_engines import Watched

STEPS = {"cataloguing", "the catalogue", "which rows win", "what a change reaches", "rows counted back", "a sample"}
OF_THE_CATALOGUE = ("catalog.", "quarantine.")


@dataclass
class Opened:
    """What was opened in a lake, by whom."""

    lake: Lake
    record: OpenedFiles
    steps: set[str]

    def told(self, table: Derived | Source, *steps: str) -> set[str]:
        """Take what was opened since the last time.

        Fails where who planned opened anything but what these steps do; notes which of them did. Gives what others opened: tables, or
        `raw`.
        """
        taken = self.record.take()
        here, *others = (
            {_what(path) for path in taken.get(process, ()) if _what(path)} for process in self._all(taken)
        )
        for step in ("the catalogue", *steps):
            opened = {what for what in here if _does(step, what, table)}
            self.steps |= {step} if opened else set()
            here -= opened
        assert not here, f"{table}: not by {steps}"
        assert isinstance(self.lake.engine, Watched)
        assert set(taken) - {os.getpid()} <= self.lake.engine.processes  # nor anybody else, such as Java
        return set().union(*others)

    @staticmethod
    def _all(taken: dict[int, set[str]]) -> list[int]:
        return [os.getpid(), *(process for process in taken if process != os.getpid())]


def _what(path: str) -> str:
    """The table of a data file, `raw` of a raw file, nothing of another."""
    first, *rest = path.split("/")
    if first == "tables" and path.endswith(".parquet"):
        return ".".join(rest[:2])
    return "raw" if first == "raw" else ""


def _does(step: str, what: str, table: Derived | Source) -> bool:
    """Whether a step opens that, of this source or table."""
    if step == "the catalogue":
        return what.startswith(OF_THE_CATALOGUE)
    if step == "cataloguing":
        return what == "raw"
    if step == "which rows win":
        return isinstance(table, Source) and what in {table.table, table.observations}
    return isinstance(table, Derived) and what in {one.table for one in table.inputs}


@pytest.fixture
def opened(watched: Watched, tmp_path: Path) -> Iterator[Opened]:
    """An empty lake, and what is opened in it."""
    lake = open_lake(Settings(home=tmp_path / "home", settle_seconds=0))
    Path(lake.settings.lake).mkdir(parents=True)
    record = OpenedFiles(Path(lake.settings.lake))
    yield Opened(replace(lake, engine=watched), record, set())
    record.close()


def repeats(lake: Lake, source: Source) -> bool:
    """Whether keys repeat in what was read of a source."""
    return bool(files(lake, source)["rows_duplicate"].sum()) or source.observations is not None


@pytest.mark.slow
def test_who_plans_opens_only_what_the_docs_name(
    opened: Opened, tiny_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = opened.lake
    for name, source in all_sources().items():
        if not source.shares_raw_with:
            list(land(lake, name, sorted((tiny_samples / name).iterdir())))
    opened.record.take()
    without_repeats = set()
    for source in all_sources().values():
        catalogue_objects(lake, source, discover_all(lake, source.name))
        assert not opened.told(source, "cataloguing")
        ingest(lake, source)
        repeated = repeats(lake, source)
        assert opened.told(source, *(["which rows win"] if repeated else [])) >= {"raw", source.table}
        without_repeats |= set() if repeated else {source.name}
    assert without_repeats
    for table in topological(all_derived().values()):
        materialize(lake, table, full=True)
        there = {one.table for one in table.inputs if lake.tables.table(one.table)}
        assert opened.told(table, *(["rows counted back"] if table.counts_back else [])) >= {table.table} | there
    compute_few_rows_at_a_time(monkeypatch, 50)
    for table in all_derived().values():
        if table.counts_back is None and not table.is_cut_by_time and dividing_columns(table):
            materialize(lake, table, full=True)
            opened.told(table, "a sample")
    folder = Path(lake.settings.lake) / "raw" / READINGS.name
    folder.mkdir(parents=True)
    for number in range(2):
        (folder / f"{number}.csv").write_bytes(csv(f"sensor {number}", range(20)))
        catalogue_objects(lake, READINGS, discover_all(lake, READINGS.name))
        ingest(lake, READINGS)
        opened.record.take()
        materialize(lake, SENSOR_DAYS)
        opened.told(SENSOR_DAYS, *(["what a change reaches"] if number else []))
    assert opened.steps == STEPS  # each was seen to open something


def test_the_docs_name_these_steps() -> None:
    told = (ROOT / "docs" / "scaling.md").read_text().partition("| whoever plans opens")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| \*\*(.+?)\*\*", told, re.MULTILINE)) == STEPS
