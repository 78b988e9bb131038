"""Receipts on their way to disk. A wait for the disk is long and a prediction short, so one wait serves all that queued up."""

import asyncio
import logging
import secrets
from asyncio import Future
from itertools import count
from time import time_ns

from cryptodudez_assets.models.receipts import Receipt, Receipts
from serving.errors import Unavailable

PREDICTIONS = "predict"
# Every answer has a receipt, none is sampled away: each id that was handed out can be explained. What bounds them is their
# number and their bytes; the oldest go. Drift, which reads the most recent ones, needs no more.
KEPT = 200_000
KEPT_BYTES = 1_000_000_000  # so many receipts of one row take a third of it, of 1,000 rows a hundred times it
TRIM_EVERY = 10_000  # rows
MOST_WAITING = 2_000
MOST_ROWS_WAITING = 50_000
GATHER_SECONDS = 0.001
PROCESS = f"{time_ns():016x}{secrets.token_hex(6)}"
"""What no other process has: when it began, and something random."""

_numbers = count()

log = logging.getLogger(__name__)


class ReceiptWriter:
    """Writes receipts of predictions in groups. Belongs to one event loop; `run` must be running."""

    def __init__(self, receipts: Receipts, kept: int = KEPT, kept_bytes: int = KEPT_BYTES) -> None:
        self._receipts, self._kept, self._kept_bytes = receipts, kept, kept_bytes
        self._waiting: list[tuple[Receipt, Future[None]]] = []
        self._rows_waiting = 0
        self._some = asyncio.Event()
        self._closed = False
        self._untrimmed = TRIM_EVERY  # what an earlier process left is trimmed with the first group

    def record(self, receipt: Receipt) -> Future[None]:
        """Done once the receipt would survive a power cut. Raises `Unavailable` while too many wait or the disk fails."""
        if len(self._waiting) >= MOST_WAITING or self._rows_waiting >= MOST_ROWS_WAITING:
            raise Unavailable("more predictions are asked for than receipts can be written", 1)
        future: Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, future))
        self._rows_waiting += len(receipt.inputs)
        self._some.set()
        return future

    async def run(self) -> None:
        """Write until closed, and then what still waits."""
        while self._waiting or not self._closed:
            await self._some.wait()
            if len(self._waiting) > 1:  # many ask: a moment more, and one wait for the disk serves more of them
                await asyncio.sleep(GATHER_SECONDS)
            self._some.clear()
            await self._write_waiting()

    def close(self) -> None:
        """Let `run` end."""
        self._closed = True
        self._some.set()

    async def _write_waiting(self) -> None:
        group, self._waiting, self._rows_waiting = self._waiting, [], 0
        if not group:
            return
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, self._write, [receipt for receipt, _ in group])
        except Exception as error:  # without a receipt there is no answer, whatever the reason
            log.error("%d receipts could not be written: %s", len(group), error)
            for _, future in group:
                if not future.done():
                    future.set_exception(Unavailable("the receipt could not be written", 1))
            return
        for _, future in group:
            if not future.done():  # its request was cancelled
                future.set_result(None)

    def _write(self, receipts: list[Receipt]) -> None:
        self._receipts.record(receipts)
        self._untrimmed += sum(len(one.inputs) for one in receipts)
        if self._untrimmed >= TRIM_EVERY:
            self._untrimmed = 0
            self._receipts.trim(PREDICTIONS, self._kept, self._kept_bytes)


def new_id() -> str:
    """Unlike any other, so that two who ask the same are told apart; in order of time, which is cheap to index."""
    return f"{PROCESS}{next(_numbers):010x}"
