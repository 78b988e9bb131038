"""Pieces of an identity are found where text was cut by an ellipsis; what may be somebody else's stays."""

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cryptodudez_assets.erasing.databases import erase_from_database
from cryptodudez_assets.erasing.scan import scan_files
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets_tests.toy_accounts import ADA, BOB

INSTEAD = "erased-1"
NAMES = Names("account", {ADA: INSTEAD}).telling
LONG = "3f9a" * 750
SIDES = [(20, 8), (3, 28), (28, 3), (4, 4), (31, 0), (0, 31), (12, 0)]
"""How much of it stands before the ellipsis, and how much behind."""


def cut_at(before: int, behind: int, who: str = ADA) -> str:
    return f"3521,{who[:before]} … {who[len(who) - behind :]},eth"


def told(names: Names, text: str) -> str:
    """Without them, by all ways in which texts are looked at."""
    out, n = names.out_of(text.encode())
    assert out.decode() == names.out_of_text(text)
    assert bool(n) == names.occur_in(text.encode()) == (out.decode() != text)
    return out.decode()


@pytest.mark.parametrize(("before", "behind"), SIDES)
@pytest.mark.parametrize("written", [str, json.dumps, lambda text: json.dumps(json.dumps(text))])
def test_both_sides_go_as_text_and_as_json(before: int, behind: int, written):  # type: ignore[no-untyped-def]
    text = written(cut_at(before, behind))
    left = written(f"3521,{INSTEAD * bool(before)} … {INSTEAD * bool(behind)},eth")

    assert told(NAMES, text) == left
    (found,) = scan_files([("run.log", io.BytesIO(text.encode()))], ADA).found
    assert found.times == bool(before) + bool(behind)
    assert scan_files([("run.log", io.BytesIO(left.encode()))], ADA).found == []


def test_of_a_very_long_one_too():
    assert told(Names("account", {LONG: INSTEAD}).telling, cut_at(50, 2, LONG)) == f"3521,{INSTEAD} … {INSTEAD},eth"


@pytest.mark.parametrize(
    "text",
    [
        cut_at(20, 20, BOB),
        cut_at(4, 3),  # seven characters may be anybody's
        f"x{ADA[:20]} … {ADA[-20:]}x",  # other words
        f"{ADA[:20]} {ADA[-20:]}",
    ],
)
def test_what_is_not_cut_or_not_theirs_stays(text: str):
    assert told(NAMES, text) == text
    assert scan_files([("run.log", io.BytesIO(text.encode()))], ADA).found == []


def test_a_piece_that_may_be_of_who_stays_stays():
    names = Names("account", {"john.doe.one": INSTEAD}, others=frozenset({"john.doe.one.two"})).telling
    assert told(names, "john.doe.o …") == "john.doe.o …"
    assert told(names, "john.d … e.one") == f"{INSTEAD} … {INSTEAD}"


def test_from_rows_and_free_pages_of_a_database(tmp_path: Path):
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as server:
        server.execute("PRAGMA secure_delete = OFF")
        server.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, body TEXT)")
        body = json.dumps({"preview": cut_at(14, 17)})
        server.executemany("INSERT INTO event VALUES (?, ?)", [(number, body * 50) for number in range(100)])
        server.execute("DELETE FROM event WHERE id > 0")
    assert erase_from_database(path, NAMES) == 1
    assert ADA[:14].encode() not in path.read_bytes()
    assert ADA[-17:].encode() not in path.read_bytes()

    with closing(sqlite3.connect(path, isolation_level=None)) as server:
        server.execute("PRAGMA secure_delete = OFF")
        server.executemany("INSERT INTO event VALUES (?, ?)", [(number, body * 50) for number in range(1, 100)])
        server.execute("DELETE FROM event WHERE id > 0")
    assert erase_from_database(path, NAMES) == 1, "in free pages only"
    assert ADA[:14].encode() not in path.read_bytes()
