"""Files that fail while they are read: who is at fault, what is said of it, and that the machine's faults are no file's."""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pytest
from click.testing import CliRunner
from filelock import Timeout

from cryptodudez_assets import sources
from cryptodudez_assets.cli import main
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.formats.faults import Misdeclared
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.ingest.undecided import UNDECIDED
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.store import locks
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.sources import Lookup, Source
from cryptodudez_assets_tests.odd import WAYS, Way, content
from cryptodudez_assets_tests.rig import Rig, checks_of
from cryptodudez_assets_tests.toy import counts, files, load, table

Drop = Callable[[str, str, bytes], Path]
STRICT = WAYS["number strict"]


def statuses(lake: Lake, source: Source) -> dict[str, str]:
    return {name: entry["status"] for name, entry in files(lake, source).items()}


class TestAFileAtFault:
    @pytest.mark.parametrize("way", [WAYS["format inferred"], WAYS["rule"]], ids=["format inferred", "rule"])
    def test_is_set_aside_and_the_others_are_read(self, lake: Lake, drop: Drop, way: Way):
        source = way.source()
        drop("odd", "a.csv", content("a", way.good))
        drop("odd", "b.csv", content("b", way.bad))
        drop("odd", "c.csv", content("c", way.good))

        found = load(lake, source)

        assert statuses(lake, source) == {"a.csv": "loaded", "b.csv": "quarantined", "c.csv": "loaded"}
        assert counts(found["b.csv"]) == (len(way.bad), 0, len(way.bad), 0)
        assert len(table(lake, source)) == 2 * len(way.good)
        assert unbalanced_files(lake, source).is_empty()

    @pytest.mark.parametrize(
        ("name", "bad", "told"),
        [
            (
                "number strict",
                ["1", "2", "bad"],
                'value cannot be made in line 4, where text = "bad": conversion from `str`',
            ),
            ("format inferred", ["2021-02-03T00:00:00Z"], 'in line 2, where text = "2021-02-03T00:00:00Z": `strptime`'),
            (
                "function of one value",
                ["bad"],
                'where text = "bad": Unheard: never heard of bad (declared as col("text")',
            ),
            (
                "rule",
                ["1000", "1"],
                "the rule small cannot be applied in line 2, where value = 1000.0: conversion from",
            ),
        ],
    )
    def test_is_told_with_column_line_value_and_expression(
        self, lake: Lake, drop: Drop, name: str, bad: list[str], told: str
    ):
        way = WAYS[name]
        drop("odd", "a.csv", content("a", way.good))
        drop("odd", "b.csv", content("b", bad))

        reason = load(lake, way.source())["b.csv"]["reason"]

        assert told in reason
        assert "(declared as " in reason
        assert "cryptodudez quarantine replay odd" in reason
        assert "\n" not in reason

    def test_is_found_wherever_it_fails_in_a_long_file(self, lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("cryptodudez_assets.lake.formats.csv.chunks.chunks.__defaults__", (64,))
        drop("odd", "a.csv", content("a", ["1"] * 50))
        drop("odd", "b.csv", content("b", ["1"] * 40 + ["bad"] + ["1"] * 9))

        found = load(lake, STRICT.source())

        assert counts(found["b.csv"]) == (50, 0, 50, 0)
        assert "in line 42, where" in found["b.csv"]["reason"]
        assert set(table(lake, STRICT.source())["file_id"]) == {found["a.csv"]["file_id"]}

    def test_is_one_whose_text_nobody_can_recognise(self, lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch):
        from cryptodudez_assets.lake.metastore import describe

        def confused(content: Any, layouts: Any) -> Any:
            if b"bad" in content.head:
                raise IndexError("never thought of that")
            return recognise(content, layouts)

        recognise = describe.recognise
        monkeypatch.setattr(describe, "recognise", confused)
        drop("odd", "a.csv", content("a", ["1"]))
        drop("odd", "b.csv", content("b", ["bad"]))

        found = load(lake, STRICT.source())

        assert found["a.csv"]["status"] == Status.LOADED
        assert found["b.csv"]["status"] == Status.QUARANTINED
        assert found["b.csv"]["reason"] == "its text cannot be recognised: IndexError: never thought of that"


class TestADeclarationAtFault:
    def test_leaves_files_pending_with_the_reason_until_one_is_read(self, lake: Lake, drop: Drop):
        source = STRICT.source()
        drop("odd", "a.csv", content("a", ["bad"]))
        drop("odd", "b.csv", content("b", ["bad"]))
        for _ in range(2):
            pending = load(lake, source)
            assert statuses(lake, source) == {"a.csv": "pending", "b.csv": "pending"}
            assert pending["a.csv"]["reason"].startswith(UNDECIDED)
        drop("odd", "c.csv", content("c", ["1"]))

        load(lake, source)

        assert statuses(lake, source) == {"a.csv": "quarantined", "b.csv": "quarantined", "c.csv": "loaded"}

    def test_that_is_mended_reads_them(self, lake: Lake, drop: Drop):
        drop("odd", "a.csv", content("a", ["bad"]))
        load(lake, STRICT.source())

        load(lake, Way(pl.col("text").cast(pl.Float64, strict=False), (), ()).source())

        assert statuses(lake, STRICT.source()) == {"a.csv": "loaded"}

    def test_changed_for_the_worse_sets_nothing_aside(self, lake: Lake, drop: Drop):
        drop("odd", "a.csv", content("a", ["1"]))
        load(lake, STRICT.source())
        drop("odd", "b.csv", content("b", ["1"]))

        load(lake, Way(pl.col("text").str.to_date("%Y").dt.epoch("d").cast(pl.Float64), (), ()).source())

        assert statuses(lake, STRICT.source()) == {"a.csv": "loaded", "b.csv": "pending"}

    def test_fails_the_check_and_the_run(self, lake: Lake, drop: Drop):
        rig = Rig(lake, [STRICT.source()])
        drop("odd", "a.csv", content("a", ["bad"]))

        result = rig.ingest()

        check = checks_of(result)["nothing_left_behind"]
        assert (result.success, check.passed, check.severity.value) == (False, False, "ERROR")
        assert 'a.csv: cannot be read as declared: value cannot be made in line 2, where text = "bad"' in str(
            check.description
        )
        assert checks_of(result)["contract"].passed

    def test_of_a_lookup_is_no_files(self, lake: Lake, drop: Drop):
        drop("odd", "a.csv", content("a", ["1"]))
        load(lake, STRICT.source())
        twice = Lookup("value", "name", "lab.odd", lambda rows: pl.concat([rows, rows]).select("name", "value"))
        source = replace(STRICT.source("other"), lookup=twice)
        drop("other", "a.csv", content("a", ["1"]))

        with pytest.raises(Misdeclared, match=r"the lookup of value in lab\.odd cannot be used"):
            load(lake, source)

        assert statuses(lake, source) == {"a.csv": "pending"}


class Faulty(FolderStore):
    """A folder on a disk that fails while a file is read."""

    def open(self, key: str) -> BinaryIO:
        if self.broken and key.endswith("b.csv"):
            raise self.broken
        return super().open(key)

    broken: OSError | None = None


class TestTheMachineAtFault:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError(),
            OSError(errno.ENOSPC, "No space left on device"),
            sqlite3.OperationalError("database is locked"),
            RuntimeError("can't start new thread"),
        ],
        ids=repr,
    )
    def test_inside_an_expression_sets_nothing_aside(self, lake: Lake, drop: Drop, error: Exception):
        down = [True]

        def made(texts: pl.Series) -> pl.Series:
            if down and "2" in texts:
                raise error
            return texts.cast(pl.Float64)

        source = Way(pl.col("text").map_batches(made, return_dtype=pl.Float64, is_elementwise=True), (), ()).source()
        drop("odd", "a.csv", content("a", ["1"]))
        drop("odd", "b.csv", content("b", ["2"]))

        with pytest.raises(type(error)):
            load(lake, source)

        assert set(statuses(lake, source).values()) == {"claimed"}
        down.clear()
        load(lake, source)
        assert set(statuses(lake, source).values()) == {"loaded"}

    def test_permission_that_is_lost_for_a_while_sets_nothing_aside(self, lake: Lake, drop: Drop):
        source, store = STRICT.source(), Faulty(Path(lake.settings.lake))
        for name, text in (("a", "1"), ("b", "2")):
            drop("odd", f"{name}.csv", content(name, [text]))
        catalogue_objects(lake, source, discover_all(lake, "odd"))
        store.broken = PermissionError(errno.EACCES, "Permission denied")
        ingest(replace(lake, store=store), source)
        assert statuses(lake, source) == {"a.csv": "loaded", "b.csv": "ignored"}

        load(lake, source)  # which looks again, now that it is back
        assert set(statuses(lake, source).values()) == {"loaded"}

    def test_a_disk_that_fails_sets_nothing_aside(self, lake: Lake, drop: Drop):
        source, store = STRICT.source(), Faulty(Path(lake.settings.lake))
        drop("odd", "a.csv", content("a", ["1"]))
        drop("odd", "b.csv", content("b", ["2"]))
        catalogue_objects(lake, source, discover_all(lake, "odd"))
        store.broken = OSError(errno.EIO, "Input/output error")

        with pytest.raises(OSError, match="Input/output error"):
            ingest(replace(lake, store=store), source)

        assert "quarantined" not in statuses(lake, source).values()
        store.broken = None
        ingest(replace(lake, store=store), source)
        assert set(statuses(lake, source).values()) == {"loaded"}

    def test_a_lock_that_is_held_sets_nothing_aside(self, lake: Lake, drop: Drop, monkeypatch: pytest.MonkeyPatch):
        source, held, done = STRICT.source(), threading.Event(), threading.Event()
        drop("odd", "a.csv", content("a", ["1"]))

        def hold() -> None:
            with locks.exclusive(lake.settings, f"table.{source.table}"):
                held.set()
                done.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(10)
        monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.1)
        try:
            with pytest.raises(Timeout):
                load(lake, source)
        finally:
            done.set()
            holder.join()
        assert statuses(lake, source) == {"a.csv": "claimed"}
        load(lake, source)
        assert statuses(lake, source) == {"a.csv": "loaded"}


@pytest.fixture
def more_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which sources are declared, too; new ones are written there."""
    import sys

    folder = tmp_path / "more"
    folder.mkdir()
    monkeypatch.setattr(sources, "__path__", [str(folder), *sources.__path__])
    sources.all_sources.cache_clear()
    yield folder
    sources.all_sources.cache_clear()
    for path in folder.glob("*.py"):
        sys.modules.pop(f"{sources.__name__}.{path.stem}", None)


class TestTheCommand:
    ZONED = "ts,price\n2021-02-03T00:00:00Z,3\n"
    LOOSE = 'pl.col("ts").str.to_datetime(time_unit="us", strict=False).dt.replace_time_zone("UTC")'

    @pytest.fixture
    def run(self, tmp_path: Path, more_sources: Path) -> Callable[..., str]:
        environment = {
            "CRYPTODUDEZ_HOME": str(tmp_path / "home"),
            "CRYPTODUDEZ_SETTLE_SECONDS": "0",
            "COLUMNS": "200",
        }

        def command(*arguments: object, code: int = 0) -> str:
            done = CliRunner(env=environment).invoke(main, [str(argument) for argument in arguments])
            assert done.exit_code == code, f"{done.output}{done.exception!r} {sources.left_out_sources()}"
            assert "Traceback" not in done.output
            sources.all_sources.cache_clear()
            return done.output

        return command

    def land(self, run: Callable[..., str], folder: Path, name: str, text: str) -> None:
        (folder / name).write_text(text)
        run("land", "prix", folder / name)

    def test_a_drafted_source_sets_rows_of_another_format_aside(self, run: Callable[..., str], tmp_path: Path):
        sample = "ts,price\n2021-01-01 00:00:00,1\n2021-01-02 00:00:00,2\n"
        (tmp_path / "sample.csv").write_text(sample)
        run("new-source", "prix", tmp_path / "sample.csv")
        self.land(run, tmp_path, "good.csv", sample)
        self.land(run, tmp_path, "zoned.csv", self.ZONED)

        run("run", "--select", "prix")

        told = run("quarantine", "list", "--source", "prix")
        assert "zoned.csv   2      event_ts:missing" in told
        assert "2" in run("sql", "select count(*) as n from market.prix", "--format", "csv")

    def test_a_declaration_that_infers_formats_is_told_in_a_line_and_later_files_are_read(
        self, run: Callable[..., str], tmp_path: Path, more_sources: Path
    ):
        sample = "ts,price\n2021-01-01 00:00:00,1\n2021-01-02 00:00:00,2\n"
        (tmp_path / "sample.csv").write_text(sample)
        run("new-source", "prix", tmp_path / "sample.csv")
        drafted = (more_sources / "prix.py").read_text()
        line = next(line for line in drafted.splitlines() if line.startswith("event_time = "))
        (more_sources / "prix.py").write_text(drafted.replace(line, f"event_time = {self.LOOSE}"))
        self.land(run, tmp_path, "zoned.csv", self.ZONED)

        for _ in range(2):
            told = run("run", "--select", "prix", code=1)
            assert told.count("event_ts cannot be made in line 2") == 1
            assert "DagsterAssetCheckFailedError" not in told
        assert "cannot be read as declared" in run("status", "--files")

        self.land(run, tmp_path, "good.csv", sample)
        run("run", "--select", "prix")
        assert "event_ts cannot be made in line 2" in run("quarantine", "list", "--source", "prix")
        assert "nothing new" in run("run", "--select", "prix")
