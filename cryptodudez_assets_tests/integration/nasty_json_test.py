"""Nasty JSON lands, as lines and as documents, loose, in gz and in zip: table, quarantine and reasons are what is true."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import files, open_lake, rows_of, take_in
from cryptodudez_assets_tests.nasty.json_files import DAMAGE, PACKED, NastyJson, nasty_json
from cryptodudez_assets_tests.toy_posts import SOURCE as POSTS

FILES = 3 * len(DAMAGE)
LINES = POSTS.layouts[0]
SOURCE = replace(POSTS, layouts=[LINES, replace(LINES, name="answer", rows="$.data")])
COLUMNS = ["text", "price", "author", "followers", "score", "place", "extra"]


@dataclass
class Landed:
    lake: Lake
    files: list[NastyJson]
    good: dict[str, dict[str, dict[str, Any]]]
    bad: dict[str, dict[str, str]]
    raw: dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("json"), settle_seconds=0))
    nasty = list(nasty_json(FILES, seed=14))
    folder = Path(lake.settings.lake) / "raw" / SOURCE.name
    folder.mkdir(parents=True)
    for one in nasty:
        (folder / one.name).write_bytes(one.content)
    take_in(lake, SOURCE)
    catalogue = files(lake, SOURCE).filter(pl.col("file_id").is_not_null())
    names = {file_id: uri.rpartition("/")[2] for file_id, uri in catalogue.select("file_id", "uri").iter_rows()}
    good: dict[str, dict[str, dict[str, Any]]] = {one.name: {} for one in nasty}
    bad: dict[str, dict[str, str]] = {one.name: {} for one in nasty}
    for row in rows_of(lake, SOURCE.table).iter_rows(named=True):
        good[names[row["file_id"]]][row["post_id"]] = {name: row[name] for name in COLUMNS}
    raw = {}
    for row in quarantine.rows_of(lake.tables, SOURCE.name).collect().iter_rows(named=True):
        where = row["place"] or f"line {row['line']}"
        bad[names[row["file_id"]]][where] = row["reason"]
        raw[names[row["file_id"]], where] = row["raw"]
    return Landed(lake, nasty, good, bad, raw)


def test_every_damage_is_there_as_lines_and_as_document_and_in_every_packing(landed: Landed) -> None:
    told = " ".join(one.told for one in landed.files)
    assert all(kind in told for kind in DAMAGE)
    assert {one.told.split("]")[1].split()[0] for one in landed.files if one.told.startswith("document")} == set(PACKED)
    assert {one.told.split("]")[-1].split()[0] for one in landed.files if one.told.startswith("lines")} == set(PACKED)


def test_the_table_holds_the_good_records_with_their_digits_and_no_others(landed: Landed) -> None:
    wrong = [
        f"{one.name} {one.told}\n  expected {one.good}\n  found    {landed.good[one.name]}"
        for one in landed.files
        if landed.good[one.name] != one.good
    ]
    assert not wrong, f"{len(wrong)} files\n" + "\n".join(wrong[:3])


def test_the_quarantine_holds_the_bad_records_at_their_place_and_no_others(landed: Landed) -> None:
    wrong = [
        f"{one.name} {one.told}\n  expected {one.bad}\n  found    {landed.bad[one.name]}"
        for one in landed.files
        if set(landed.bad[one.name]) != set(one.bad)
    ]
    assert not wrong, f"{len(wrong)} files\n" + "\n".join(wrong[:3])


def test_the_reason_says_what_is_wrong(landed: Landed) -> None:
    wrong = [
        (one.told, where, expected, landed.bad[one.name].get(where))
        for one in landed.files
        for where, expected in one.bad.items()
        if expected not in (landed.bad[one.name].get(where) or "")
    ]
    assert not wrong, f"{len(wrong)} records\n" + "\n".join(map(str, wrong[:5]))


def test_every_file_adds_up(landed: Landed) -> None:
    assert unbalanced_files(landed.lake, SOURCE).is_empty()
    counts = files(landed.lake, SOURCE).filter(pl.col("rows_read").is_not_null())
    assert counts["rows_read"].sum() == sum(len(one.good) + len(one.bad) for one in landed.files)
    assert set(counts["status"]) == {"loaded"}


def test_the_raw_record_is_kept_as_text(landed: Landed) -> None:
    twice = [raw for raw in landed.raw.values() if raw.startswith('{"id": "1", "text": "a"')]
    assert twice
    assert all(json.loads(raw)["text"] == "b" for raw in twice)
