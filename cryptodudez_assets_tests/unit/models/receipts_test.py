"""Receipts: kept once, found again to the last bit, bounded, by many at a time."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cryptodudez_assets.models.receipts import ID_LENGTH, Receipt, Receipts, receipt_id

T0 = datetime(2021, 7, 1, tzinfo=UTC)
SHA = "ab" * 32
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


def receipt(id_: str = "a", endpoint: str = "predict", model: str = "eth_signal", made: int = 0) -> Receipt:
    return Receipt(
        id=id_,
        made_at=T0.replace(minute=made),
        endpoint=endpoint,
        request={"rows": [{"momentum": 0.1, "mood": None}]},
        model=model,
        version=2,
        sha256=SHA,
        inputs=[[0.10000000149011612, None], [-0.0, 1e-45]],
        probabilities=[[0.1 + 0.2, 1 / 3, 5e-324], [1.0, 0.0, 0.0]],
        answer={"decision": "HODL", "é": [1, None]},
        as_of=T0,
        feature_snapshots={"features.crypto_daily": 2**62 + 1},
    )


def ids(found: list[Receipt]) -> list[str]:
    return [one.id for one in found]


def test_a_receipt_is_found_as_it_was(receipts: Receipts, path: Path):
    receipts.record([receipt()])
    assert receipts.get("a") == receipt()
    assert receipts.get("b") is None
    again = Receipts(path)
    assert again.get("a") == receipt()
    again.close()


def test_the_first_with_an_id_is_kept(receipts: Receipts):
    receipts.record([receipt(made=1), receipt(made=2)])
    receipts.record([receipt(made=3), receipt("b")])
    assert ids(receipts.recent("eth_signal", 9)) == ["b", "a"]
    assert receipts.get("a") == receipt(made=1)


def test_all_of_a_batch_or_none(receipts: Receipts):
    unkeepable = replace(receipt("b"), endpoint=object())
    with pytest.raises((sqlite3.Error, ValueError, TypeError)):
        receipts.record([receipt("a"), unkeepable])
    assert receipts.get("a") is None
    receipts.record([receipt("c")])
    assert receipts.get("c") is not None


def test_recent_ones_of_a_model_newest_first(receipts: Receipts):
    receipts.record([receipt(str(number), model=("one", "two")[number % 2]) for number in range(10)])
    assert ids(receipts.recent("two", 3)) == ["9", "7", "5"]
    assert receipts.recent("three", 3) == []


def test_the_oldest_of_an_endpoint_are_removed(receipts: Receipts):
    receipts.record([receipt(str(number), endpoint=("predict", "signal")[number % 2]) for number in range(10)])
    assert receipts.trim("predict", 2) == 3
    assert receipts.trim("predict", 2) == 0
    assert ids(receipts.recent("eth_signal", 99)) == ["9", "8", "7", "6", "5", "3", "1"]
    assert receipts.trim("signal", 0) == 5
    assert receipts.trim("nothing", 0) == 0


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


def test_threads_share_one(receipts: Receipts):
    def work(number: int) -> None:
        receipts.record([receipt("shared"), receipt(str(number))])
        assert receipts.get(str(number)) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert len(receipts.recent("eth_signal", 99)) == 41


def test_processes_share_one_file_from_its_first_moment(path: Path):
    command = [sys.executable, "-c", WORKER, str(path)]
    workers = [subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, text=True) for number in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    receipts = Receipts(path)
    assert len(receipts.recent("eth_signal", 99)) == 61
    receipts.close()
