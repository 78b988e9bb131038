"""Rare things in a raw zone that must neither stop a source nor lose a row: odd texts, twins, deep folders, odd homes."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import NotAFile, land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine import quarantine, replay
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.toy import GAUGES, HEADER, files, gauges, load, row, rows, table, zipped

Drop = Callable[[str, str, bytes], Path]


@pytest.fixture
def put(drop: Drop) -> Callable[..., Path]:
    return lambda name, content: drop("gauges", name, content)


@pytest.mark.parametrize(
    "values",
    [
        ["2021-01-01", "01/02/2021"],
        ["12:00:00", "12:00"],
        ["1" * 60],
        ["١٢"],
        ["１２"],
        ["٠.٥"],
        ["1/1/1", "2021-01-01"],
    ],
    ids=str,
)
def test_a_text_whose_types_cannot_be_told_holds_nothing_back(
    lake: Lake, put: Callable[..., Path], values: list[str]
) -> None:
    put("good.csv", gauges(3))
    put("notes.csv", "\n".join(["when,what", *(f"{value},x" for value in values), ""]).encode())
    put(
        "more.csv",
        (HEADER.strip() + ",more\n" + "".join(f"{row(i, 'm').strip()},{v}\n" for i, v in enumerate(values))).encode(),
    )
    entries = load(lake)
    assert {name: entry["status"] for name, entry in entries.items()} == {
        "good.csv": Status.LOADED, "notes.csv": Status.QUARANTINED, "more.csv": Status.LOADED,
    }  # fmt: skip
    assert (
        table(lake)
        .filter(name="m")["extra"]
        .str.json_decode(pl.Struct({"more": pl.String}))
        .struct.field("more")
        .to_list()
        == values
    )


@pytest.mark.parametrize("name", ["", "*", "^x$", "*,b", " row", "at'"])
def test_an_added_column_may_have_any_name(lake: Lake, put: Callable[..., Path], name: str) -> None:
    quoted = f'"{name}"' if "," in name else name
    put("a.csv", f"{HEADER.strip()},{quoted}\n{row(1).strip()},v\n".encode())
    put("good.csv", gauges(3, "good"))
    entries = load(lake)
    assert entries["good.csv"]["status"] == Status.LOADED
    assert entries["a.csv"]["status"] == Status.LOADED
    assert table(lake).filter(name="g")["extra"].to_list() == [f'{{"{name.strip()}":"v"}}']


def test_text_that_no_bound_can_be_cut_from_is_kept(lake: Lake, put: Callable[..., Path]) -> None:
    note = "\ud7ff" * 20
    put("a.csv", (HEADER + row(1, note=note)).encode())
    load(lake)
    assert table(lake)["note"].to_list() == [note]


@pytest.mark.parametrize("archive", [False, True], ids=["file", "archive"])
@pytest.mark.parametrize("overwritten", [False, True], ids=["removed", "overwritten"])
def test_of_twins_the_one_that_is_left_is_read(
    lake: Lake, put: Callable[..., Path], archive: bool, overwritten: bool
) -> None:
    content = zipped({"x.csv": gauges(5), "y.csv": gauges(4, "y")}) if archive else gauges(5)
    first = put("a.zip" if archive else "a.csv", content)
    put("b.zip" if archive else "b.csv", content)
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    first.unlink()
    if overwritten:
        put(first.name, gauges(2, "other"))
    ingest(lake, GAUGES)
    load(lake)
    assert len(table(lake)) == (9 if archive else 5) + 2 * overwritten
    assert unbalanced_files(lake, GAUGES).is_empty()
    before = files(lake)
    assert load(lake) == before


def test_what_was_overwritten_can_be_landed_again(lake: Lake, put: Callable[..., Path], tmp_path: Path) -> None:
    raw = put("a.csv", gauges(5, "first"))
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    raw.write_bytes(gauges(2, "second"))
    os.utime(raw, (1, 1))
    load(lake)
    (tmp_path / "a.csv").write_bytes(gauges(5, "first"))
    (landed,) = land(lake, "gauges", [tmp_path / "a.csv"])
    assert not landed.already_there
    os.utime(landed.uri, (1, 1))
    load(lake)
    assert sorted(table(lake)["name"].unique()) == ["first", "second"]


def test_a_file_that_goes_before_it_is_read_again_keeps_what_it_gave(lake: Lake, put: Callable[..., Path]) -> None:
    raw = put("a.csv", (HEADER + rows(3) + "bad\n").encode())
    before = load(lake)["a.csv"]
    replay.reopen(lake, GAUGES)
    raw.unlink()
    ingest(lake, GAUGES)
    after = files(lake)["a.csv"]
    assert after["status"] == Status.LOADED
    assert "overwritten or removed" in after["reason"]
    counts = ["rows_read", "rows_valid", "rows_quarantined", "rows_duplicate"]
    assert [after[name] for name in counts] == [before[name] for name in counts] == [4, 3, 1, 0]
    assert quarantine.rows_of(lake.tables, "gauges").collect()["status"].to_list() == [Fate.OPEN]
    assert unbalanced_files(lake, GAUGES).is_empty()


def test_names_times_and_depths_that_nobody_expects_are_listed(lake: Lake, put: Callable[..., Path]) -> None:
    good = put("good.csv", gauges(3))
    (good.parent / "a\\xff.csv").write_bytes(gauges(2, "plain"))
    (good.parent / os.fsdecode(b"a\xff.csv")).write_bytes(gauges(2, "no UTF-8"))
    deep = good.parent
    for _ in range(1_200):  # deeper than Python's calls
        deep /= "d"
        deep.mkdir()
    (deep / "far.csv").write_bytes(gauges(2, "far"))
    for path in (good.parent / "a\\xff.csv", deep / "far.csv"):
        os.utime(path, (1, 1))
    assert load(lake)["good.csv"]["status"] == Status.LOADED
    assert {"g", "far"} <= set(table(lake)["name"])
    (deep / "far.csv").unlink()
    while deep != good.parent:  # what removes a test's folder calls itself
        deep.rmdir()
        deep = deep.parent


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "a\nb", "a#b?c"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    lake = open_lake(Settings(home=tmp_path / name, settle_seconds=0))
    raw = tmp_path / name / "lake" / "raw" / "gauges"
    raw.mkdir(parents=True)
    for number in range(4):
        (raw / f"{number}.csv").write_bytes(gauges(3, str(number)))
        load(lake)
    assert list(maintain(lake))
    assert len(table(open_lake(Settings(home=tmp_path / name)))) == 12


def test_a_pipe_is_not_landed(lake: Lake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(NotAFile, match="no regular file"):
        list(land(lake, "gauges", [tmp_path / "pipe.csv"]))


def test_an_unexpected_error_names_the_file(
    lake: Lake, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.csv", gauges(3))

    def fail(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr("cryptodudez_assets.lake.formats.csv.parse.chunks", fail)
    with pytest.raises(RuntimeError) as caught:
        load(lake)
    assert "a.csv" in "".join(caught.value.__notes__)
