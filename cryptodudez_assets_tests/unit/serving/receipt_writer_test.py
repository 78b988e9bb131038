"""Receipts in groups: durable before the answer, bounded in the queue and on disk."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cryptodudez_assets.models.receipts import Receipt, Receipts
from serving import receipt_writer
from serving.errors import Unavailable
from serving.receipt_writer import PREDICTIONS, ReceiptWriter


def receipt(name: str, rows: int = 1) -> Receipt:
    return Receipt(
        id=name,
        made_at=datetime.now(UTC),
        endpoint=PREDICTIONS,
        request={},
        model="toy",
        version=1,
        sha256="",
        inputs=[[0.1 + 0.2] * 34] * rows,
        probabilities=[],
        answer={},
        as_of=None,
        feature_snapshots={},
    )


class Counted(Receipts):
    """Knows how many groups it was given."""

    groups = 0

    def record(self, receipts: Sequence[Receipt]) -> None:
        self.groups += 1
        super().record(receipts)


@pytest.fixture
def receipts(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "receipts.db")


def test_what_came_together_is_written_together_before_anybody_goes_on(receipts: Counted):
    async def use() -> None:
        one = ReceiptWriter(receipts)
        waiting = [one.record(receipt(str(number))) for number in range(50)]
        running = asyncio.create_task(one.run())
        await asyncio.gather(*waiting)
        assert receipts.groups == 1
        assert all(receipts.get(str(number)) for number in range(50))
        one.close()
        await running

    asyncio.run(use())


def test_closing_writes_what_waits(receipts: Counted):
    async def use() -> None:
        one = ReceiptWriter(receipts)
        waiting = one.record(receipt("last"))
        one.close()
        await one.run()
        await waiting

    asyncio.run(use())
    assert receipts.get("last")


def test_a_full_queue_says_try_again(receipts: Counted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receipt_writer, "MOST_WAITING", 2)

    async def use() -> None:
        one = ReceiptWriter(receipts)
        one.record(receipt("a"))
        one.record(receipt("b"))
        with pytest.raises(Unavailable) as refused:
            one.record(receipt("c"))
        assert refused.value.headers == {"Retry-After": "1"}

    asyncio.run(use())


def test_a_queue_is_full_by_rows_too_and_takes_more_once_they_are_written(receipts: Counted):
    async def use() -> None:
        one = ReceiptWriter(receipts)
        waiting = [one.record(receipt(str(number), 1000)) for number in range(receipt_writer.MOST_ROWS_WAITING // 1000)]
        with pytest.raises(Unavailable) as refused:
            one.record(receipt("too many"))
        assert refused.value.headers == {"Retry-After": "1"}
        running = asyncio.create_task(one.run())
        await asyncio.gather(*waiting)
        await one.record(receipt("next", 1000))
        one.close()
        await running

    asyncio.run(use())
    assert receipts.get("too many") is None
    assert receipts.get("0")
    assert receipts.get("next")


def test_a_disk_that_fails_fails_the_answers_and_not_the_next(receipts: Counted):
    async def use() -> None:
        one = ReceiptWriter(receipts)
        running = asyncio.create_task(one.run())
        receipts._writer.execute("ALTER TABLE receipts RENAME TO gone")
        with pytest.raises(Unavailable, match="could not be written"):
            await one.record(receipt("a"))
        receipts._writer.execute("ALTER TABLE gone RENAME TO receipts")
        await one.record(receipt("b"))
        one.close()
        await running

    asyncio.run(use())
    assert receipts.get("a") is None
    assert receipts.get("b")


def test_a_cancelled_request_does_not_disturb_the_others(receipts: Counted):
    async def use() -> None:
        one = ReceiptWriter(receipts)
        gone, stays = one.record(receipt("gone")), one.record(receipt("stays"))
        gone.cancel()
        one.close()
        await one.run()
        await stays

    asyncio.run(use())


def test_the_oldest_go(receipts: Counted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(receipt_writer, "TRIM_EVERY", 5)

    async def use() -> None:
        one = ReceiptWriter(receipts, kept=3)
        running = asyncio.create_task(one.run())
        for number in range(20):
            await one.record(receipt(str(number)))
        one.close()
        await running

    asyncio.run(use())
    assert receipts.get("0") is None
    assert receipts.get("19")
    assert len(receipts.recent(PREDICTIONS, "toy", 1, rows=100)) <= 3 + 5


def test_the_oldest_go_by_bytes_too_however_few_they_are(receipts: Counted, tmp_path: Path):
    async def use() -> None:
        one = ReceiptWriter(receipts, kept_bytes=10_000_000)
        running = asyncio.create_task(one.run())
        for number in range(60):  # some 40 MB
            await one.record(receipt(str(number), 1000))
        one.close()
        await running

    asyncio.run(use())
    assert receipts.get("0") is None
    assert receipts.get("59")
    between_trims = receipt_writer.TRIM_EVERY // 1000 * 700_000
    assert (tmp_path / "receipts.db").stat().st_size < 10_000_000 + between_trims + 1_000_000
