"""Receipts in the lake: brought at least once, found by every home, told apart by their id, forgotten after a while."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models import shared_receipts
from cryptodudez_assets.models.receipts import Receipt, Receipts
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Died(Exception):
    """The process is gone."""


@pytest.fixture
def homes(tmp_path: Path) -> list[Lake]:
    """The lake as two homes see it."""
    (tmp_path / "shared").mkdir()
    catalog, lake = f"sqlite:///{tmp_path}/shared/catalog.db", str(tmp_path / "lake")
    return [open_lake(Settings(home=tmp_path / name, lake=lake, catalog=catalog)) for name in ("one", "other")]


def receipt(number: int, age: timedelta = timedelta(0), n_rows: int = 1) -> Receipt:
    return Receipt(
        id=f"r{number}",
        made_at=NOW - age + timedelta(seconds=number),
        endpoint="predict",
        request={"rows": n_rows},
        model="eth_signal",
        version=2,
        sha256="0" * 64,
        inputs=[[number / 3, None]] * n_rows,
        probabilities=[[1 / 3, 2 / 3]] * n_rows,
        answer={"decision": "HODL", "ü": '"'},
        as_of=None,
        feature_snapshots={},
    )


def kept(lake: Lake, *receipts: Receipt) -> Receipts:
    opened = Receipts(lake.settings.receipts)
    opened.record(receipts)
    return opened


def count(lake: Lake) -> int:
    rows = lake.tables.scan(shared_receipts.SPEC.name)
    return 0 if rows is None else len(rows.collect())


def test_what_one_home_brought_the_other_finds_to_the_last_bit(homes: list[Lake]):
    one, other = homes
    told = [receipt(number) for number in range(5)]
    receipts = kept(one, *told)
    assert shared_receipts.find(other, "r3") is None
    assert shared_receipts.bring(one, receipts) == 5
    assert [shared_receipts.find(other, each.id) for each in told] == told
    assert not other.settings.receipts.exists(), "a look leaves nothing behind"
    assert shared_receipts.bring(one, receipts) == 0
    receipts.record([receipt(7)])
    assert shared_receipts.bring(one, receipts) == 1
    assert count(other) == 6
    assert shared_receipts.find(other, "r6") is None


def test_large_ones_are_brought_by_and_by(homes: list[Lake], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shared_receipts, "MOST_BYTES", 1_000)
    monkeypatch.setattr(shared_receipts, "MOST", 3)
    receipts = kept(homes[0], *(receipt(number, n_rows=100) for number in range(3)), *map(receipt, range(3, 10)))
    assert shared_receipts.bring(homes[0], receipts) == count(homes[1]) == 10
    table = homes[1].tables.load(shared_receipts.SPEC.name)
    assert len(table.metadata.snapshots) >= 6


def test_killed_behind_the_commit_it_is_brought_again_and_is_one_receipt(
    homes: list[Lake], monkeypatch: pytest.MonkeyPatch
):
    one, other = homes
    receipts = kept(one, receipt(1, n_rows=3), receipt(2))

    def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Receipts, "note_brought", dies)
        with pytest.raises(Died):
            shared_receipts.bring(one, receipts)
    assert shared_receipts.bring(one, receipts) == 2
    assert count(other) == 4
    for lake in homes:
        assert shared_receipts.find(lake, "r1") == receipt(1, n_rows=3)
        assert [each.id for each in shared_receipts.recent(lake, "predict", "eth_signal", 2, 100)] == ["r2", "r1"]


def test_the_newest_of_all_homes_until_there_are_enough_rows(homes: list[Lake]):
    one, other = homes
    shared_receipts.bring(one, kept(one, *(receipt(number) for number in (1, 4, 5))))
    kept(other, receipt(2), receipt(3, n_rows=2))
    for rows, expected in (
        (1, ["r5"]),
        (3, ["r5", "r4", "r3"]),
        (4, ["r5", "r4", "r3"]),
        (9, [f"r{n}" for n in (5, 4, 3, 2, 1)]),
    ):
        found = shared_receipts.recent(other, "predict", "eth_signal", 2, rows)
        assert [each.id for each in found] == expected
    assert shared_receipts.recent(other, "predict", "eth_signal", 1, 9) == []
    assert shared_receipts.recent(other, "signal", "eth_signal", 2, 9) == []


def test_one_that_was_changed_stays_behind_and_the_others_go(homes: list[Lake], caplog: pytest.LogCaptureFixture):
    one, other = homes
    receipts = kept(one, receipt(1), receipt(2), receipt(3))
    with sqlite3.connect(one.settings.receipts) as connection:
        connection.execute("UPDATE receipts SET receipt = ? WHERE id = 'r2'", (b"{",))
    assert shared_receipts.bring(one, receipts) == 2
    assert "is left where it is" in caplog.text
    assert [shared_receipts.find(other, name) is not None for name in ("r1", "r2", "r3")] == [True, False, True]


def test_old_ones_are_forgotten(homes: list[Lake]):
    one, other = homes
    assert shared_receipts.forget(other, NOW) == 0
    ages = [timedelta(days=days) for days in (200, 91, 89, 0)]
    shared_receipts.bring(one, kept(one, *(receipt(number, age) for number, age in enumerate(ages))))
    assert shared_receipts.forget(other, NOW) == 2
    assert [shared_receipts.find(other, f"r{number}") is None for number in range(4)] == [True, True, False, False]
