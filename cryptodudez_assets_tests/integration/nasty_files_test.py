"""More than a thousand nasty files land in a strict source and in a drafted one: table, quarantine and reasons are what is true."""

import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.drafting.choices import Choices
from cryptodudez_assets.drafting.draft import draft
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import Source, all_sources
from cryptodudez_assets_tests.builders import files, open_lake, rows_of, take_in
from cryptodudez_assets_tests.nasty.files import NastyFile, nasty_files
from cryptodudez_assets_tests.nasty.subjects import COINS, GAUGES, Subject, clean_sample

BATCHES = 3
FILES = {"strict": 640, "drafted": 400}
SUBJECTS = {"strict": COINS, "drafted": GAUGES}


@dataclass
class Landed:
    """What was landed, and what became of it, by the file's name."""

    subject: Subject
    source: Source
    lake: Lake
    files: dict[str, NastyFile]
    rows: dict[str, list[tuple[Any, ...]]]
    bad: dict[str, dict[int, str]]
    whole: dict[str, list[str]]


def drafted(folder: Path) -> Source:
    """The source that a clean sample is drafted to."""
    sample, module_file = folder / "sample.csv", folder / "drafted_gauges.py"
    sample.write_text(clean_sample(GAUGES))
    module_file.write_text(draft("drafted_gauges", sample, Choices(key=["station", "measured_at"])).text)
    spec = importlib.util.spec_from_file_location("drafted_gauges", module_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where Python looks for the source of its contract
    spec.loader.exec_module(module)
    source: Source = module.SOURCE
    return source


@pytest.fixture(scope="module", params=FILES)
def landed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    kind = str(request.param)
    subject, folder = SUBJECTS[kind], tmp_path_factory.mktemp(kind)
    source = all_sources()["crypto_prices"] if kind == "strict" else drafted(folder)
    lake = open_lake(Settings(home=folder / "home", settle_seconds=0))
    nasty = list(nasty_files(subject, FILES[kind], seed=FILES[kind]))
    for batch in range(BATCHES):
        for one in nasty[batch::BATCHES]:
            path = Path(lake.settings.lake) / "raw" / source.name / one.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
        take_in(lake, source)
    return _what_became(subject, source, lake, nasty)


def _what_became(subject: Subject, source: Source, lake: Lake, nasty: list[NastyFile]) -> Landed:
    prefix = lake.store.uri(f"raw/{source.name}/")
    names = {
        file_id: uri.removeprefix(prefix) for file_id, uri in files(lake, source).select("file_id", "uri").iter_rows()
    }
    rows, bad, whole = defaultdict(list), defaultdict(dict), defaultdict(list)  # type: ignore[var-annotated]
    for *values, file_id in rows_of(lake, source.table).select(*subject.canonical, "file_id").iter_rows():
        rows[names[file_id]].append(tuple(values))
    records = quarantine.rows_of(lake.tables, source.name).select("uri", "line", "reason").collect()
    for uri, line, reason in records.iter_rows():
        bad[uri.removeprefix(prefix)][line] = reason
    for uri, reason in quarantine.files_of(lake.tables, source.name).select("uri", "reason").collect().iter_rows():
        whole[uri.removeprefix(prefix)].append(reason)
    return Landed(subject, source, lake, {one.name: one for one in nasty}, rows, bad, whole)


def told(landed: Landed) -> Iterator[tuple[str, NastyFile]]:
    return iter(landed.files.items())


def test_there_are_more_than_a_thousand_of_every_kind() -> None:
    assert sum(FILES.values()) > 1000
    for kind, n in FILES.items():
        drawn = [one.told.split()[1:] for one in nasty_files(SUBJECTS[kind], n, seed=n)]
        assert len({damage for damage, *_ in drawn}) > 30
        assert len({packed for _, _, packed, *_ in drawn}) > 20


def test_the_table_holds_the_good_records_and_no_others(landed: Landed) -> None:
    wrong = [
        f"{one.told}\n  expected {sorted(one.truth.good, key=repr)}\n  found    {sorted(landed.rows[name], key=repr)}"
        for name, one in told(landed)
        if sorted(one.truth.good, key=repr) != sorted(landed.rows[name], key=repr)
    ]
    assert not wrong, f"{len(wrong)} files\n" + "\n".join(wrong[:5])


def test_the_quarantine_holds_the_bad_records_and_no_others(landed: Landed) -> None:
    wrong = [
        f"{one.told}\n  expected {one.truth.bad}\n  found    {landed.bad[name]}"
        for name, one in told(landed)
        if set(one.truth.bad) != set(landed.bad[name])
    ]
    assert not wrong, f"{len(wrong)} files\n" + "\n".join(wrong[:5])


def test_files_that_cannot_be_used_are_set_aside_whole_and_no_others(landed: Landed) -> None:
    wrong = [
        f"{one.told}\n  expected {one.truth.whole}\n  found    {landed.whole[name]}"
        for name, one in told(landed)
        if len(landed.whole[name]) != bool(one.truth.whole)
    ]
    assert not wrong, f"{len(wrong)} files\n" + "\n".join(wrong[:5])


def test_reasons_name_the_raw_column_and_the_value_or_what_the_file_is(landed: Landed) -> None:
    wrong = []
    for name, one in told(landed):
        expected = [*((landed.bad[name].get(line, ""), says) for line, says in one.truth.bad.items())]
        expected += [(reason, one.truth.whole) for reason in landed.whole[name]]
        wrong += [
            f"{one.told}\n  {reason!r}\n  lacks one of {says}"
            for reason, says in expected
            if not all(s in reason for s in says)
        ]
    assert not wrong, f"{len(wrong)} reasons\n" + "\n".join(wrong[:5])


def test_every_record_is_counted_once(landed: Landed) -> None:
    assert unbalanced_files(landed.lake, landed.source).is_empty()
    counted = files(landed.lake, landed.source).filter(pl.col("rows_read").is_not_null())
    read = dict(counted.group_by("uri").agg(pl.col("rows_read").sum()).iter_rows())
    prefix = landed.lake.store.uri(f"raw/{landed.source.name}/")
    wrong = [
        f"{one.told}: {read.get(prefix + name)} read"
        for name, one in told(landed)
        if not one.truth.whole and read.get(prefix + name) != one.truth.records
    ]
    assert not wrong, wrong[:5]
