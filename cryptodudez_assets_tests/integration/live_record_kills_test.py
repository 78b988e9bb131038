"""Whoever keeps a live record dies by SIGKILL beside its commit: behind it each receipt is scored once, as if nobody had died."""

import os
import signal
from pathlib import Path

import pytest

from cryptodudez_assets.lake.iceberg import change
from cryptodudez_assets.models.signal.record.keeping import update
from cryptodudez_assets.models.signal.record.stored import read
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.live_records import FIRST, HORIZON, landed, served
from cryptodudez_assets_tests.processes import process
from cryptodudez_assets_tests.serving_builders import champion
from cryptodudez_assets_tests.signal_lake import DAY

N = 100
OVER = FIRST + (N + 1 + HORIZON) * DAY
PATIENCE_SECONDS = 120


def dies(home: Path, *, commits: bool) -> None:
    """Keep the record, and die when its data files are written: before the commit, or behind it."""
    made = change._Transaction.commit_transaction

    def commit(transaction: change._Transaction) -> object:
        if transaction._table.name()[-1] != ETHER.record.partition(".")[2] or not transaction._updates:
            return made(transaction)
        if commits:
            made(transaction)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it is dead")

    change._Transaction.commit_transaction = commit  # type: ignore[method-assign]
    update(open_lake(Settings(home=home)), ETHER, OVER)


def dies_before(home: Path) -> None:
    dies(home, commits=False)


def dies_behind(home: Path) -> None:
    dies(home, commits=True)


@pytest.mark.parametrize("work", [dies_before, dies_behind])
def test_killed_beside_the_commit_each_receipt_is_scored_once(tmp_path: Path, work) -> None:
    lake = open_lake(Settings(home=tmp_path))
    landed(lake, N)
    manifest = champion(lake.settings).champion()
    assert manifest is not None
    told = [served(lake, manifest, N, decision, hour) for hour, decision in enumerate(("BUY", "HODL", "SELL"))]
    landed(lake, N + HORIZON + 1)

    for _ in range(2):  # it is begun again, and dies again, if there is anything to write
        killed = process(work, tmp_path)
        killed.start()
        killed.join(PATIENCE_SECONDS)
        assert killed.exitcode == -signal.SIGKILL
        scored = read(lake, ETHER)["scored_at"].count()
        assert scored == (len(told) if work is dies_behind else 0)

    record = update(lake, ETHER, OVER + DAY)
    assert record is not None
    assert record["receipt_id"].to_list() == [one.id for one in told]
    assert record["scored_at"].to_list() == [OVER if work is dies_behind else OVER + DAY] * len(told)
    again = update(lake, ETHER, OVER + 2 * DAY)
    assert again is not None
    assert again.equals(record)
