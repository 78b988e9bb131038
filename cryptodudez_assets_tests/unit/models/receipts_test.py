"""Receipts: kept once, found again to the last bit, bounded, by many at a time."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from cryptodudez_assets.models.receipts import ID_LENGTH, DamagedReceipt, Receipt, Receipts, decoded, receipt_id

T0 = datetime(2021, 7, 1, tzinfo=UTC)
SHA = "ab" * 32
PLENTY = 10**12
OLD_TABLES = """
    CREATE TABLE receipts (number INTEGER PRIMARY KEY, id TEXT UNIQUE, endpoint TEXT, model TEXT, receipt TEXT);
    CREATE INDEX by_endpoint ON receipts (endpoint, number);"""
WORKER = """
import sys
from pathlib import Path
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets_tests.unit.models.receipts_test import receipt
sys.stdin.readline()
receipts = Receipts(Path(sys.argv[1]))
for number in range(20):
    receipts.record([receipt("shared", made=number), receipt(f"{sys.argv[2]}-{number}")])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "receipts.db"


@pytest.fixture
def receipts(path: Path) -> Iterator[Receipts]:
    receipts = Receipts(path)
    yield receipts
    receipts.close()


def receipt(
    id_: str = "a", endpoint: str = "predict", model: str = "eth_signal", made: int = 0, version: int = 2
) -> Receipt:
    return Receipt(
        id=id_,
        made_at=T0.replace(minute=made),
        endpoint=endpoint,
        request={"rows": [{"momentum": 0.1, "mood": None}]},
        model=model,
        version=version,
        sha256=SHA,
        inputs=[[0.10000000149011612, None], [-0.0, 1e-45]],
        probabilities=[[0.1 + 0.2, 1 / 3, 5e-324], [1.0, 0.0, 0.0]],
        answer={"decision": "HODL", "é": [1, None]},
        as_of=T0,
        feature_snapshots={"features.crypto_daily": 2**62 + 1},
    )


def large(id_: str, endpoint: str = "predict") -> Receipt:
    """Of as many rows as a request may have."""
    return replace(receipt(id_, endpoint), inputs=[[0.1 + 0.2] * 34] * 1000)


def ids(found: list[Receipt]) -> list[str]:
    return [one.id for one in found]


def stored(path: Path) -> list[str]:
    """All ids, newest first, as another reader of the file finds them."""
    other = sqlite3.connect(path)
    found = [name for (name,) in other.execute("SELECT id FROM receipts ORDER BY number DESC")]
    other.close()
    return found


def test_a_receipt_is_found_as_it_was(receipts: Receipts, path: Path):
    receipts.record([receipt()])
    assert receipts.get("a") == receipt()
    assert receipts.get("b") is None
    again = Receipts(path)
    assert again.get("a") == receipt()
    again.close()


def test_the_first_with_an_id_is_kept(receipts: Receipts, path: Path):
    receipts.record([receipt(made=1), receipt(made=2)])
    receipts.record([receipt(made=3), receipt("b")])
    assert stored(path) == ["b", "a"]
    assert receipts.get("a") == receipt(made=1)


def test_all_of_a_batch_or_none(receipts: Receipts):
    unkeepable = replace(receipt("b"), endpoint=object())
    with pytest.raises((sqlite3.Error, ValueError, TypeError)):
        receipts.record([receipt("a"), unkeepable])
    assert receipts.get("a") is None
    receipts.record([receipt("c")])
    assert receipts.get("c") is not None


def test_recent_ones_of_a_version_newest_first_until_there_are_enough_rows(receipts: Receipts):
    receipts.record([receipt(str(number), model=("one", "two")[number % 2]) for number in range(10)])
    receipts.record([receipt("older", model="two", version=1), receipt("other", "signal", model="two")])
    assert ids(receipts.recent("predict", "two", 2, rows=6)) == ["9", "7", "5"]
    assert ids(receipts.recent("predict", "two", 2, rows=5)) == ["9", "7", "5"]
    assert ids(receipts.recent("predict", "two", 2, rows=99)) == ["9", "7", "5", "3", "1"]
    assert ids(receipts.recent("predict", "two", 1, rows=99)) == ["older"]
    assert ids(receipts.recent("signal", "two", 2, rows=99)) == ["other"]
    assert receipts.recent("predict", "two", 2, rows=0) == receipts.recent("predict", "three", 2, rows=3) == []


def test_recent_reads_no_more_than_it_needs(receipts: Receipts, path: Path):
    receipts.record([receipt("unread"), receipt("of another version", version=1), receipt("a"), receipt("b")])
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE receipts SET receipt = 'unreadable' WHERE id IN ('unread', 'of another version')")
    other.close()
    assert ids(receipts.recent("predict", "eth_signal", 2, rows=3)) == ["b", "a"]
    with pytest.raises(DamagedReceipt):
        receipts.recent("predict", "eth_signal", 2, rows=5)
    receipts.record([receipt("c")])
    assert ids(receipts.recent("predict", "eth_signal", 2, rows=1)) == ["c"], "a look that failed holds nothing back"


def test_the_oldest_of_an_endpoint_are_removed(receipts: Receipts, path: Path):
    receipts.record([receipt(str(number), endpoint=("predict", "signal")[number % 2]) for number in range(10)])
    assert receipts.trim("predict", 2, PLENTY) == 3
    assert receipts.trim("predict", 2, PLENTY) == 0
    assert stored(path) == ["9", "8", "7", "6", "5", "3", "1"]
    assert receipts.trim("signal", 0, PLENTY) == 5
    assert receipts.trim("nothing", 0, PLENTY) == 0


def test_the_oldest_of_an_endpoint_are_removed_until_all_take_few_enough_bytes(receipts: Receipts, path: Path):
    receipts.record([receipt("kept", "signal"), *(large(str(number)) for number in range(50))])
    assert receipts.trim("predict", 99, 40_000_000) == 0
    removed = receipts.trim("predict", 99, 10_000_000)
    left = stored(path)
    assert left == [str(number) for number in range(49, removed - 1, -1)] + ["kept"]
    assert sum(len(msgspec.json.encode(receipts.get(name))) for name in left) > 10_000_000 / 2
    assert receipts.trim("predict", 99, 10_000_000) == 0
    assert receipts.trim("predict", 99, 0) == len(left) - 1, "other endpoints keep theirs, whatever they take"
    assert stored(path) == ["kept"]


def test_what_is_removed_makes_room(receipts: Receipts, path: Path):
    for number in range(60):
        receipts.record([large(str(number))])
        receipts.trim("predict", 99, 10_000_000)
    assert receipts.get("59") is not None
    assert path.stat().st_size < 11_000_000


def test_a_file_of_before_is_read_and_goes_on(path: Path):
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(OLD_TABLES)
    with old:
        put = "INSERT INTO receipts (id, endpoint, model, receipt) VALUES (?, ?, ?, ?)"
        old.execute(put, ("old", "predict", "eth_signal", msgspec.json.encode(receipt("old"))))
    old.close()
    receipts = Receipts(path)
    receipts.record([receipt("new")])
    assert receipts.get("old") == receipt("old")
    assert ids(receipts.recent("predict", "eth_signal", 2, rows=99)) == ["new"]
    assert receipts.trim("predict", 1, PLENTY) == 1
    assert stored(path) == ["new"]
    receipts.close()


def test_the_same_prediction_has_the_same_id():
    assert receipt_id(SHA, [[0.1, None]], T0, "signal") == receipt_id(SHA, [[0.1, None]], T0, "signal")
    assert len(receipt_id(SHA, [], None)) == ID_LENGTH
    assert receipt_id(SHA, [[0.1]], T0, {"a": 1, "b": 2}) == receipt_id(SHA, [[0.1]], T0, {"b": 2, "a": 1})


def test_different_predictions_have_different_ids():
    asked = [
        (SHA, [[0.1, None]], T0),
        ("cd" * 32, [[0.1, None]], T0),
        (SHA, [[0.1, 0.0]], T0),
        (SHA, [[0.1], [None]], T0),
        (SHA, [[0.1, None]], None),
        (SHA, [[0.1, None]], T0.replace(microsecond=1)),
        (SHA, [[0.1, None]], T0, "signal"),
    ]
    assert len({receipt_id(*one) for one in asked}) == len(asked)


def test_threads_share_one(receipts: Receipts, path: Path):
    def work(number: int) -> None:
        receipts.record([receipt("shared"), receipt(str(number))])
        assert receipts.get(str(number)) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert len(stored(path)) == 41


@pytest.mark.slow
def test_processes_share_one_file_from_its_first_moment(path: Path):
    command = [sys.executable, "-c", WORKER, str(path)]
    workers = [subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, text=True) for number in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert len(stored(path)) == 61


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2**70},
        {"feature_snapshots": {"features.crypto_daily": -(2**64)}},
        {"made_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"made_at": datetime(2026, 1, 1)},
        {"as_of": datetime(1, 1, 1, tzinfo=UTC)},
    ],
)
def test_numbers_and_times_that_nothing_can_hold_are_no_receipt(change: dict[str, object]):
    """Where one was, the lake would take none of those behind it."""
    whole = receipt("whole")
    assert decoded(msgspec.json.encode(whole)) == whole
    with pytest.raises(DamagedReceipt):
        decoded(msgspec.json.encode(replace(whole, **change)))
